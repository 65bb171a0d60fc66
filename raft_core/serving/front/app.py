"""The front: one OpenAI-compatible URL before vLLM and models elsewhere, with embeddings of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from raft_core.markup import spell_out
from raft_core.openai.replies import count
from raft_core.records import BASE
from raft_core.serving.front.engine import Route, VllmEngine
from raft_core.serving.front.forwarding import Find, forward
from raft_core.serving.front.turns import SleepRequest, WakeRequest
from raft_core.serving.front.upstream import Upstream, upstream_of
from raft_core.serving.web.embeddings import Embed, Embeddings
from raft_core.serving.web.failures import add_error_handlers
from raft_core.serving.web.guard import LOOPBACK, MAX_BODY_BYTES, Guard, GuardRequests
from raft_core.serving.web.metrics import CountRequests, Metrics
from raft_core.serving.web.protocol import ApiError, LoadAdapter, UnloadAdapter, shown_name
from raft_core.settings import Endpoint


class Front:
    """The endpoints. `engine` is None where all models are elsewhere."""

    def __init__(
        self,
        engine: VllmEngine | None,
        endpoints: Sequence[Endpoint],
        *,
        key: str | None = None,
        host: str | None = LOOPBACK,
        max_body_bytes: int = MAX_BODY_BYTES,
        embed: Embed | None = None,
        embeddings_name: str = "minilm",
    ) -> None:
        self.engine = engine
        self._elsewhere = [(endpoint, upstream_of(endpoint)) for endpoint in endpoints]
        self.metrics = Metrics(self)
        self._guard = Guard(key, "adapters and sleep are managed", host=host, max_body_bytes=max_body_bytes)
        self._embeddings = Embeddings(embed, embeddings_name)
        self._started = int(time.time())

    @property
    def names(self) -> list[str]:
        """The names of all models, our own first."""
        own = self.engine.adapters.names if self.engine else []
        return list(dict.fromkeys([*own, *(endpoint.name for endpoint, _ in self._elsewhere)]))

    @property
    def running(self) -> int:
        """Answers on their way."""
        return sum(upstream.running for upstream in self._upstreams)

    @property
    def waiting(self) -> int:
        """Requests that wait for an endpoint."""
        return sum(upstream.waiting for upstream in self._upstreams)

    @property
    def _upstreams(self) -> list[Upstream]:
        own = [self.engine.upstream] if self.engine else []
        return own + [upstream for _, upstream in self._elsewhere]

    def app(self) -> FastAPI:
        """Return the application with all routes."""

        @contextlib.asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            minding = asyncio.create_task(self.engine.mind()) if self.engine else None
            yield
            if minding is not None:
                minding.cancel()
            readers = [self.engine.adapters.readers] if self.engine else []
            for threads in (*readers, self._embeddings.threads):
                threads.shutdown(wait=False, cancel_futures=True)
            for upstream in self._upstreams:
                await upstream.client.aclose()

        app = FastAPI(title="raftbot model server", lifespan=lifespan, docs_url=None, redoc_url=None)
        owner = [Depends(self._guard.check_owner)]
        add = app.add_api_route
        add("/health", self.health)
        add("/metrics", self.show_metrics)
        add("/v1/models", self.models)
        add("/v1/memory", self.memory)
        add("/v1/embeddings", self._embeddings.answer, methods=["POST"])
        add("/v1/chat/completions", self.chat, methods=["POST"], response_model=None)
        add("/v1/completions", self.completions, methods=["POST"], response_model=None)
        add("/v1/load_lora_adapter", self.load_adapter, methods=["POST"], dependencies=owner)
        add("/v1/unload_lora_adapter", self.unload_adapter, methods=["POST"], dependencies=owner)
        add("/v1/sleep", self.sleep, methods=["POST"], dependencies=owner)
        add("/v1/wake_up", self.wake_up, methods=["POST"], dependencies=owner)
        app.add_middleware(GuardRequests, guard=self._guard)
        app.add_middleware(CountRequests, metrics=self.metrics)
        add_error_handlers(app)
        return app

    async def health(self) -> Response:
        """Tell whether the server is up, awake or asleep."""
        if self.engine is None:
            return JSONResponse({"status": "ok"})
        if not self.engine.is_up:
            return JSONResponse({"status": "starting"}, 503, {"Retry-After": "10"})
        refusal = self.engine.turns.refusal
        return JSONResponse({"status": "asleep", "why": str(refusal)} if refusal else {"status": "ok"})

    async def show_metrics(self) -> Response:
        """Return the Prometheus metrics, vLLM's own behind the front's."""
        theirs = await self.engine.metrics() if self.engine else ""
        return Response(self.metrics.text() + theirs.encode(), media_type="text/plain; version=0.0.4")

    async def models(self) -> dict[str, Any]:
        """List the base, the adapters, and the models elsewhere."""
        listed = []
        common = {"object": "model", "created": self._started, "parent": None}
        if self.engine is not None:
            base = await self.engine.listing()
            common["max_model_len"] = base.get("max_model_len")
            root = shown_name(str(base.get("root") or ""))
            listed.append({**common, "id": BASE, "owned_by": "vllm", "root": root})
            listed += [
                {**common, "id": name, "owned_by": "vllm", "root": name, "parent": BASE}
                for name in self.engine.adapters.names[1:]
            ]
        known = {model["id"] for model in listed}
        for endpoint, _ in self._elsewhere:
            if endpoint.name not in known:
                known.add(endpoint.name)
                listed.append({**common, "id": endpoint.name, "owned_by": "remote", "root": endpoint.model})
        return {"object": "list", "data": listed}

    async def memory(self) -> dict[str, float]:
        """Tell what vLLM holds, in MB; nothing where it does not run."""
        held = await asyncio.to_thread(
            lambda: self.engine and self.engine.memory_mb
        )  # looks at all processes
        return {"server": held} if held else {}

    async def chat(self, request: Request) -> Response:
        """Answer a chat."""
        body = _body(await request.body())
        if self.engine is not None:
            control = self._own.control_tokens or await asyncio.to_thread(lambda: self._own.control)
            body = {**body, "messages": _spelt_out(body.get("messages"), control)}
        return await self._answer("/chat/completions", body, request)

    async def completions(self, request: Request) -> Response:
        """Go on with prompts."""
        return await self._answer("/completions", _body(await request.body()), request)

    async def load_adapter(self, asked: LoadAdapter) -> dict[str, Any]:
        """Serve an adapter from this machine's disk."""
        warning = await self._own.load(asked.lora_name, Path(asked.lora_path))
        return {"status": "ok", "lora_name": asked.lora_name, **({"warning": warning} if warning else {})}

    async def unload_adapter(self, asked: UnloadAdapter) -> dict[str, Any]:
        """Stop serving an adapter."""
        await self._own.adapters.unload(asked.lora_name)
        return {"status": "ok", "lora_name": asked.lora_name}

    async def sleep(self, asked: SleepRequest) -> dict[str, Any]:
        """Give the GPU to a training, which says so again before its lease ends."""
        return {"asleep": await self._own.turns.begin(asked)}

    async def wake_up(self, asked: WakeRequest) -> dict[str, Any]:
        """Take the GPU back."""
        await self._own.turns.end(asked.holder)
        return {"asleep": self._own.turns.refusal is not None}

    @property
    def _own(self) -> VllmEngine:
        if self.engine is None:
            raise ApiError(400, "this server holds no model of its own: it takes no adapter and never sleeps")
        return self.engine

    async def _answer(self, path: str, body: dict[str, Any], request: Request) -> Response:
        name = body.get("model")
        finds = self._finds(name)
        if self.engine is not None:
            body = await self.engine.fitted(body)
        if not finds:
            # Without the names of the others: this reaches members of one of many guilds.
            raise ApiError(404, f"no model {name!r}", param="model", code="model_not_found")
        return await forward(finds, path, body, request, partial(self._count, str(name)))

    def _finds(self, name: object) -> list[Find]:
        """Return who may answer for a model: our own engine, then the endpoints, those that failed just now last."""
        finds: list[Find] = []
        if self.engine is not None and name in self.engine.adapters.names:
            finds.append(partial(self.engine.route, str(name)))
        found = [(endpoint, upstream) for endpoint, upstream in self._elsewhere if endpoint.name == name]
        for endpoint, upstream in sorted(found, key=lambda each: each[1].is_doubtful):
            finds.append(partial(_straight, Route(upstream, endpoint.model)))
        return finds

    def _count(self, name: str, route: Route, usage: dict[str, Any], seconds: float) -> None:
        prompt, completion = count(usage, "prompt_tokens") or 0, count(usage, "completion_tokens") or 0
        self.metrics.answered(name, prompt, completion, seconds)
        usd = (prompt + completion) / 1000 * route.upstream.price_per_1k_tokens_usd
        self.metrics.cost_usd.labels(name).inc(usd)


async def _straight(route: Route) -> Route:
    return route


def _body(sent: bytes) -> dict[str, Any]:
    try:
        body = json.loads(sent, parse_constant=_no_constant)
        sent.decode()
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # half surrogates have no encoding
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"body: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "body: a JSON object is expected")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _spelt_out(messages: Any, control: Collection[str]) -> Any:
    """Defuse control tokens in what users and documents say; what is no list of messages is refused further on."""
    if isinstance(messages, str):
        return spell_out(messages, control)
    if isinstance(messages, list):
        return [_spelt_out(each, control) for each in messages]
    if isinstance(messages, dict):
        said = {name: _spelt_out(messages[name], control) for name in ("content", "text") if name in messages}
        return {**messages, **said}
    return messages
