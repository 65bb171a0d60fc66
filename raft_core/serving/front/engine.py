"""vLLM as the front sees it: whether it runs, sleeps, and which of its models a name means."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import httpx

from raft_core.errors import ModelError
from raft_core.markup import control_tokens
from raft_core.serving.adapter_files import BaseShape, empty_base
from raft_core.serving.front.adapters import HotAdapters
from raft_core.serving.front.turns import Turns
from raft_core.serving.front.upstream import Unavailable, Upstream
from raft_core.serving.web.protocol import ApiError

log = logging.getLogger(__name__)

VLLM = "http://vllm"
"""Its name on its socket; any would do."""
DRAIN_S = 30.0
"""How long answers under way may take before the server sleeps; what is left then breaks off."""
SLEEP_S = 300.0
"""Moving a large model's weights to main memory and back."""


class Child(Protocol):
    """The process in which vLLM runs, as its supervisor knows it."""

    @property
    def is_up(self) -> bool:
        """Whether it answers."""

    @property
    def starts(self) -> int:
        """How often it was started again."""

    @property
    def memory_mb(self) -> float | None:
        """What it holds of the main memory; None where it does not run."""

    def restart(self) -> None:
        """End it; its supervisor starts it again."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, and what the model is called there."""

    upstream: Upstream
    model: str


class VllmEngine:
    """A vLLM behind a socket, its adapters and its sleep."""

    def __init__(
        self,
        base: str,
        path: str,
        socket: Path,
        child: Child,
        adapters: Mapping[str, Path],
        *,
        max_loaded: int,
        max_rank: int,
        devices: str = "",
    ) -> None:
        self._base = base
        self._path = path
        self._child = child
        self._starts = 0
        self._noted: Mapping[str, Path] | None = adapters
        self._context: int | None = None
        self.upstream = Upstream("vLLM", f"{VLLM}/v1", socket=str(socket))
        self.adapters = HotAdapters(
            self.upstream, lambda: self.shape, max_loaded=max_loaded, max_rank=max_rank
        )
        self.turns = Turns(self._sleep, self._wake, devices)

    @cached_property
    def shape(self) -> BaseShape:
        """The base's linear layers; read when first needed, outside the event loop."""
        return empty_base(self._base, self._path)

    @cached_property
    def control(self) -> frozenset[str]:
        """The tokenizer's special tokens, which nobody but the chat template may write."""
        from transformers import AutoTokenizer

        return control_tokens(AutoTokenizer.from_pretrained(self._path))

    @property
    def control_tokens(self) -> frozenset[str]:
        """The same where they have been read already; empty before."""
        found: frozenset[str] = self.__dict__.get("control", frozenset())
        return found

    @property
    def memory_mb(self) -> float | None:
        """What vLLM holds of the main memory; None where it does not run."""
        return self._child.memory_mb

    @property
    def is_up(self) -> bool:
        """Whether it runs, awake or asleep, and the adapters that were there at its start are known."""
        return self._noted is None and self._child.is_up

    async def mind(self) -> None:
        """Take note of the base and the adapters that were there at the start, then look after turns, for ever."""
        try:
            await asyncio.to_thread(lambda: (self.shape, self.control))  # seconds: not while someone waits
        except ModelError as error:  # vLLM will not start with it either, and says so
            log.error("%s", error)
        for name, folder in (self._noted or {}).items():
            try:
                await self.adapters.add(name, folder)
            except ModelError as error:  # the others go on
                log.warning("not served: %s", error)
        self._noted = None
        await self.turns.mind()

    async def route(self, name: str) -> Route:
        """Return where requests for a model go, its adapter loaded.

        Raises:
            Unavailable: vLLM starts, sleeps, or has ended.
            ApiError, ModelError: as `HotAdapters.version`.
        """
        self._see_restart()
        if (refusal := self.turns.refusal) is not None:
            raise Unavailable(refusal)
        if not self.is_up:
            raise Unavailable(
                ApiError(503, "the model server is starting", code="starting", retry_after_s=10)
            )
        return Route(self.upstream, await self.adapters.version(name))

    async def load(self, name: str, folder: Path) -> str | None:
        """Serve an adapter; while vLLM sleeps or starts it is only noted. Returns a warning where it does nothing.

        Raises:
            ModelError, ApiError: as `HotAdapters.load`.
        """
        self._see_restart()
        if self.turns.refusal is not None or not self.is_up:
            await self.adapters.add(name, folder)
            return None
        return await self.adapters.load(name, folder)

    async def listing(self) -> dict[str, Any]:
        """Return what vLLM says of the base.

        Raises:
            ApiError: it does not answer.
        """
        try:
            body = (await self.upstream.client.get("/models", timeout=10)).json()
            listed: dict[str, Any] = body["data"][0]
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ApiError(503, "the model server is starting", code="starting", retry_after_s=10) from error
        return listed

    async def fitted(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a request whose token limit is within the context: vLLM refuses larger ones, and fills it as well.

        Raises:
            ApiError: it asks for what vLLM would die of.
        """
        if body.get("prompt_logprobs") is not None or (body.get("echo") and body.get("logprobs") is not None):
            # vLLM 0.32 with adapters, beside any other request: "einsum(): subscript b has size …"
            raise ApiError(400, "this server gives no log-probabilities of prompts", param="logprobs")
        if self._context is None and self.is_up:
            self._context = (await self.listing()).get("max_model_len")
        limits = {
            name: min(body[name], self._context)
            for name in ("max_tokens", "max_completion_tokens")
            if self._context and isinstance(body.get(name), int)
        }
        return {**body, **limits}

    async def metrics(self) -> str:
        """Return vLLM's metrics; nothing where it does not answer."""
        try:
            return (await self.upstream.client.get(f"{VLLM}/metrics", timeout=10)).text
        except httpx.HTTPError:
            return ""

    def _see_restart(self) -> None:
        if self._child.starts != self._starts:
            self._starts = self._child.starts
            self.adapters.lost()
            self.turns.restarted()

    async def _sleep(self) -> None:
        self._see_restart()
        if not self._child.is_up:
            raise ApiError(503, "the model server is starting", code="starting", retry_after_s=10)
        deadline = time.monotonic() + DRAIN_S
        while self.upstream.running and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await self._post("/sleep?level=1")

    async def _wake(self) -> None:
        self._see_restart()
        if not self._child.is_up:  # what is started anew is awake
            return
        await self._post("/wake_up")
        if not await self.adapters.recheck():
            log.error("the base is not what it was before the sleep: vLLM is started again")
            self._child.restart()

    async def _post(self, path: str) -> None:
        try:
            response = await self.upstream.client.post(f"{VLLM}{path}", timeout=SLEEP_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ApiError(502, f"vLLM failed at {path.partition('?')[0]}: {error!r}") from error
