"""Continuous batching: one thread that owns the model and steps all running answers together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

import torch

from raft_core.errors import RaftError
from raft_core.serving.embedded.batch import Batch
from raft_core.serving.embedded.generation import Generation, Row, choose
from raft_core.serving.embedded.model import BaseModel

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_ROWS = 64
MAX_WAITING = 256
GATHER_S = 0.004
"""How long an idle engine waits for the requests that come together with the first one."""
GATHER_ROUNDS = 4
"""It waits as long again while more have come, up to this many times in all."""
READ_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Prompt tokens read together between two steps, one prompt at least: those who are being answered wait for it."""


class QueueFull(RaftError):
    """More requests wait than the engine takes."""


class EngineClosed(RaftError):
    """The engine has been shut down."""


class Engine:
    """Generates answers in its own thread. `submit` and `call` may be used from any thread."""

    def __init__(self, base: BaseModel, *, max_waiting: int = MAX_WAITING, max_rows: int = MAX_ROWS) -> None:
        self.base = base
        self.max_waiting = max_waiting
        self._max_rows = max_rows
        self._waiting: deque[Generation] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._batch = Batch(base)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests wait to be taken into the batch."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many answers the batch holds."""
        return len(self._batch.rows)

    def submit(self, generations: Sequence[Generation]) -> None:
        """Queue all of these, or none.

        Raises:
            QueueFull: they do not fit into the queue.
            EngineClosed: the engine has been shut down.
        """
        with self._wake:
            if self._closed:
                raise EngineClosed("the model server is shutting down")
            if len(self._waiting) + len(generations) > self.max_waiting:
                raise QueueFull(f"{len(self._waiting)} requests are waiting already")
            self._waiting.extend(generations)
            self._wake.notify()

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Run a function in the engine's thread between two steps, where it may use the model."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except Exception as error:  # whatever it is, whoever waits for the future is told
                future.set_exception(error)

        with self._wake:
            if self._closed:
                raise EngineClosed("the model server is shutting down")
            self._calls.append(run)
            self._wake.notify()
        return future

    def close(self, timeout_s: float = 3.0) -> None:
        """Stop after the step in progress; answers that are not finished fail."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout_s)

    @torch.inference_mode()
    def _run(self) -> None:
        while self._wait_for_work():
            while self._calls:
                self._calls.popleft()()
            try:
                self._drop_cancelled()
                self._join()
                self._step()
            except Exception as error:  # its askers are told; the engine goes on with the others
                log.exception("a batch failed")
                self._fail(self._batch.rows, error)
                self._batch = Batch(self.base)
        closed = EngineClosed("the model server is shutting down")
        self._fail(self._batch.rows, closed)
        for generation in self._waiting:
            generation.sink(closed)
        while self._calls:
            self._calls.popleft()()

    def _wait_for_work(self) -> bool:
        """Wait until there is something to do; False when the engine is closed."""
        if self._batch.rows:
            return not self._closed
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._waiting or self._calls)
            if self._closed or not self._waiting:
                return not self._closed
        self._gather()
        return not self._closed

    def _gather(self) -> None:
        """Let the requests come that come together with the first one."""
        come = 0
        for _ in range(GATHER_ROUNDS):
            if come == len(self._waiting):
                break
            come = len(self._waiting)
            time.sleep(GATHER_S)

    def _drop_cancelled(self) -> None:
        with self._wake:
            if any(generation.cancelled for generation in self._waiting):
                self._waiting = deque(one for one in self._waiting if not one.cancelled)
        self._keep_running()

    def _join(self) -> None:
        """Take waiting requests into the batch, in order, as long as they fit into memory."""
        rows = [Row(one, self.base.tokenizer, self.base.device) for one in self._admit()]
        if rows and not self._read(rows) and len(rows) > 1:
            for row in rows:  # one of them may be at fault, or all of them too many for the memory
                self._read([row])

    def _read(self, rows: Sequence[Row]) -> bool:
        """Read these rows' prompts and choose their first tokens; a row that fails alone is told."""
        try:
            logits = self._batch.join(rows)
        except Exception as error:  # out of memory, an adapter that does not fit
            log.exception("reading %d prompts failed", len(rows))
            if len(rows) == 1:
                self._fail(rows, error)
            return False
        self._advance(rows, logits)
        return True

    def _admit(self) -> list[Generation]:
        running = [row.generation for row in self._batch.rows]
        admitted: list[Generation] = []
        with self._wake:
            while self._waiting and len(running) < self._max_rows:
                longest = max(one.reserved for one in [*running, self._waiting[0]])
                if running and (len(running) + 1) * longest > self.base.max_batch_tokens:
                    break
                prompts = sum(len(one.prompt) for one in [*admitted, self._waiting[0]])
                if admitted and prompts > READ_TOKENS.get(self.base.device.type, 0):
                    break
                admitted.append(self._waiting.popleft())
                running.append(admitted[-1])
        return admitted

    def _step(self) -> None:
        if self._batch.rows:
            self._advance(self._batch.rows, self._batch.step())

    def _advance(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        for row, token in zip(rows, choose(logits, rows), strict=True):
            try:
                if isinstance(token, Exception):
                    raise token
                row.push(token)
            except Exception as error:  # this row's alone: the others go on
                log.warning("an answer failed: %s", error)
                self._fail([row], error)
        self._keep_running()

    def _keep_running(self) -> None:
        rows = self._batch.rows
        self._batch.keep([i for i, row in enumerate(rows) if not (row.finished or row.generation.cancelled)])

    def _fail(self, rows: Sequence[Row], error: Exception) -> None:
        for row in rows:
            if not row.finished:
                row.finished = True
                row.generation.sink(error)
