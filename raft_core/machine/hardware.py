"""Checks of this machine: disk, memory, the home's permissions, ports."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from raft_core.errors import RaftError
from raft_core.files import write_bytes
from raft_core.machine.check import Check, failed, passed
from raft_core.machine.services import free_ports
from raft_core.settings import Settings

MIN_DISK_BYTES = 2_000_000_000
"""A data set, a few adapters of a small base with their checkpoints, and Chroma's files."""
MIN_MEMORY_BYTES = 1_400_000_000
"""What `make demo` takes (README)."""
_CGROUP = Path("/sys/fs/cgroup")


def check_disk(home: Path, at_least: int = MIN_DISK_BYTES) -> Check:
    """Check the free space of the home's disk."""
    free = shutil.disk_usage(nearest(home)).free
    if free >= at_least:
        return passed("disk", f"{_gb(free)} free in {home}")
    return failed(
        "disk",
        f"{_gb(free)} free in {home}, {_gb(at_least)} wanted",
        "free some space, or set RAFTBOT_HOME to another disk",
    )


def check_memory(at_least: int = MIN_MEMORY_BYTES, cgroup: Path = _CGROUP) -> Check:
    """Check the memory that is available, to this container where there is a limit."""
    available = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no limit is the word "max", no cgroup no file
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
        available = min(available, limit - used)
    if available >= at_least:
        return passed("memory", f"{_gb(available)} available")
    return failed(
        "memory",
        f"{_gb(available)} available, {_gb(at_least)} wanted",
        "stop other programs, give the container more, or use a smaller RAFTBOT_BASE_MODEL",
    )


def check_home(home: Path) -> Check:
    """Check that the home can be written, and that other users cannot read a community's documents."""
    if not home.exists() and os.access(nearest(home), os.W_OK):
        return passed("home", f"{home} will be made")
    probe = home / f".doctor-{uuid.uuid4().hex}"
    try:
        write_bytes(probe, b"")
        probe.unlink()
    except (RaftError, OSError) as error:
        return failed(
            "home", str(error), f"run: chown -R $USER {home}, or set RAFTBOT_HOME to a folder of yours"
        )
    if is_open_to_others(home):
        return failed("home", f"other users of this machine can read {home}", f"run: chmod 700 {home}")
    return passed("home", f"{home}, private and writable")


def is_open_to_others(folder: Path) -> bool:
    """Tell whether other users can reach a folder and list it."""
    absolute = folder.resolve()
    reachable = all(place.stat().st_mode & stat.S_IXOTH for place in (absolute, *absolute.parents))
    return reachable and bool(absolute.stat().st_mode & stat.S_IROTH)


def check_ports(settings: Settings, up_pid: int | None, chroma_port: int, port: int) -> Check:
    """Check that `raftbot up` could listen; not where it does already."""
    if up_pid is not None:
        return passed("ports", f"raftbot up runs, as process {up_pid}")
    try:
        free_ports(settings, chroma_port, port)
    except RaftError as error:
        return failed("ports", str(error), error.remedy)
    return passed("ports", "free")


def nearest(path: Path) -> Path:
    """Return a path, or the nearest folder above it that exists."""
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
