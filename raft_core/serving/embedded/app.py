"""The model server's HTTP side: OpenAI's endpoints, vLLM's for adapters, health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from raft_core.records import BASE
from raft_core.serving.embedded.adapters import Adapters
from raft_core.serving.embedded.answers import Answers
from raft_core.serving.embedded.engine import Engine, EngineClosed
from raft_core.serving.embedded.prompting import Prompting
from raft_core.serving.memory import peak_mb
from raft_core.serving.web.embeddings import Embed, Embeddings
from raft_core.serving.web.failures import add_error_handlers
from raft_core.serving.web.guard import LOOPBACK, MAX_BODY_BYTES, Guard, GuardRequests
from raft_core.serving.web.metrics import CountRequests, Metrics
from raft_core.serving.web.protocol import (
    ApiError,
    ChatRequest,
    CompletionRequest,
    LoadAdapter,
    Reply,
    UnloadAdapter,
    shown_name,
    usage,
)

T = TypeVar("T")


class Api:
    """The endpoints, around one engine."""

    def __init__(
        self,
        engine: Engine,
        adapters: Adapters,
        *,
        key: str | None = None,
        host: str | None = LOOPBACK,
        max_body_bytes: int = MAX_BODY_BYTES,
        embed: Embed | None = None,
        embeddings_name: str = "minilm",
    ) -> None:
        self.engine = engine
        self.adapters = adapters
        self.metrics = Metrics(engine)
        self._prompting = Prompting(engine.base, adapters)
        # What reads adapters from a slow disk must not occupy the threads that answers need.
        self._prompters = ThreadPoolExecutor(2, thread_name_prefix="prompting")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="adapters")
        self._guard = Guard(key, "adapters are managed", host=host, max_body_bytes=max_body_bytes)
        self._embeddings = Embeddings(embed, embeddings_name)
        self._started = int(time.time())

    def app(self) -> FastAPI:
        """Return the application with all routes."""

        @contextlib.asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            yield
            for threads in (self._prompters, self._readers, self._embeddings.threads):
                threads.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(self.engine.close)

        app = FastAPI(title="raftbot model server", lifespan=lifespan, docs_url=None, redoc_url=None)
        owner = [Depends(self._guard.check_owner)]
        add = app.add_api_route
        add("/health", self.health)
        add("/metrics", self.show_metrics)
        add("/v1/models", self.models)
        add("/v1/memory", self.memory)
        add("/v1/chat/completions", self.chat, methods=["POST"], response_model=None)
        add("/v1/completions", self.completions, methods=["POST"], response_model=None)
        add("/v1/embeddings", self._embeddings.answer, methods=["POST"])
        add("/v1/load_lora_adapter", self.load_adapter, methods=["POST"], dependencies=owner)
        add("/v1/unload_lora_adapter", self.unload_adapter, methods=["POST"], dependencies=owner)
        app.add_middleware(GuardRequests, guard=self._guard)
        app.add_middleware(CountRequests, metrics=self.metrics)
        add_error_handlers(app, {EngineClosed: 503})
        return app

    async def health(self) -> dict[str, str]:
        """Tell that the server is up."""
        return {"status": "ok"}

    async def show_metrics(self) -> Response:
        """Return the Prometheus metrics."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def models(self) -> dict[str, Any]:
        """List the base and the adapters."""
        base = self.engine.base
        common = {
            "object": "model",
            "created": self._started,
            "owned_by": "raftbot",
            "max_model_len": base.context,
        }
        listed = [
            {"id": BASE, **common, "root": shown_name(base.name), "parent": None},
            *({"id": name, **common, "root": name, "parent": BASE} for name in self.adapters.names[1:]),
        ]
        return {"object": "list", "data": listed}

    async def memory(self) -> dict[str, float]:
        """Tell what the base's weights, this process and the GPU hold, in MB."""
        base = self.engine.base
        memory = {"weights": round(base.model.get_memory_footprint() / 1e6, 1), "server": peak_mb()}
        if base.device.type == "cuda":
            memory["gpu"] = round(torch.cuda.max_memory_reserved(base.device) / 1e6, 1)
        return memory

    async def chat(self, asked: ChatRequest, request: Request) -> Response | dict[str, Any]:
        """Answer a chat."""
        answers = Answers(self.engine, self.metrics, asked.model, 1)
        generation = await self._in_thread(asked.model, self._prompting.chat, asked, answers.sinks[0])
        return await self._answer(answers.start([generation]), asked, request, chat=True)

    async def completions(self, asked: CompletionRequest, request: Request) -> Response | dict[str, Any]:
        """Go on with prompts."""
        count = len(asked.prompts)
        if not 1 <= count <= self.engine.max_waiting or (asked.stream and count > 1):
            limit = 1 if asked.stream else self.engine.max_waiting
            raise ApiError(400, f"give 1 to {limit} prompts, there are {count}", param="prompt")
        answers = Answers(self.engine, self.metrics, asked.model, count)
        generations = await self._in_thread(asked.model, self._prompting.completions, asked, answers.sinks)
        return await self._answer(answers.start(generations), asked, request, chat=False)

    async def _in_thread(self, model: str, function: Callable[..., T], *arguments: Any) -> T:
        threads = self._prompters if self.adapters.is_loaded(model) else self._readers
        return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)

    async def _answer(
        self, answers: Answers, asked: ChatRequest | CompletionRequest, request: Request, *, chat: bool
    ) -> Response | dict[str, Any]:
        reply = Reply(asked.model, chat=chat)
        if asked.stream:
            events = _events(answers, reply, include_usage=asked.include_usage)
            return StreamingResponse(events, media_type="text/event-stream")
        whole = await answers.all(request.is_disconnected)
        used = usage(answers.prompt_tokens, sum(piece.tokens for piece in whole))
        return reply.whole([piece.text for piece in whole], [str(p.finish_reason) for p in whole], used)

    async def load_adapter(self, asked: LoadAdapter) -> dict[str, Any]:
        """Serve an adapter from this machine's disk."""
        load = partial(self.adapters.load, asked.lora_name, Path(asked.lora_path))
        warning = await asyncio.get_running_loop().run_in_executor(self._readers, load)
        return {"status": "ok", "lora_name": asked.lora_name, **({"warning": warning} if warning else {})}

    async def unload_adapter(self, asked: UnloadAdapter) -> dict[str, Any]:
        """Stop serving an adapter."""
        self.adapters.unload(asked.lora_name)
        return {"status": "ok", "lora_name": asked.lora_name}


async def _events(answers: Answers, reply: Reply, *, include_usage: bool) -> AsyncIterator[str]:
    """Yield the server-sent events of one answer; closing the iterator cancels it."""
    first = True
    try:
        async for piece in answers.pieces():
            yield _event(reply.chunk(piece.text, piece.finish_reason, first=first))
            first = False
            if piece.finish_reason and include_usage:
                yield _event(reply.usage_chunk(usage(answers.prompt_tokens, piece.tokens)))
        yield "data: [DONE]\n\n"
    except ApiError as error:  # the status has been sent: the stream is all that is left to say it in
        yield _event(error.body())
    finally:
        answers.cancel()


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
