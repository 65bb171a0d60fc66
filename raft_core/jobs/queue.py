"""What shells and bots do with jobs: ask for them, watch them, stop them, send them on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from raft_core.errors import JobError, QueueFull, RegistryError
from raft_core.jobs.costs import Estimate, check_budget, estimate
from raft_core.records import JobInfo
from raft_core.registry.registry import Registry

if TYPE_CHECKING:
    from dbos import DBOSClient

    from raft_core.registry.costs import Spending
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

WATCH_EVERY_S = 1.0
FORGOTTEN_S = 30.0
"""A job that was noted this long ago and never came to DBOS was cut off in between: it is sent again."""
STOPPED_WITHIN_S = 10.0


def job_log(settings: Settings, job_id: str) -> Path:
    """Return the file that holds the output of a job's processes."""
    return settings.home / "jobs" / f"{job_id}.log"


class Queue:
    """Jobs of all kinds; everything that people ask for names their guild.

    Raises:
        RegistryError: the database cannot be used.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._open: DBOSClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to DBOS's database; the registry stays its owner's."""
        if self._open is not None:
            self._open.destroy()
            self._open = None

    def enqueue(self, kind: str, guild: str, spec: dict[str, Any], requester: str = "") -> JobInfo:
        """Ask for a job; when this returns it will be done, whatever crashes.

        Raises:
            QueueFull: too many jobs are unfinished, of the guild or of all.
            OverBudget: it would cost more than is left of the guild's budget for today.
        """
        check_budget(self._settings, self._registry, guild, self.estimate(kind, guild, spec))
        for whose, limit in (
            (guild, self._settings.max_queued_jobs_per_guild),
            (None, self._settings.max_queued_jobs),
        ):
            waiting = self._registry.jobs.unfinished(whose)
            if waiting >= limit:
                raise QueueFull(waiting, limit, f"guild {whose}" if whose else "all guilds")
        job_id = f"job-{uuid4().hex[:10]}"
        self._registry.jobs.add(job_id, guild, kind, spec, requester)
        self._send(job_id, kind, guild, spec)
        return self._registry.jobs.find(guild, job_id)

    def estimate(self, kind: str, guild: str, spec: dict[str, Any]) -> Estimate:
        """Return the tokens, seconds and dollars that a job will take."""
        return estimate(self._settings, self._registry, guild, kind, spec)

    def receipt(self, guild: str, job_id: str) -> Spending:
        """Return what a job took so far, by what it made."""
        return self._registry.costs.of_job(guild, self.find(guild, job_id).id)

    def find(self, guild: str, job_id: str) -> JobInfo:
        """Return a job by its id or the beginning of it.

        Raises:
            UnknownJob: none of the guild's jobs has it.
        """
        return self._registry.jobs.find(guild, job_id)

    def list(self, guild: str | None, limit: int | None = None) -> list[JobInfo]:
        """Return the jobs of a guild, or of all for None, the newest first."""
        return self._registry.jobs.all(guild, limit)

    def cancel(self, guild: str, job_id: str) -> JobInfo:
        """Stop a job wherever it is; its processes end within seconds, and what it finished is kept.

        Raises:
            JobError: it is over already.
        """
        job = self.find(guild, job_id)
        if job.is_over:
            raise JobError(f"{job.id} has {job.state} already", remedy="there is nothing to cancel")
        self._registry.jobs.cancel(job.id)
        with self._translated():
            self._client.cancel_workflow(job.id, cancel_children=True)
        return self.find(guild, job.id)

    def resume(self, guild: str, job_id: str) -> JobInfo:
        """Send a cancelled or failed job on: finished units stay finished, the others are done again.

        Raises:
            JobError: it is under way, or has succeeded.
        """
        from raft_core.jobs.plans import JOBS

        job = self.find(guild, job_id)
        if job.state not in {"cancelled", "failed"}:
            raise JobError(f"{job.id} is {job.state}", remedy="only a cancelled or failed job can be resumed")
        units = [
            (unit, queue) for unit, queue, state in self._registry.jobs.units(job.id) if state != "succeeded"
        ]
        self._registry.jobs.requeue(job.id)
        with self._translated():
            for workflow, queue in (*units, (job.id, JOBS)):
                self._rewind(workflow, queue)
        return self.find(guild, job.id)

    def logs(self, guild: str, job_id: str) -> Path:
        """Return the file with the output of a job's processes; it may not be there yet."""
        return job_log(self._settings, self.find(guild, job_id).id)

    async def watch(self, *job_ids: str) -> AsyncIterator[JobInfo]:
        """Yield jobs whenever they have changed, until all are over: one query a second for all together."""
        known: dict[str, JobInfo] = {}
        while True:
            for job in await asyncio.to_thread(self._registry.jobs.get, job_ids):
                if known.get(job.id) != job:
                    known[job.id] = job
                    yield job
            if len(known) == len(job_ids) and all(job.is_over for job in known.values()):
                return
            await asyncio.sleep(WATCH_EVERY_S)

    def repair(self) -> None:
        """Send jobs again that were noted but never came to DBOS, and mark those that DBOS gave up."""
        for job_id in self._registry.jobs.unclaimed(FORGOTTEN_S):
            with self._translated():
                known = self._client.list_workflows(
                    workflow_ids=[job_id], load_input=False, load_output=False
                )
            if not known:
                kind, guild, spec = self._registry.jobs.spec(job_id)
                log.warning("sending %s again: it was cut off while it was asked for", job_id)
                self._send(job_id, kind, guild, spec)
            elif known[0].status in {"ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}:
                self._registry.jobs.set_state(
                    job_id, "failed", reason="it could not be started; see the worker's log"
                )
            else:
                self._registry.jobs.touch(job_id)

    def _send(self, job_id: str, kind: str, guild: str, spec: dict[str, Any]) -> None:
        from raft_core.jobs.plans import JOBS
        from raft_core.jobs.workflows import JOB

        with self._translated():
            self._client.enqueue(
                {"workflow_name": JOB, "queue_name": JOBS, "workflow_id": job_id}, kind, guild, spec
            )

    def _rewind(self, workflow_id: str, queue: str) -> None:
        """Have DBOS run a workflow again from its first step without a good result."""
        states = self._client.list_workflows(workflow_ids=[workflow_id], load_input=False, load_output=False)
        if not states or states[0].status in {"ENQUEUED", "PENDING", "SUCCESS"}:
            return
        steps = self._client.list_workflow_steps(workflow_id)
        failed = [step["function_id"] for step in steps if step["error"] is not None]
        ended = [step["function_id"] for step in steps if step["function_name"] == "finish"]
        start = min([*failed, *ended], default=0)
        if start:
            self._client.rewind_workflow(workflow_id, start_step=start, queue_name=queue)
        else:
            self._client.resume_workflow(workflow_id, queue_name=queue)

    @property
    def _client(self) -> DBOSClient:
        if self._open is None:
            from raft_core.jobs.workflows import open_client

            self._open = open_client(self._settings)
        return self._open

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            raise RegistryError(
                "the jobs' database",
                f"failed: {' '.join(str(error).split())[:200]}",
                remedy="check RAFTBOT_DATABASE_URL and the disk",
            ) from error
