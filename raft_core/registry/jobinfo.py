"""What is told of a job: how far it is, what it took, and its place among those that wait."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from raft_core.records import JobInfo
from raft_core.registry.tables import Job

UNFINISHED = ("queued", "running")
AS_MADE = (Job.created_at, Job.priority)
"""The order of units: those of a stage are made at once."""


def job_infos(session: Session, jobs: Sequence[Job]) -> list[JobInfo]:
    """Return what is to be told of some jobs."""
    going = [job.id for job in jobs if job.state != "succeeded"]
    units: dict[str, list[Job]] = {}
    for unit in session.scalars(select(Job).where(Job.parent.in_(going)).order_by(*AS_MADE)):
        units.setdefault(unit.parent or "", []).append(unit)
    working = {unit.parent for each in units.values() for unit in each if unit.state == "running"}
    waiting = any(job.state in UNFINISHED and job.id not in working for job in jobs)
    places = _places(session) if waiting else {}
    return [_info(job, units.get(job.id, []), places.get(job.id)) for job in jobs]


def _info(job: Job, units: Sequence[Job], place: int | None) -> JobInfo:
    done = job.state == "succeeded"
    percent = 100.0 if done else round(100 * sum(map(_progress, units)), 1)
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
        place=None if job.state not in UNFINISHED or current else place,
        tokens=job.tokens if done else sum(unit.tokens for unit in units),
        cost_usd=job.cost_usd if done else sum(unit.cost_usd for unit in units),
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
