"""Keep services running: started in order, restarted with back-off, stopped in reverse, none left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from raft_core.errors import ServiceFailed, StorageError
from raft_core.machine.process import Run, Service, rotate

State = Literal["queued", "starting", "healthy", "silent", "down", "stopping", "stopped", "left out"]
"""`silent` runs and does not answer: it may be busy and is left alone. `down` waits to be started again."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service at one moment. `since` is when it came into this state, ISO 8601 in UTC."""

    name: str
    state: State
    since: str
    url: str = ""
    pid: int | None = None
    restarts: int = 0
    log: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, and how long to wait before a service that died is started again."""

    tick_s: float = 0.2
    check_s: float = 5.0
    first_delay_s: float = 1.0
    longest_delay_s: float = 60.0
    forgiven_after_s: float = 60.0
    """After so long in health the delay begins at its first value again."""

    def delay_s(self, deaths: int) -> float:
        """Return the delay after so many deaths in a row."""
        return float(min(self.first_delay_s * 2.0 ** min(deaths - 1, 32), self.longest_delay_s))


def now() -> str:
    """Return the time as records hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Supervisor:
    """Run services until `request_stop`. `on_change` is told all their states whenever one changes."""

    def __init__(
        self,
        services: Sequence[Service],
        logs: Path,
        on_change: Callable[[tuple[ServiceStatus, ...]], None] = lambda _: None,
        pace: Pace | None = None,
    ) -> None:
        self._kept = [_Kept(service, logs / f"{service.name}.log", pace or Pace()) for service in services]
        self._on_change = on_change
        self._pace = pace or Pace()
        self._told: tuple[ServiceStatus, ...] = ()
        self._stopping = threading.Event()

    def request_stop(self) -> None:
        """Have `run` stop everything and return; may be called from a signal handler or another thread."""
        self._stopping.set()

    def status(self) -> tuple[ServiceStatus, ...]:
        """Return the state of each service, in the order of their start."""
        return tuple(kept.status for kept in self._kept)

    def run(self) -> None:
        """Start the services one after the other, each when the one before is healthy, and keep them running.

        Raises:
            ServiceFailed: one of them ended or was not healthy in time at its first start.
        """
        with ExitStack() as stopping:  # whatever happens, all are stopped, the last one first
            for kept in self._kept:
                stopping.callback(self._stop, kept)
            for started, kept in enumerate(self._kept, start=1):
                kept.start()
                while kept.status.state == "starting" and not self._stopping.is_set():
                    self._look_after(self._kept[:started])
                if self._stopping.is_set():
                    return
                kept.check_started()
            while not self._stopping.is_set():
                self._look_after(self._kept)

    def _stop(self, kept: _Kept) -> None:
        try:
            kept.announce_stop()
            self._tell()
        finally:
            kept.stop()
        self._tell()

    def _look_after(self, some: Sequence[_Kept]) -> None:
        for kept in some:
            kept.look()
        self._tell()
        self._stopping.wait(self._pace.tick_s)

    def _tell(self) -> None:
        if (told := self.status()) != self._told:
            self._told = told
            self._on_change(told)


class _Kept:
    """One service, its present run, and what became of the runs before."""

    def __init__(self, service: Service, log_path: Path, pace: Pace) -> None:
        self._service = service
        self._pace = pace
        self._log = log_path
        self._run: Run | None = None
        self._deaths = 0
        self._restarts = 0
        self._due = 0.0
        self._healthy_at = 0.0
        self._reason = self._tail = ""
        self._enter("queued")

    def start(self) -> None:
        """Start it; it is healthy later."""
        try:
            self._run = Run(self._service, self._log)
        except (OSError, StorageError) as error:  # no memory, no disk: perhaps later
            self._wait(f"could not be started: {error}")
            return
        self._due = time.monotonic() + self._service.start_timeout_s
        self._enter("starting")

    def look(self) -> None:
        """See how it is, and do what is due."""
        if self._run is None:
            if self.status.state == "down" and time.monotonic() >= self._due:
                self._restarts += 1
                self.start()
            return
        if (code := self._run.exit_code()) is not None:
            self._bury(self._run, f"ended with exit code {code}")
        elif self.status.state == "starting":
            self._look_at_start(self._run)
        elif time.monotonic() >= self._due:
            self._look_at_health()

    def check_started(self) -> None:
        """Raise ServiceFailed where the first start failed."""
        if self.status.state == "down":
            raise ServiceFailed(self._service.name, self._reason, str(self._log), self._tail)

    def announce_stop(self) -> None:
        """Say that it is about to be stopped."""
        if self._run is not None:
            self._enter("stopping")

    def stop(self) -> None:
        """Stop it, whatever it is doing."""
        if self._run is not None:
            self._run.stop()
            self._run = None
        self._enter("stopped")

    def _look_at_start(self, run: Run) -> None:
        if self._service.is_ready(run.output):
            self._healthy_at = time.monotonic()
            self._due = self._healthy_at + self._pace.check_s
            self._enter("healthy")
        elif time.monotonic() >= self._due:
            self._bury(run, f"was not healthy {self._service.start_timeout_s:g} s after its start")

    def _look_at_health(self) -> None:
        alive = self._service.is_alive()
        if alive != (self.status.state == "healthy"):
            self._healthy_at = time.monotonic()
            self._enter("healthy" if alive else "silent", "" if alive else "runs, but does not answer")
        if alive and time.monotonic() - self._healthy_at >= self._pace.forgiven_after_s:
            self._deaths = 0
        rotate(self._log)
        self._due = time.monotonic() + self._pace.check_s

    def _bury(self, run: Run, reason: str) -> None:
        run.stop()
        self._run, self._tail = None, run.output.tail()
        self._wait(reason)

    def _wait(self, reason: str) -> None:
        self._reason = reason
        self._deaths += 1
        delay_s = self._pace.delay_s(self._deaths)
        self._due = time.monotonic() + delay_s
        self._enter("down", f"{reason}; starts again after {delay_s:g} s")

    def _enter(self, state: State, detail: str = "") -> None:
        self.status = ServiceStatus(
            name=self._service.name,
            state=state,
            since=now(),
            url=self._service.url,
            pid=self._run.pid if self._run and state != "starting" else None,
            restarts=self._restarts,
            log=str(self._log),
            detail=detail,
        )
