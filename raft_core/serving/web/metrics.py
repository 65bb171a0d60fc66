"""What the model server counts, for Prometheus, in a registry of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Load(Protocol):
    """What an engine is doing."""

    @property
    def waiting(self) -> int:
        """Requests that wait."""

    @property
    def running(self) -> int:
        """Answers on their way."""


class Metrics:
    """The counters of one server."""

    def __init__(self, engine: Load) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "raftbot_requests", "HTTP requests", ["path", "status"], registry=self.registry
        )
        self.prompt_tokens = Counter(
            "raftbot_prompt_tokens", "Prompt tokens of finished answers", ["model"], registry=self.registry
        )
        self.completion_tokens = Counter(
            "raftbot_completion_tokens", "Tokens of finished answers", ["model"], registry=self.registry
        )
        self.latency = Histogram(
            "raftbot_answer_seconds",
            "From request to finished answer",
            ["model"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.cost_usd = Counter(
            "raftbot_cost_usd", "US dollars for answers from elsewhere", ["model"], registry=self.registry
        )
        waiting = Gauge("raftbot_queue_length", "Requests waiting", registry=self.registry)
        waiting.set_function(lambda: engine.waiting)
        running = Gauge("raftbot_batch_size", "Answers on their way", registry=self.registry)
        running.set_function(lambda: engine.running)

    def answered(self, model: str, prompt: int, completion: int, seconds: float) -> None:
        """Count one finished answer."""
        self.prompt_tokens.labels(model).inc(prompt)
        self.completion_tokens.labels(model).inc(completion)
        self.latency.labels(model).observe(seconds)

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self.registry)


class CountRequests:
    """ASGI middleware that counts requests by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its response."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Never the path that a stranger made up: every label is kept for ever.
                path = getattr(scope.get("route"), "path", "unknown")
                self._metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)
