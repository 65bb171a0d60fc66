"""Who works, and since when nothing was heard of them."""

from __future__ import annotations

import time

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from raft_core.registry.database import Database
from raft_core.registry.tables import Worker


class Workers:
    """Who works, by heartbeat; a worker that is silent for long has its jobs taken over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, worker_id: str, host: str, pid: int, device: str) -> None:
        """Note a worker that starts."""
        with self._database.write() as session:
            now = _now(session)
            session.add(Worker(id=worker_id, host=host, pid=pid, device=device, started_at=now, seen_at=now))

    def beat(self, worker_id: str) -> bool:
        """Say that a worker lives; False when its jobs were taken from it, so that it must stop at once."""
        with self._database.write() as session:
            heard = session.execute(
                update(Worker).where(Worker.id == worker_id, Worker.pid > 0).values(seen_at=_now(session))
            )
            return bool(getattr(heard, "rowcount", 0))

    def claim(self, worker: Worker) -> bool:
        """Take a silent worker's jobs upon oneself; False when another was quicker, or it has spoken again."""
        with self._database.write() as session:
            taken = session.execute(
                update(Worker)
                .where(Worker.id == worker.id, Worker.seen_at == worker.seen_at)
                .values(pid=0, seen_at=_now(session))
            )
            return bool(getattr(taken, "rowcount", 0))

    def silence(self, worker_id: str) -> None:
        """Have others take a worker's jobs at once: it has stopped."""
        with self._database.write() as session:
            session.execute(update(Worker).where(Worker.id == worker_id).values(pid=0, seen_at=0.0))

    def forget(self, worker_id: str) -> None:
        """Remove a worker whose jobs have moved, or that has none."""
        with self._database.write() as session:
            session.execute(delete(Worker).where(Worker.id == worker_id))

    def all(self) -> list[tuple[Worker, float]]:
        """Return all workers, each with the seconds since it was last heard of."""
        with self._database.read() as session:
            now = _now(session)
            return [(row, now - row.seen_at) for row in session.scalars(select(Worker))]


def _now(session: Session) -> float:
    """Return the database's time: the clocks of several machines differ."""
    if session.get_bind().dialect.name == "postgresql":
        return float(session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0)
    return time.time()
