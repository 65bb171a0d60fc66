"""The model server's HTTP side: OpenAI's endpoints, vLLM's for adapters, health and metrics."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import ipaddress
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from raft_core.serving.embedded.adapters import BASE, Adapters
from raft_core.serving.embedded.answers import Answers
from raft_core.serving.embedded.engine import Engine
from raft_core.serving.embedded.failures import add_error_handlers
from raft_core.serving.embedded.metrics import CountRequests, Metrics
from raft_core.serving.embedded.prompting import Prompting
from raft_core.serving.embedded.protocol import (
    ApiError,
    ChatRequest,
    CompletionRequest,
    EmbeddingsRequest,
    LoadAdapter,
    Reply,
    UnloadAdapter,
    usage,
)

Embed = Callable[[list[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors; called outside the event loop, and loads its model when first called."""


class Api:
    """The endpoints, around one engine."""

    def __init__(
        self,
        engine: Engine,
        adapters: Adapters,
        *,
        key: str | None = None,
        embed: Embed | None = None,
        embeddings_name: str = "minilm",
    ) -> None:
        self.engine = engine
        self.adapters = adapters
        self.metrics = Metrics(engine)
        self._prompting = Prompting(engine.base, adapters)
        self._key = key
        self._embed = embed
        self._embeddings_name = embeddings_name
        self._started = int(time.time())

    def app(self) -> FastAPI:
        """Return the application with all routes."""

        @contextlib.asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            yield
            await asyncio.to_thread(self.engine.close)

        app = FastAPI(title="raftbot model server", lifespan=lifespan, docs_url=None, redoc_url=None)
        guarded = [Depends(self.check_key)]
        owner = [Depends(self.check_owner)]
        app.add_api_route("/health", self.health)
        app.add_api_route("/metrics", self.show_metrics)
        app.add_api_route("/v1/models", self.models, dependencies=guarded)
        add = app.add_api_route
        add("/v1/chat/completions", self.chat, methods=["POST"], dependencies=guarded, response_model=None)
        add("/v1/completions", self.completions, methods=["POST"], dependencies=guarded, response_model=None)
        add("/v1/embeddings", self.embeddings, methods=["POST"], dependencies=guarded)
        add("/v1/load_lora_adapter", self.load_adapter, methods=["POST"], dependencies=owner)
        add("/v1/unload_lora_adapter", self.unload_adapter, methods=["POST"], dependencies=owner)
        app.add_middleware(CountRequests, metrics=self.metrics)
        add_error_handlers(app)
        return app

    async def check_key(self, request: Request) -> None:
        """Refuse who does not have the key, where there is one."""
        if self._key is not None and not self._has_key(request):
            raise ApiError(401, "the API key is missing or wrong", code="invalid_api_key")

    async def check_owner(self, request: Request) -> None:
        """Refuse who is neither on this machine nor has the key: adapters are read from its disk."""
        await self.check_key(request)
        if self._key is None and not _is_loopback(request):
            raise ApiError(403, "adapters are managed from this machine, or with the server's key")

    def _has_key(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), (self._key or "").encode())

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
            {"id": BASE, **common, "root": base.name, "parent": None},
            *(
                {"id": name, **common, "root": self.adapters.path(name), "parent": BASE}
                for name in self.adapters.names[1:]
            ),
        ]
        return {"object": "list", "data": listed}

    async def chat(self, asked: ChatRequest, request: Request) -> Response | dict[str, Any]:
        """Answer a chat."""
        answers = Answers(self.engine, self.metrics, asked.model, 1)
        generation = await asyncio.to_thread(self._prompting.chat, asked, answers.sinks[0])
        return await self._answer(answers.start([generation]), asked, request, chat=True)

    async def completions(self, asked: CompletionRequest, request: Request) -> Response | dict[str, Any]:
        """Go on with prompts."""
        count = len(asked.prompts)
        if not 1 <= count <= self.engine.max_waiting or (asked.stream and count > 1):
            limit = 1 if asked.stream else self.engine.max_waiting
            raise ApiError(400, f"give 1 to {limit} prompts, there are {count}", param="prompt")
        answers = Answers(self.engine, self.metrics, asked.model, count)
        generations = await asyncio.to_thread(self._prompting.completions, asked, answers.sinks)
        return await self._answer(answers.start(generations), asked, request, chat=False)

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

    async def embeddings(self, asked: EmbeddingsRequest) -> dict[str, Any]:
        """Return vectors for texts."""
        if self._embed is None:
            raise ApiError(400, "this server has no embeddings")
        if asked.model != self._embeddings_name:
            raise ApiError(
                404,
                f"no embeddings {asked.model!r}; known: {self._embeddings_name}",
                param="model",
                code="model_not_found",
            )
        texts = [asked.input] if isinstance(asked.input, str) else list(asked.input)
        vectors = await asyncio.to_thread(self._embed, texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, asked.encoding_format)}
            for index, vector in enumerate(vectors)
        ]
        # The embedder does not tell its tokens; words are what can be counted without its tokenizer.
        words = sum(len(text.split()) for text in texts)
        return {
            "object": "list",
            "data": data,
            "model": asked.model,
            "usage": {"prompt_tokens": words, "total_tokens": words},
        }

    async def load_adapter(self, asked: LoadAdapter) -> dict[str, Any]:
        """Serve an adapter from this machine's disk."""
        warning = await asyncio.to_thread(self.adapters.load, asked.lora_name, Path(asked.lora_path))
        return {"status": "ok", "lora_name": asked.lora_name, **({"warning": warning} if warning else {})}

    async def unload_adapter(self, asked: UnloadAdapter) -> dict[str, Any]:
        """Stop serving an adapter."""
        await asyncio.to_thread(self.adapters.unload, asked.lora_name)
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


def _encoded(vector: Sequence[float], encoding: str) -> list[float] | str:
    if encoding == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
