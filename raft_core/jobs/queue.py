"""What shells and bots do with jobs: ask for them, watch them, stop them, send them on."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from raft_core.artifacts import Artifacts
from raft_core.errors import JobError, QueueFull, RegistryError
from raft_core.files import content_hash
from raft_core.jobs.costs import Estimate, check_budget, estimate
from raft_core.jobs.watch import Watch
from raft_core.records import JobInfo
from raft_core.registry.registry import Registry

if TYPE_CHECKING:
    from dbos import DBOSClient

    from raft_core.registry.costs import Spending
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

FORGOTTEN_S = 30.0
"""An unfinished job is looked after again after so long: what was told of it may have been cut off."""
OVER = {"succeeded": "is already done", "failed": "has already failed", "cancelled": "is already cancelled"}
ACTIVE = {"ENQUEUED", "PENDING", "DELAYED"}
"""DBOS's words for what it will do, or is doing."""


def job_log(settings: Settings, job_id: str) -> Path:
    """Return the file that holds the output of a job's processes on this machine."""
    machine = content_hash(socket.gethostname(), str(settings.home.absolute()), length=6)
    return settings.home / "jobs" / f"{job_id}.{machine}.log"


def job_curve(settings: Settings, job_id: str) -> Path:
    """Return the picture of the loss of a job's training on this machine; the losses are beside it as .jsonl."""
    return job_log(settings, job_id).with_suffix(".loss.png")


class Queue:
    """Jobs of all kinds; everything that people ask for names their guild.

    Raises:
        RegistryError: the database cannot be used.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._open: DBOSClient | None = None
        self._watch = Watch(registry.jobs)

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
            raise JobError(f"{job.id} {OVER[job.state]}", remedy="there is nothing to cancel")
        self._registry.jobs.cancel(job.id)  # first: whoever is at it looks here
        with self._translated():
            self._client.cancel_workflow(job.id, cancel_children=True)
        return self.find(guild, job.id)

    def resume(self, guild: str, job_id: str) -> JobInfo:
        """Send a cancelled or failed job on: finished units stay finished, the others are done again.

        Raises:
            JobError: it is under way, or has succeeded.
        """
        job = self.find(guild, job_id)
        if job.state not in {"cancelled", "failed"}:
            raise JobError(f"{job.id} is {job.state}", remedy="only a cancelled or failed job can be resumed")
        self._registry.jobs.requeue(job.id)
        self._send_on(job.id)
        return self.find(guild, job.id)

    def logs(self, guild: str, job_id: str) -> Sequence[Path]:
        """Return the files with the output of a job's processes, one a machine; other machines' as their units ended.

        Raises:
            StorageError: the artifacts' URL cannot be read.
        """
        here = job_log(self._settings, self.find(guild, job_id).id)
        pattern = f"{here.name.partition('.')[0]}.*.log"
        Artifacts(self._settings).gather(here.parent, pattern, but=here)
        return sorted(here.parent.glob(pattern))

    def curve(self, guild: str, job_id: str) -> Path | None:
        """Return the newest picture of a job's loss, from whatever machine; None where there is none yet.

        Raises:
            StorageError: the artifacts' URL cannot be read.
        """
        here = job_curve(self._settings, self.find(guild, job_id).id)
        pattern = f"{here.name.partition('.')[0]}.*.loss.png"
        Artifacts(self._settings).gather(here.parent, pattern, but=here)
        return max(here.parent.glob(pattern), key=lambda path: path.stat().st_mtime, default=None)

    def watch(self, *job_ids: str) -> AsyncIterator[JobInfo]:
        """Yield jobs whenever they have changed, until all are over; all watches together look once a second."""
        return self._watch.follow(job_ids)

    def repair(self) -> None:
        """Bring registry and DBOS together again where a crash came between what is told to the two."""
        jobs = self._registry.jobs
        forgotten = jobs.unclaimed(FORGOTTEN_S)
        if not forgotten:
            return
        states = self._states(forgotten)
        for job in jobs.get(forgotten):
            state = states.get(job.id)
            if job.is_over or state in ACTIVE:
                continue
            log.warning("%s was cut off (%s): sending it on", job.id, state or "never sent")
            if state is None:
                self._send(job.id, job.kind, job.guild, jobs.spec(job.id)[2])
            elif state in {"SUCCESS", "CANCELLED"}:  # its end, or a resumption of it
                self._send_on(job.id)
            else:
                jobs.fail(job.id, "it could not be brought to its end; see the worker's log", 0, 0.0)
        jobs.touch(forgotten)

    def _send(self, job_id: str, kind: str, guild: str, spec: dict[str, Any]) -> None:
        from raft_core.jobs.plans import JOBS
        from raft_core.jobs.workflows import JOB

        with self._translated():
            self._client.enqueue(
                {"workflow_name": JOB, "queue_name": JOBS, "workflow_id": job_id}, kind, guild, spec
            )

    def _send_on(self, job_id: str) -> None:
        """Have DBOS do again what of a job has not ended well: the units first, since the job waits for them."""
        from raft_core.jobs.plans import JOBS

        queues = {unit: queue for unit, queue, _ in self._registry.jobs.units(job_id)} | {job_id: JOBS}
        with self._translated():
            # Whoever is still at it loses it, so that nothing is done twice at once.
            self._client.cancel_workflow(job_id, cancel_children=True)
            states = self._states(list(queues))
            for workflow, queue in queues.items():
                if workflow in states and (workflow == job_id or states[workflow] != "SUCCESS"):
                    self._rewind(workflow, queue)

    def _rewind(self, workflow_id: str, queue: str) -> None:
        """Have DBOS run a workflow again from its first step without a good result."""
        steps = self._client.list_workflow_steps(workflow_id)
        again = [
            step["function_id"]
            for step in steps
            if step["error"] is not None or step["function_name"] == "finish"
        ]
        following = max((step["function_id"] for step in steps), default=0) + 1
        self._client.rewind_workflow(workflow_id, start_step=min(again, default=following), queue_name=queue)

    def _states(self, workflow_ids: Sequence[str]) -> dict[str, str]:
        """Return what DBOS says of some workflows; those that it does not know are left out."""
        with self._translated():
            found = self._client.list_workflows(
                workflow_ids=[*workflow_ids], load_input=False, load_output=False
            )
        return {each.workflow_id: each.status for each in found}

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
