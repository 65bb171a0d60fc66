"""What runs on a home, and what a guild has."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raft_core.machine.hardware import nearest
from raft_core.machine.supervisor import ServiceStatus
from raft_core.registry.registry import Registry
from raft_core.settings import Settings, read_up


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker that has not said goodbye; `silent_s` is how long ago it was last heard of."""

    id: str
    host: str
    pid: int
    device: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class Status:
    """One home and one guild at one moment. `pid` is that of `raftbot up`, None where it does not run.

    `jobs` counts the guild's by state.
    """

    home: str
    pid: int | None
    services: tuple[ServiceStatus, ...]
    workers: tuple[WorkerInfo, ...]
    guild: str
    jobs: Mapping[str, int]
    documents: int
    datasets: int
    adapters: int
    used_bytes: int
    free_bytes: int


def status(settings: Settings, guild: str, registry: Registry) -> Status:
    """Return what runs on the settings' home and what the registry knows of a guild.

    Raises:
        RegistryError: the registry cannot be read.
    """
    up = read_up(settings.home) or {}
    return Status(
        home=str(settings.home),
        pid=up.get("pid"),
        services=tuple(ServiceStatus(**service) for service in up.get("services", ())),
        workers=tuple(
            WorkerInfo(worker.id, worker.host, worker.pid, worker.device, round(silent_s, 1))
            for worker, silent_s in registry.workers.all()
            if worker.pid
        ),
        guild=guild,
        jobs=registry.jobs.counts(guild),
        documents=len(registry.documents.list(guild)),
        datasets=len(registry.datasets.list(guild)),
        adapters=len(registry.adapters.list(guild)),
        used_bytes=_used(settings.home),
        free_bytes=shutil.disk_usage(nearest(settings.home)).free,
    )


def _used(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
