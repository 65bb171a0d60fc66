"""What runs on a home, and what a guild has."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raft_core.dataset.files import list_datasets
from raft_core.documents.library import Library
from raft_core.machine.connections import sqlite_file
from raft_core.machine.hardware import nearest
from raft_core.machine.supervisor import ServiceStatus
from raft_core.settings import Settings, read_up
from raft_core.training.adapters import list_adapters


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as the registry knows it; times are Unix seconds."""

    id: str
    host: str
    pid: int
    device: str
    started_at: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Status:
    """One home and one guild at one moment. `pid` is that of `raftbot up`, None where it does not run.

    `jobs` counts by state.
    """

    home: str
    pid: int | None
    services: tuple[ServiceStatus, ...]
    guild: str
    documents: int
    datasets: int
    adapters: int
    used_bytes: int
    free_bytes: int
    workers: tuple[WorkerInfo, ...]
    jobs: Mapping[str, int]


def status(settings: Settings, guild: str, jobs: Mapping[str, int]) -> Status:
    """Return what runs on the settings' home and what a guild has; `jobs` are counted by the caller.

    Raises:
        RegistryError: the registry cannot be read.
    """
    up = read_up(settings.home) or {}
    folder = settings.guild_dir(guild)
    return Status(
        home=str(settings.home),
        pid=up.get("pid"),
        services=tuple(ServiceStatus(**service) for service in up.get("services", ())),
        guild=guild,
        documents=len(Library(folder / "documents").list()),
        datasets=len(list_datasets(folder / "datasets")),
        adapters=len(list_adapters(folder / "adapters")),
        used_bytes=_used(settings.home),
        free_bytes=shutil.disk_usage(nearest(settings.home)).free,
        workers=_workers(settings),
        jobs=jobs,
    )


def _workers(settings: Settings) -> tuple[WorkerInfo, ...]:
    from sqlalchemy import select

    from raft_core.registry.database import Database
    from raft_core.registry.tables import Worker

    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return ()  # looking makes no registry
    with Database(settings.registry_url) as database, database.read() as session:
        rows = session.scalars(select(Worker).order_by(Worker.started_at))
        return tuple(
            WorkerInfo(row.id, row.host, row.pid, row.device, row.started_at, row.seen_at) for row in rows
        )


def _used(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
