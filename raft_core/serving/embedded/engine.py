"""Continuous batching: one thread that owns the model and steps all running answers together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch

from raft_core.errors import RaftError
from raft_core.serving.embedded.batch import Batch
from raft_core.serving.embedded.generation import Generation, Row, choose
from raft_core.serving.embedded.lora import LoraRows
from raft_core.serving.embedded.model import BaseModel

log = logging.getLogger(__name__)
T = TypeVar("T")
_Read = tuple[Batch, "torch.Tensor | Exception"]
_Map = Callable[[Callable[[Batch], _Read], Iterable[Batch]], Iterable[_Read]]

MAX_ROWS = 64
MAX_WAITING = 256
GATHER_S = 0.004
"""How long an idle engine waits for the requests that come together with the first one."""
GATHER_ROUNDS = 4
"""It waits as long again while more have come, up to this many times in all."""
PREFILL_TOKENS = {"cpu": 512, "cuda": 8192}
"""Prompts are read together up to this many tokens, padding included, and alone beyond it: a GPU wants
large matrices, a CPU those that stay in its caches."""

JOIN_TOKENS = 8192
"""Prompt tokens read between two steps, one prompt at least: those who are being answered wait for it."""

SMALL_PARAMETERS = 20_000_000
"""Up to this size a CPU engine shares no matrix among threads: they are too small, and on a machine with other work
the threads' waiting for each other takes several times the computing (docs/log.md). Each core reads prompts of its
own instead."""


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
        self._lora = LoraRows(base.model)
        self._waiting: deque[Generation] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._batch: Batch | None = None
        self._small = base.device.type == "cpu" and base.model.num_parameters() <= SMALL_PARAMETERS
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._ready = threading.Event()
        threads = torch.get_num_threads()
        self._thread.start()
        self._ready.wait()
        torch.set_num_threads(threads)  # of the other threads: the engine's has its own by now

    @property
    def waiting(self) -> int:
        """How many requests wait to be taken into the batch."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many answers the batch holds."""
        batch = self._batch
        return len(batch.rows) if batch else 0

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

    def call(self, function: Callable[[LoraRows], T]) -> Future[T]:
        """Run a function in the engine's thread between two steps, where it may use the model."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function(self._lora))
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
        with _one_thread_each(torch.get_num_threads()) if self._small else nullcontext(map) as at_once:
            self._ready.set()
            self._serve(at_once)
        closed = EngineClosed("the model server is shutting down")
        self._fail(self._batch.rows if self._batch else [], closed)
        for generation in self._waiting:
            generation.sink(closed)
        while self._calls:
            self._calls.popleft()()

    def _serve(self, at_once: _Map) -> None:
        while self._wait_for_work():
            while self._calls:
                self._calls.popleft()()
            try:
                self._drop_cancelled()
                self._join(at_once)
                self._step()
            except Exception as error:  # its askers are told; the engine goes on with the others
                log.exception("a batch failed")
                self._fail(self._batch.rows if self._batch else [], error)
                self._batch = None

    def _wait_for_work(self) -> bool:
        """Wait until there is something to do; False when the engine is closed."""
        if self._batch is not None:
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
        if self._batch is not None:
            self._keep_running(self._batch)

    def _join(self, at_once: _Map) -> None:
        """Take waiting requests into the batch, in order, as long as they fit into memory."""
        joining: list[Batch] = []
        for batch, logits in self._each_alone(at_once(self._read, self._grouped(self._admit()))):
            try:
                if isinstance(logits, Exception):
                    raise logits
                self._advance(batch, logits)
            except Exception as error:  # as above: out of memory, an adapter that does not fit
                log.exception("reading %d prompts failed", len(batch.rows))
                self._fail(batch.rows, error)
                continue
            if batch.rows:
                joining.append(batch)
        self._take_in(joining)

    def _grouped(self, admitted: list[Generation]) -> Iterator[Batch]:
        """Put together the prompts that are read together, those of one adapter first."""
        admitted = sorted(admitted, key=lambda one: id(one.adapter))
        limit = PREFILL_TOKENS.get(self.base.device.type, 0)
        while admitted:
            size = len(admitted)
            while size > 1 and size * max(len(one.prompt) for one in admitted[:size]) > limit:
                size -= 1
            group, admitted = admitted[:size], admitted[size:]
            rows = [Row(one, self.base.tokenizer, self.base.device) for one in group]
            yield Batch(self.base, self._lora, rows)

    @torch.inference_mode()
    def _read(self, batch: Batch) -> _Read:
        try:
            return batch, batch.prefill()
        except Exception as error:  # for the engine's thread to tell
            return batch, error

    def _each_alone(self, read: Iterable[_Read]) -> Iterator[_Read]:
        """Yield what was read; prompts that could not be read together are read again one by one."""
        for batch, logits in read:
            if not isinstance(logits, Exception) or len(batch.rows) == 1:
                yield batch, logits
                continue
            log.warning("reading %d prompts together failed, each is read alone: %s", len(batch.rows), logits)
            for row in batch.rows:
                yield self._read(Batch(self.base, self._lora, [row]))

    def _take_in(self, joining: list[Batch]) -> None:
        batches = [self._batch, *joining] if self._batch else joining
        if not joining:
            return
        try:
            if len(batches) > 1:
                batches[0].merge(batches[1:])
            self._batch = batches[0]
        except Exception as error:  # out of memory, half merged: nothing of it can be used
            log.exception("merging %d batches failed", len(batches))
            self._fail([row for batch in batches for row in batch.rows], error)
            self._batch = None

    def _admit(self) -> list[Generation]:
        running = [row.generation for row in self._batch.rows] if self._batch else []
        admitted: list[Generation] = []
        with self._wake:
            while self._waiting and len(running) < self._max_rows:
                longest = max(one.reserved for one in [*running, self._waiting[0]])
                if running and (len(running) + 1) * longest > self.base.max_batch_tokens:
                    break
                prompts = sum(len(one.prompt) for one in [*admitted, self._waiting[0]])
                if admitted and prompts > JOIN_TOKENS:
                    break
                admitted.append(self._waiting.popleft())
                running.append(admitted[-1])
        return admitted

    def _step(self) -> None:
        if self._batch is not None:
            self._advance(self._batch, self._batch.step())

    def _advance(self, batch: Batch, logits: torch.Tensor) -> None:
        for row, token in zip(batch.rows, choose(logits, batch.rows), strict=True):
            try:
                if isinstance(token, Exception):
                    raise token
                row.push(token)
            except Exception as error:  # this row's alone: the others go on
                log.warning("an answer failed: %s", error)
                self._fail([row], error)
        self._keep_running(batch)

    def _keep_running(self, batch: Batch) -> None:
        batch.keep([i for i, row in enumerate(batch.rows) if not (row.finished or row.generation.cancelled)])
        if batch is self._batch and not batch.rows:
            self._batch = None

    def _fail(self, rows: Sequence[Row], error: Exception) -> None:
        for row in rows:
            if not row.finished:
                row.finished = True
                row.generation.sink(error)


@contextmanager
def _one_thread_each(cores: int) -> Iterator[_Map]:
    """Yield a `map` over as many threads as there are cores; they and the caller compute in one thread each."""
    started = threading.Barrier(cores)

    def start() -> None:
        torch.get_num_threads()  # or the first computation would set this thread's number again
        torch.set_num_threads(1)
        started.wait()

    torch.set_num_threads(1)
    with ThreadPoolExecutor(cores, thread_name_prefix="reader", initializer=start) as readers:
        list(readers.map(abs, range(cores)))  # starts them all: each waits for the others
        yield readers.map
