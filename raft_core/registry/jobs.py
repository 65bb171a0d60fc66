"""The jobs and workers of the registry: what is asked for, how far it is, and who is at it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from raft_core.errors import JobError, UnknownJob
from raft_core.records import JobInfo, JobState
from raft_core.registry.database import Database
from raft_core.registry.tables import Job, Worker

UNFINISHED = ("queued", "running")


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """How far a unit of work is."""

    id: str
    stage: str
    done: int
    total: int
    detail: str


class Jobs:
    """Read and write the jobs of all guilds; what people ask for names theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: str, guild: str, kind: str, spec: dict[str, Any], requester: str = "") -> None:
        """Note a job that was asked for."""
        now = time.time()
        with self._database.write() as session:
            session.merge(
                Job(
                    id=job_id,
                    guild=guild,
                    kind=kind,
                    spec=spec,
                    requester=requester,
                    created_at=now,
                    updated_at=now,
                )
            )

    def add_units(
        self, parent: str, guild: str, unit: str, queue: str, ids: Sequence[str], share: float
    ) -> list[int]:
        """Note the units of a job's stage, which together are `share` of it, and return their priorities.

        A unit waits behind as many of any other guild's as its own guild has before it: so ten jobs of
        one guild do not keep another's waiting.
        """
        now = time.time()
        with self._database.write() as session:
            there = {row.id: row.priority for row in session.scalars(select(Job).where(Job.id.in_(ids)))}
            before = session.scalar(
                select(func.count()).where(
                    Job.guild == guild, Job.queue == queue, Job.state.in_(UNFINISHED), Job.parent.is_not(None)
                )
            )
            for number, unit_id in enumerate(ids, 1):
                if unit_id not in there:
                    there[unit_id] = (before or 0) + number
                    session.add(
                        Job(
                            id=unit_id,
                            guild=guild,
                            kind=unit,
                            parent=parent,
                            queue=queue,
                            priority=there[unit_id],
                            share=share / len(ids),
                            created_at=now,
                            updated_at=now,
                        )
                    )
        return [there[unit_id] for unit_id in ids]

    def set_state(
        self,
        job_id: str,
        state: JobState,
        *,
        worker: str = "",
        reason: str = "",
        result: dict[str, Any] | None = None,
        tokens: int = 0,
        cost_usd: float = 0.0,
        unless: Sequence[JobState] = (),
    ) -> bool:
        """Move a job or unit to a state, unless it is in one of some others; tell whether it was moved."""
        now = time.time()
        values: dict[str, Any] = {"state": state, "worker": worker, "updated_at": now, "reason": reason}
        if state == "running":
            values |= {"started_at": func.coalesce(Job.started_at, now), "finished_at": None}
        elif state == "queued":
            values |= {"finished_at": None}
        else:
            values |= {"finished_at": now}
        if result is not None:
            values |= {"result": result, "tokens": tokens, "cost_usd": cost_usd}
        with self._database.write() as session:
            moved = session.execute(
                update(Job).where(Job.id == job_id, Job.state.not_in(unless)).values(**values)
            )
            return bool(getattr(moved, "rowcount", 0))

    def start_parent(self, unit_id: str) -> None:
        """Note that the job of a unit has begun."""
        now = time.time()
        parent = select(Job.parent).where(Job.id == unit_id).scalar_subquery()
        with self._database.write() as session:
            session.execute(
                update(Job)
                .where(Job.id == parent, Job.state == "queued")
                .values(state="running", started_at=func.coalesce(Job.started_at, now), updated_at=now)
            )

    def progress(self, units: Iterable[UnitProgress]) -> None:
        """Keep how far units are."""
        now = time.time()
        with self._database.write() as session:
            for unit in units:
                session.execute(
                    update(Job)
                    .where(Job.id == unit.id, Job.state == "running")
                    .values(
                        stage=unit.stage,
                        done=unit.done,
                        total=unit.total,
                        detail=unit.detail[:500],
                        updated_at=now,
                    )
                )

    def stopped(self, unit_ids: Sequence[str]) -> set[str]:
        """Return which of some units were cancelled."""
        with self._database.read() as session:
            found = session.scalars(select(Job.id).where(Job.id.in_(unit_ids), Job.state == "cancelled"))
            return set(found)

    def cancel(self, job_id: str) -> None:
        """Mark a job and its unfinished units as cancelled."""
        self._move(job_id, "cancelled", UNFINISHED)

    def requeue(self, job_id: str) -> None:
        """Mark a job and those of its units that did not succeed as queued again."""
        self._move(job_id, "queued", ("cancelled", "failed"))

    def _move(self, job_id: str, state: JobState, where: Sequence[str]) -> None:
        now = time.time()
        over = None if state == "queued" else now
        with self._database.write() as session:
            session.execute(
                update(Job)
                .where(or_(Job.id == job_id, Job.parent == job_id), Job.state.in_(where))
                .values(state=state, finished_at=over, updated_at=now, reason="", worker="")
            )

    def unfinished(self, guild: str | None = None) -> int:
        """Return how many jobs, of one guild or of all, are not over yet."""
        query = select(func.count()).where(Job.parent.is_(None), Job.state.in_(UNFINISHED))
        with self._database.read() as session:
            return session.scalar(query if guild is None else query.where(Job.guild == guild)) or 0

    def counts(self, guild: str | None = None) -> dict[str, int]:
        """Return how many jobs are in each state."""
        query = select(Job.state, func.count()).where(Job.parent.is_(None)).group_by(Job.state)
        with self._database.read() as session:
            rows = session.execute(query if guild is None else query.where(Job.guild == guild))
            return {row[0]: row[1] for row in rows}

    def find(self, guild: str, job_id: str) -> JobInfo:
        """Return a guild's job by its id or the beginning of it.

        Raises:
            UnknownJob: none of the guild's jobs has it.
            JobError: several begin so.
        """
        with self._database.read() as session:
            mine = select(Job).where(Job.guild == guild, Job.parent.is_(None))
            found = session.scalars(mine.where(Job.id.startswith(job_id, autoescape=True)).limit(2)).all()
            exact = [job for job in found if job.id == job_id]
            if not found or not job_id:
                raise UnknownJob(job_id, guild)
            if len(found) > 1 and not exact:
                raise JobError(f"several jobs have ids that begin with {job_id!r}", remedy="give more of it")
            return _infos(session, exact or found[:1])[0]

    def all(self, guild: str | None, limit: int | None = None) -> list[JobInfo]:
        """Return the jobs of a guild, or of all for None, the newest first."""
        query = select(Job).where(Job.parent.is_(None)).order_by(Job.created_at.desc(), Job.id)
        with self._database.read() as session:
            jobs = session.scalars((query if guild is None else query.where(Job.guild == guild)).limit(limit))
            return _infos(session, jobs.all())

    def get(self, ids: Sequence[str]) -> list[JobInfo]:
        """Return jobs by their exact ids, in any order; unknown ones are left out."""
        with self._database.read() as session:
            return _infos(session, session.scalars(select(Job).where(Job.id.in_(ids))).all())

    def spec(self, job_id: str) -> tuple[str, str, dict[str, Any]]:
        """Return kind, guild and spec of a job."""
        with self._database.read() as session:
            job = session.get_one(Job, job_id)
            return job.kind, job.guild, job.spec

    def units(self, job_id: str) -> list[tuple[str, str, str]]:
        """Return (id, queue, state) of a job's units in the order they were made."""
        query = select(Job.id, Job.queue, Job.state).where(Job.parent == job_id).order_by(Job.created_at)
        with self._database.read() as session:
            return [(row.id, row.queue, row.state) for row in session.execute(query)]

    def unclaimed(self, older_than_s: float) -> list[str]:
        """Return jobs that were noted a while ago and of which nothing was heard since."""
        query = select(Job.id).where(
            Job.parent.is_(None), Job.state == "queued", Job.updated_at < time.time() - older_than_s
        )
        with self._database.read() as session:
            return list(session.scalars(query))

    def touch(self, job_id: str) -> None:
        """Note that somebody has looked after a job just now."""
        with self._database.write() as session:
            session.execute(update(Job).where(Job.id == job_id).values(updated_at=time.time()))


class Workers:
    """Who works, by heartbeat; a worker that is silent for long has its jobs taken over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, worker_id: str, host: str, pid: int, device: str) -> bool:
        """Say that a worker lives; False when its jobs were taken from it, so that it must stop at once."""
        with self._database.write() as session:
            now = _now(session)
            row = session.get(Worker, worker_id)
            if row is None:
                session.add(
                    Worker(id=worker_id, host=host, pid=pid, device=device, started_at=now, seen_at=now)
                )
            elif row.pid != pid:
                return False
            else:
                row.seen_at = now
        return True

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


def _infos(session: Session, jobs: Sequence[Job]) -> list[JobInfo]:
    going = [job.id for job in jobs if job.state in UNFINISHED]
    units: dict[str, list[Job]] = {}
    for unit in session.scalars(select(Job).where(Job.parent.in_(going)).order_by(Job.created_at)):
        units.setdefault(unit.parent or "", []).append(unit)
    places = _places(session) if any(job.state == "queued" for job in jobs) else {}
    return [_info(job, units.get(job.id, []), places.get(job.id)) for job in jobs]


def _info(job: Job, units: Sequence[Job], place: int | None) -> JobInfo:
    over = job.state not in UNFINISHED
    percent = 100.0 if job.state == "succeeded" else round(100 * sum(map(_progress, units)), 1)
    current = next((unit for unit in units if unit.state == "running"), None)
    waiting = next((unit for unit in units if unit.state == "queued"), None)
    eta = None
    if job.state == "running" and job.started_at and percent > 1:
        eta = round((time.time() - job.started_at) * (100 - percent) / percent, 1)
    return JobInfo(
        id=job.id,
        guild=job.guild,
        kind=job.kind,
        state=job.state,  # type: ignore[arg-type]  # only set_state writes it
        stage=(current.stage or current.kind) if current else waiting.kind if waiting else "",
        detail=_detail(current) if current else "",
        percent=percent,
        eta_s=eta,
        place=None if over or current else place,
        tokens=job.tokens if over else sum(unit.tokens for unit in units),
        cost_usd=job.cost_usd if over else sum(unit.cost_usd for unit in units),
        reason=job.reason,
        requester=job.requester,
        result=job.result,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _progress(unit: Job) -> float:
    if unit.state == "succeeded":
        return unit.share
    return unit.share * min(unit.done / unit.total, 1.0) if unit.total else 0.0


def _detail(unit: Job) -> str:
    count = f"{unit.done} of {unit.total}" if unit.total else ""
    return ", ".join(part for part in (count, unit.detail) if part)


def _places(session: Session) -> dict[str, int]:
    """Return the place of each waiting job: first by its unit's turn in that unit's queue, then those not begun."""
    waiting = select(Job.parent, Job.queue).where(Job.state == "queued", Job.parent.is_not(None))
    places: dict[str, int] = {}
    ahead: dict[str, int] = {}
    for parent, queue in session.execute(waiting.order_by(Job.priority, Job.created_at)):
        if parent and parent not in places:
            ahead[queue] = places[parent] = ahead.get(queue, 0) + 1
    begun = max(ahead.values(), default=0)
    unbegun = select(Job.id).where(Job.parent.is_(None), Job.state == "queued").order_by(Job.created_at)
    for job_id in session.scalars(unbegun):
        if job_id not in places:
            begun += 1
            places[job_id] = begun
    return places
