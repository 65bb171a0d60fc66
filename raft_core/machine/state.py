"""What `raftbot up` leaves in the home while it runs: its lock, and where its servers are.

up.lock   the process id of the one that holds the lock
up.json   {"pid": 4711, "chroma_url": "http://127.0.0.1:41999", "model_server_url": …, "model_server_key": …,
           "services": [ServiceStatus, …]}, readable by its owner only
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from raft_core.errors import AlreadyUp
from raft_core.files import translated_os_errors, write_json
from raft_core.machine.supervisor import ServiceStatus
from raft_core.settings import UP_FILE, UP_LOCK

_PATIENCE_S = 1.0
"""Whoever reads the settings tries the lock for an instant; that is no second `raftbot up`."""


@contextmanager
def only_one_up(home: Path) -> Iterator[None]:
    """Hold the home's lock, and remove `up.json` in the end.

    A home that is made here is private: it will hold the documents and questions of a community.

    Raises:
        AlreadyUp: another process holds it.
        StorageError: the home cannot be written.
    """
    with translated_os_errors(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(home / UP_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+") as file:
        _lock(handle, home)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        (home / UP_FILE).unlink(missing_ok=True)
        try:
            yield
        finally:
            (home / UP_FILE).unlink(missing_ok=True)


def write_up(home: Path, servers: Mapping[str, str], services: Sequence[ServiceStatus]) -> None:
    """Tell other commands which servers to use, and how all services are.

    Raises:
        StorageError: the disk is full or not writable.
    """
    write_json(home / UP_FILE, {"pid": os.getpid(), **servers, "services": list(services)})


def _lock(handle: int, home: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                holder = (home / UP_LOCK).read_text(encoding="utf-8").strip()
                raise AlreadyUp(str(home), holder) from error
            time.sleep(0.05)
