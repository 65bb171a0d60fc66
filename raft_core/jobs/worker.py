"""A worker: takes units from the queues, does each in a process of its own, and tells how far they are.

It says every few seconds in the registry that it lives. A worker that is silent has its jobs taken over
by another, and when it finds that out itself, or cannot say that it lives, it stops at once what it does.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from dbos import DBOS

from raft_core.artifacts import Artifacts
from raft_core.errors import RegistryError, StorageError, WorkFailed, WorkStopped
from raft_core.jobs import workflows
from raft_core.jobs.child import ALONE_S, DIED, run_in_child, warm_up
from raft_core.jobs.plans import INGEST, JOBS, TRAIN, WORK, Json, spent_by
from raft_core.jobs.queue import Queue, job_log
from raft_core.progress import Progress
from raft_core.registry.jobs import UnitProgress

if TYPE_CHECKING:
    from raft_core.registry.registry import Registry
    from raft_core.registry.tables import Worker as WorkerRow
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 1.0
BEAT_EVERY_S = 5.0
SILENT_S = 20.0
"""After so long without a word from a worker its jobs are another's. It stops by itself sooner: ALONE_S."""
RETRIES_S = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0)
"""Waits before work is tried again that failed for something that may pass: a server that is restarted."""
RESTARTS_S = (1.0, 5.0, 15.0)
"""Waits before work whose process was killed goes on from what is done, each time that it came no further."""
JOBS_AT_ONCE = 64
"""Jobs under way in one worker: they only wait for their units."""
LOST = 75
"""The exit status of a worker that had its jobs taken over (EX_TEMPFAIL): start it again."""


class Deaths:
    """How often a unit's process has died without coming further: one that needs too much memory would die for ever."""

    def __init__(self) -> None:
        self._count = 0
        self._reached: dict[str, int] = {}
        self._furthest: dict[str, int] = {}

    def saw(self, progress: Progress) -> None:
        """Take note of how far the work is."""
        self._reached[progress.stage] = max(progress.done, self._reached.get(progress.stage, 0))

    def next_wait_s(self, error: WorkFailed) -> float:
        """Count a death, and return how long to wait before the work is started again.

        Raises:
            WorkFailed: it has died too often at the same place.
        """
        if self._furthest and any(
            done > self._furthest.get(stage, 0) for stage, done in self._reached.items()
        ):
            self._count = 0
        self._furthest = self._furthest | self._reached
        self._count += 1
        if self._count > len(RESTARTS_S):
            message = f"{error} ({self._count} times at the same place)"
            raise WorkFailed(DIED, message, error.remedy) from error
        return RESTARTS_S[self._count - 1]


class Worker:
    """Works until it is stopped; one of them trains at most one adapter at a time."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.id = f"worker-{uuid4().hex[:12]}"
        self._settings = settings
        self._registry = registry
        self._stops = workflows.Stops()
        self._told: dict[str, UnitProgress] = {}
        self._ended = threading.Event()

    def start(self) -> None:
        """Connect, recover what silent workers left, and begin to take work.

        Raises:
            RegistryError: the database cannot be used.
        """
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        self._registry.workers.enter(self.id, socket.gethostname(), os.getpid(), _device())
        workflows.launch(self._settings, self.id)
        workflows.register(self._registry.jobs, self._run)
        DBOS.launch()
        for name, at_once in self._queues().items():
            DBOS.register_queue(
                name,
                worker_concurrency=at_once,
                polling_interval_sec=workflows.POLL_S,
                on_conflict="always_update",
            )
        threading.Thread(target=self._mind, name="mind", daemon=True).start()

    def interrupt(self) -> None:
        """Have `run` return; safe in a signal handler."""
        self._ended.set()

    def run(self) -> None:
        """Work until interrupted."""
        self._ended.wait()

    def stop(self) -> None:
        """Stop all work and give the jobs back: another worker, or this one when it starts again, goes on."""
        self._ended.set()
        self._stops.stop()
        deadline = time.monotonic() + 5
        while self._stops.running and time.monotonic() < deadline:
            time.sleep(0.05)
        self._registry.workers.silence(self.id)

    def _queues(self) -> dict[str, int]:
        work = self._settings.worker_concurrency
        return {JOBS: JOBS_AT_ONCE, INGEST: 2, TRAIN: 1, WORK: work}

    def _run(self, unit_id: str, name: str, guild: str, args: Json) -> Json:
        """Do a unit of work; what fails for something that may pass is tried again."""
        jobs = self._registry.jobs
        self._note(lambda: jobs.start(unit_id, self.id))
        stop = self._stops.begin(unit_id)
        try:
            if self._ended.is_set():  # DBOS goes on taking work until this process has ended
                raise WorkStopped
            args = {**args, "job": unit_id.partition(".")[0]}
            result = self._retried(unit_id, name, guild, args, stop)
            tokens, usd = spent_by(name, result)
            end = partial(jobs.end, unit_id, by=self.id)
            self._note(lambda: end("succeeded", tokens=tokens, cost_usd=usd))
            return result
        except WorkStopped:
            raise
        except Exception as error:  # whatever it is, the unit has failed and says so
            reason = str(error)
            self._note(lambda: jobs.end(unit_id, "failed", reason=reason, by=self.id))
            raise
        finally:
            self._told.pop(unit_id, None)
            self._stops.done(unit_id)
            self._share_log(unit_id)

    def _share_log(self, unit_id: str) -> None:
        file = job_log(self._settings, unit_id.partition(".")[0])
        try:
            if file.is_file():
                Artifacts(self._settings).share(file)
        except StorageError as error:
            log.warning("%s", error)

    def _note(self, write: Callable[[], bool]) -> None:
        """Write into the registry, which may be away for a while, how a unit is that must still be this worker's."""
        while True:
            try:
                if not write():
                    raise WorkStopped
                return
            except (RegistryError, StorageError) as error:
                log.warning("%s", error)
                if self._ended.wait(TICK_S):
                    raise WorkStopped from error

    def _retried(self, unit_id: str, name: str, guild: str, args: Json, stop: threading.Event) -> Json:
        deaths, waits = Deaths(), iter(RETRIES_S)

        def report(progress: Progress) -> None:
            deaths.saw(progress)
            self._told[unit_id] = UnitProgress(
                unit_id, progress.stage, progress.done, progress.total, progress.detail
            )

        while True:
            try:
                return run_in_child(
                    name,
                    self._settings,
                    guild,
                    args,
                    log=job_log(self._settings, args["job"]),
                    report=report,
                    stop=stop,
                )
            except WorkFailed as error:
                if error.type == DIED:
                    wait_s = deaths.next_wait_s(error)
                elif not error.retryable or (wait_s := next(waits, 0.0)) == 0.0:
                    raise
                report(Progress(name, 0, 0, f"{error}; trying again in {wait_s:.0f} s"))
                log.warning("%s failed, trying again in %.0f s: %s", unit_id, wait_s, error)
                if stop.wait(wait_s):
                    raise WorkStopped from error

    def _mind(self) -> None:
        """Once a second: say how far the work is, find out what was cancelled; sometimes look after others."""
        beaten, reached = 0.0, time.monotonic()
        while not self._ended.wait(TICK_S):
            if time.monotonic() - reached > ALONE_S:
                self._give_up("it stood still, or could not reach the registry")
            try:
                now = time.monotonic()
                self._tell()
                if now - beaten >= BEAT_EVERY_S:
                    self._beat()
                    beaten = now
                    self._look_after()
                reached = time.monotonic()
            except (
                Exception
            ) as error:  # whatever it is, a worker that cannot tell that it lives must find out
                log.warning("cannot look after the jobs: %s", error)

    def _tell(self) -> None:
        told, running = list(self._told.values()), self._stops.running
        if told:
            self._registry.jobs.progress(told)
        if running:
            self._stops.stop(self._registry.jobs.lost(self.id, running))

    def _beat(self) -> None:
        if not self._registry.workers.beat(self.id):
            self._give_up("another worker took its jobs over")

    def _give_up(self, why: str) -> None:
        log.error("%s stops: %s", self.id, why)
        self._stops.stop()
        time.sleep(1)  # for the children to be ended; their lifeline ends them anyway
        os._exit(LOST)

    def _look_after(self) -> None:
        """Take over the jobs of workers that have gone, and start what was asked for but never began."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        workers = self._registry.workers.all()
        for worker, silent_s in workers:
            if worker.id != self.id and (silent_s > SILENT_S or _has_died(worker)):
                self._take_over(worker)
        # What a worker took in the moment between its last word and its end is nobody's.
        known = {worker.id for worker, _ in workers}
        DBOS._recover_pending_workflows(sorted({str(each.executor_id) for each in pending} - known))
        with Queue(self._settings, self._registry) as queue:
            queue.repair()

    def _take_over(self, worker: WorkerRow) -> None:
        if not self._registry.workers.claim(worker):
            return
        log.warning("taking over the jobs of %s", worker.id)
        self._registry.jobs.release(worker.id)
        # Only what that worker holds moves, in one statement each: safe to do twice. It has no public name.
        DBOS._recover_pending_workflows([worker.id])
        self._registry.workers.forget(worker.id)


def _device() -> str:
    """Return which GPU this worker may use, as its environment says; it never asks the GPU itself."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


def _has_died(worker: WorkerRow) -> bool:
    if worker.host != socket.gethostname() or worker.pid == 0:
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
