"""A stand-in for vLLM on its socket, for the faults that the real one cannot be made to show.

It knows models by name alone: each has a number, from which its log-probabilities follow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse


@dataclass
class FaultyVllm:
    """`ignores` takes adapters and answers as the base; `corrupts` changes all models while it sleeps."""

    ignores: bool = False
    corrupts: set[str] = field(default_factory=set)
    models: dict[str, float] = field(default_factory=lambda: {"base": 1.0})
    calls: list[str] = field(default_factory=list)
    is_up: bool = True
    starts: int = 0
    memory_mb: float | None = 512.0

    def restart(self) -> None:
        """Lose everything, as a process that was killed."""
        self.calls.append("restart")
        self.models = {"base": 1.0}
        self.starts += 1

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/health")(lambda: {})
        app.get("/v1/models")(lambda: {"data": [{"id": "base", "root": "model", "max_model_len": 512}]})
        app.post("/v1/completions")(self.complete)
        app.post("/v1/load_lora_adapter")(self.load)
        app.post("/v1/unload_lora_adapter")(self.unload)
        app.post("/sleep")(self.sleep)
        app.post("/wake_up")(self.wake)
        return app

    async def complete(self, request: Request) -> Any:
        asked = await request.json()
        if asked["model"] not in self.models:
            return JSONResponse({"error": {"message": "no such model"}}, 404)
        number = self.models[asked["model"]]
        top = {"top_logprobs": [{"yes": -number, "no": -2 * number}]}
        choice = {"text": f"{number:g}", "finish_reason": "length", "logprobs": top}
        count = len(asked["prompt"]) if isinstance(asked["prompt"], list) else 1
        choices = [{"index": index, **choice} for index in range(count)]
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        return {"model": asked["model"], "choices": choices, "usage": usage, "limit": asked["max_tokens"]}

    async def load(self, request: Request) -> Any:
        name = (await request.json())["lora_name"]
        self.calls.append(f"load {name}")
        self.models[name] = 1.0 if self.ignores else 1.0 + sum(name.encode()) % 7 + 1
        return JSONResponse("loaded")

    async def unload(self, request: Request) -> Any:
        name = (await request.json())["lora_name"]
        self.calls.append(f"unload {name}")
        del self.models[name]
        return JSONResponse("unloaded")

    async def sleep(self) -> Any:
        self.calls.append("sleep")
        return {}

    async def wake(self) -> Any:
        self.calls.append("wake")
        for name in self.corrupts:
            self.models[name] += 40
        return {}
