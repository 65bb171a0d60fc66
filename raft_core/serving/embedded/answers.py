"""The bridge between the event loop and the engine's thread: the answers of one request."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from raft_core.serving.embedded.engine import Engine, EngineClosed, QueueFull
from raft_core.serving.embedded.generation import Generation, Piece, Sink
from raft_core.serving.web.metrics import Metrics
from raft_core.serving.web.protocol import ApiError

GONE_CHECK_S = 0.1


class Answers:
    """One request's generations and what comes of them. Made and read in the event loop."""

    def __init__(self, engine: Engine, metrics: Metrics, model: str, count: int) -> None:
        self._engine = engine
        self._metrics = metrics
        self._model = model
        self._started = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        self._queues: list[asyncio.Queue[Piece | Exception]] = [asyncio.Queue() for _ in range(count)]
        self._generations: list[Generation] = []
        self.sinks: list[Sink] = [self._sink(queue) for queue in self._queues]

    def start(self, generations: list[Generation]) -> Answers:
        """Hand the generations to the engine.

        Raises:
            ApiError: the queue is full or the server is shutting down.
        """
        self._generations = generations
        try:
            self._engine.submit(generations)
        except (QueueFull, EngineClosed) as error:
            raise _shown(error) from error
        return self

    @property
    def prompt_tokens(self) -> int:
        """The tokens of all prompts."""
        return sum(len(one.prompt) for one in self._generations)

    def cancel(self) -> None:
        """Tell the engine that nobody waits any more."""
        for generation in self._generations:
            generation.cancelled = True

    async def pieces(self, index: int = 0) -> AsyncIterator[Piece]:
        """Yield the pieces of one answer as they come.

        Raises:
            ApiError: the engine failed.
        """
        while True:
            piece = await self._queues[index].get()
            if isinstance(piece, Exception):
                raise _shown(piece)
            if piece.finish_reason is not None:
                seconds = time.perf_counter() - self._started
                prompt = len(self._generations[index].prompt)
                self._metrics.answered(self._model, prompt, piece.tokens, seconds)
            yield piece
            if piece.finish_reason is not None:
                return

    async def all(self, is_gone: Callable[[], Awaitable[bool]]) -> list[Piece]:
        """Return the whole answers in order; cancels them when the client has gone.

        Raises:
            ApiError: the engine failed, or the client has gone.
        """

        async def last(index: int) -> Piece:
            piece = [piece async for piece in self.pieces(index)][-1]
            return piece  # not live: the last piece holds the whole text

        whole = asyncio.gather(*(last(index) for index in range(len(self._generations))))
        try:
            while not (await asyncio.wait([whole], timeout=GONE_CHECK_S))[0]:
                if await is_gone():
                    raise ApiError(499, "the client has gone")
            return await whole
        finally:
            self.cancel()
            whole.cancel()

    def _sink(self, queue: asyncio.Queue[Piece | Exception]) -> Sink:
        def send(piece: Piece | Exception) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to tell
                self._loop.call_soon_threadsafe(queue.put_nowait, piece)

        return send


def _shown(error: Exception) -> ApiError:
    if isinstance(error, (QueueFull, EngineClosed)):
        return ApiError(503, str(error), code="overloaded")
    return ApiError(500, f"the generation failed: {type(error).__name__}: {error}")
