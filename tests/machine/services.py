"""Small services for the supervisor, and what is left of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from raft_core.machine.process import Service
from raft_core.machine.services import says_ready

PATIENCE_S = 60.0
"""A busy machine with two cores is slow; what never happens fails all the same."""
FOREVER = "import time; print('ready'); time.sleep(1000)"


def service(name: str, code: str = FOREVER, *arguments: str, **fields: object) -> Service:
    """A Python program as a service; it is ready when it prints so."""
    return Service(
        name=name, argv=(sys.executable, "-c", code, *arguments), **{"is_ready": says_ready, **fields}
    )


def wait_until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Return once a condition holds, and fail when it does not in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def running(word: str) -> list[int]:
    """The processes that have a word on their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and word in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def word(tmp_path: Path) -> str:
    """A word that no other test's processes have on their command line."""
    return f"word-of-{tmp_path.name}-{tmp_path.parent.name}"
