"""The jobs of the registry: what is asked for, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from raft_core.errors import JobError, UnknownJob, WorkStopped
from raft_core.records import JobInfo, JobState
from raft_core.registry.database import Database
from raft_core.registry.jobinfo import AS_MADE, UNFINISHED, job_infos
from raft_core.registry.tables import Job


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """How far a unit of work is."""

    id: str
    stage: str
    done: int
    total: int
    detail: str


@dataclass(frozen=True, slots=True)
class JobRequest:
    """That somebody asked for a job, when, and how many files they handed over for it."""

    kind: str
    at: float
    files: int


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

        Raises:
            WorkStopped: the job was cancelled meanwhile.
        """
        now = time.time()
        with self._database.write() as session:
            job = session.get(Job, parent, with_for_update=True)
            if job is not None and job.state == "cancelled":
                raise WorkStopped
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

    def end(
        self,
        job_id: str,
        state: JobState,
        *,
        reason: str = "",
        result: dict[str, Any] | None = None,
        tokens: int = 0,
        cost_usd: float = 0.0,
        by: str | None = None,
    ) -> bool:
        """Move a job or unit to its end, unless it was cancelled or is no longer `by` a worker's to end."""
        now = time.time()
        values: dict[str, Any] = {"tokens": tokens, "cost_usd": cost_usd, "result": result or {}}
        values |= {"state": state, "reason": reason, "updated_at": now, "finished_at": now}
        with self._database.write() as session:
            query = update(Job).where(Job.id == job_id, Job.state != "cancelled").values(**values)
            moved = session.execute(query if by is None else query.where(Job.worker == by))
            return bool(getattr(moved, "rowcount", 0))

    def start(self, unit_id: str, worker: str) -> bool:
        """Note that a worker has begun with a unit, and so with its job; False when it was cancelled."""
        now = time.time()
        begun = {"state": "running", "started_at": func.coalesce(Job.started_at, now), "updated_at": now}
        parent = select(Job.parent).where(Job.id == unit_id).scalar_subquery()
        with self._database.write() as session:
            moved = session.execute(
                update(Job)
                .where(Job.id == unit_id, Job.state != "cancelled")
                .values(**begun, worker=worker, reason="", finished_at=None)
            )
            session.execute(update(Job).where(Job.id == parent, Job.state == "queued").values(**begun))
            return bool(getattr(moved, "rowcount", 0))

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

    def lost(self, worker: str, unit_ids: Sequence[str]) -> set[str]:
        """Return which of the units that a worker has begun are no longer its own: cancelled, or taken over."""
        with self._database.read() as session:
            mine = session.scalars(select(Job.id).where(Job.id.in_(unit_ids), Job.worker == worker))
            return set(unit_ids) - set(mine)

    def fail(self, job_id: str, reason: str, tokens: int, cost_usd: float) -> list[str]:
        """Mark a job as failed, and those of its units that are not over as cancelled; return their ids."""
        if not self.end(job_id, "failed", reason=reason, tokens=tokens, cost_usd=cost_usd):
            return []
        self._move(Job.parent == job_id, "cancelled", UNFINISHED)
        return [unit for unit, _, state in self.units(job_id) if state == "cancelled"]

    def cancel(self, job_id: str) -> None:
        """Mark a job and its unfinished units as cancelled."""
        self._move(or_(Job.id == job_id, Job.parent == job_id), "cancelled", UNFINISHED)

    def requeue(self, job_id: str) -> None:
        """Mark a job and those of its units that did not succeed as queued again."""
        self._move(or_(Job.id == job_id, Job.parent == job_id), "queued", ("cancelled", "failed"))

    def release(self, worker_id: str) -> None:
        """Mark the units of a worker that has gone as queued again."""
        self._move(Job.worker == worker_id, "queued", ("running",))

    def _move(self, which: ColumnElement[bool], state: JobState, where: Sequence[str]) -> None:
        now = time.time()
        over = None if state == "queued" else now
        with self._database.write() as session:
            session.execute(
                update(Job)
                .where(which, Job.state.in_(where))
                .values(state=state, finished_at=over, updated_at=now, reason="", worker="")
            )

    def unfinished(self, guild: str | None = None) -> int:
        """Return how many jobs, of one guild or of all, are not over yet."""
        query = select(func.count()).where(Job.parent.is_(None), Job.state.in_(UNFINISHED))
        with self._database.read() as session:
            return session.scalar(query if guild is None else query.where(Job.guild == guild)) or 0

    def asked_for(self, guild: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Return (id, kind, spec) of a guild's jobs that are not over yet."""
        query = select(Job).where(Job.guild == guild, Job.parent.is_(None), Job.state.in_(UNFINISHED))
        with self._database.read() as session:
            return [(job.id, job.kind, job.spec) for job in session.scalars(query)]

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
            return job_infos(session, exact or found[:1])[0]

    def all(self, guild: str | None, limit: int | None = None) -> list[JobInfo]:
        """Return the jobs of a guild, or of all for None, the newest first."""
        query = select(Job).where(Job.parent.is_(None)).order_by(Job.created_at.desc(), Job.id)
        with self._database.read() as session:
            jobs = session.scalars((query if guild is None else query.where(Job.guild == guild)).limit(limit))
            return job_infos(session, jobs.all())

    def search(
        self, guild: str, text: str, limit: int, states: Sequence[JobState] = ()
    ) -> Sequence[tuple[str, str, str]]:
        """Return (id, kind, state) of jobs with a text in their id or kind, the newest first; of `states` or all."""
        like = or_(*(column.icontains(text.strip(), autoescape=True) for column in (Job.id, Job.kind)))
        query = select(Job.id, Job.kind, Job.state).where(Job.guild == guild, Job.parent.is_(None), like)
        if states:
            query = query.where(Job.state.in_(states))
        with self._database.read() as session:
            found = session.execute(query.order_by(Job.created_at.desc(), Job.id).limit(limit))
            return [(row.id, row.kind, row.state) for row in found]

    def requested_since(self, guild: str, requester: str, since: float) -> Sequence[JobRequest]:
        """Return what a member asked for at or after a time (Unix seconds), the oldest first."""
        own = (Job.guild == guild, Job.parent.is_(None), Job.requester == requester, Job.created_at >= since)
        with self._database.read() as session:
            found = session.scalars(select(Job).where(*own).order_by(Job.created_at))
            return [JobRequest(row.kind, row.created_at, len(row.spec.get("uploads", ()))) for row in found]

    def get(self, ids: Sequence[str]) -> list[JobInfo]:
        """Return jobs by their exact ids, in any order; unknown ones are left out."""
        with self._database.read() as session:
            return job_infos(session, session.scalars(select(Job).where(Job.id.in_(ids))).all())

    def spec(self, job_id: str) -> tuple[str, str, dict[str, Any]]:
        """Return kind, guild and spec of a job."""
        with self._database.read() as session:
            job = session.get_one(Job, job_id)
            return job.kind, job.guild, job.spec

    def units(self, job_id: str) -> list[tuple[str, str, str]]:
        """Return (id, queue, state) of a job's units in the order they were made."""
        query = select(Job.id, Job.queue, Job.state).where(Job.parent == job_id).order_by(*AS_MADE)
        with self._database.read() as session:
            return [(row.id, row.queue, row.state) for row in session.execute(query)]

    def unclaimed(self, older_than_s: float) -> list[str]:
        """Return unfinished jobs that nobody has looked after for a while."""
        query = select(Job.id).where(
            Job.parent.is_(None), Job.state.in_(UNFINISHED), Job.updated_at < time.time() - older_than_s
        )
        with self._database.read() as session:
            return list(session.scalars(query))

    def touch(self, job_ids: Sequence[str]) -> None:
        """Note that somebody has looked after some jobs just now."""
        with self._database.write() as session:
            session.execute(update(Job).where(Job.id.in_(job_ids)).values(updated_at=time.time()))
