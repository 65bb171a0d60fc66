"""One service and one run of it: a child process on a leash, and its log."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from raft_core.files import translated_os_errors
from raft_core.machine.leash import LAST_GRACE_S, MARK, end_all

LOG_BYTES = 10_000_000
"""A log that is longer becomes the one old file kept."""
TAIL_LINES = 15
_LEASH_GRACE_S = LAST_GRACE_S + 4
"""How long the leash may take to end everything once its pipe is closed, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Output:
    """What one run of a service wrote: its log from the byte `start` on."""

    log: Path
    start: int

    def text(self) -> str:
        """Return what of it is still in the log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(self.start if self.start <= size else 0)  # the log may have been rotated
            return file.read().decode("utf-8", "replace")

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return its last lines."""
        return "\n".join(self.text().splitlines()[-lines:])


@dataclass(frozen=True, slots=True)
class Service:
    """A program to keep running. Secrets go into `env`, never into `argv`, which everybody may read.

    `is_ready` tells once that a start has succeeded, `is_alive` from then on that it still answers.
    """

    name: str
    argv: tuple[str, ...]
    is_ready: Callable[[Output], bool]
    is_alive: Callable[[], bool] = field(default=lambda: True)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    start_timeout_s: float = 60.0
    grace_s: float = 10.0


class Run:
    """A running service, in a session of its own."""

    def __init__(self, service: Service, log: Path) -> None:
        self._service = service
        self._mark = uuid.uuid4().hex
        with translated_os_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            rotate(log)
            handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.output = Output(log, os.fstat(handle).st_size)
        try:
            self._leash = subprocess.Popen(  # noqa: S603  # our own services
                [sys.executable, "-m", "raft_core.machine.leash", "--", *service.argv],
                stdin=subprocess.PIPE,
                stdout=handle,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **service.env, MARK: self._mark},
                start_new_session=True,
            )
        finally:
            os.close(handle)

    @property
    def pid(self) -> int | None:
        """The service's own process, once the leash has started it."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._leash.pid).children():
                return int(child.pid)
        return None

    def exit_code(self) -> int | None:
        """Return the exit code of a run that has ended, None while it goes on."""
        return self._leash.poll()

    def stop(self) -> None:
        """End the service and all that it started: SIGTERM, and SIGKILL after its time of grace."""
        self._leash.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leash.wait(self._service.grace_s)
        assert self._leash.stdin is not None  # noqa: S101  # it was made with a pipe
        self._leash.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leash.wait(_LEASH_GRACE_S)
        end_all(self._mark, self._leash.pid)  # a leash that was itself killed ended nothing
        self._leash.wait()


def rotate(log: Path, limit: int = LOG_BYTES) -> None:
    """Move a log's bytes to its one old file once they are too many.

    They are copied and the log is emptied in place: the service goes on writing to the file that it has open.
    """
    if not log.exists() or log.stat().st_size <= limit:
        return
    old = log.with_name(log.name + ".1")
    try:
        shutil.copyfile(log, old)
        old.chmod(0o600)
    except OSError:  # on a full disk no old file is kept, and emptying the log helps
        old.unlink(missing_ok=True)
    os.truncate(log, 0)
