"""Jobs as durable workflows on DBOS: what a step returned is kept, so a killed job goes on after it.

A job is a workflow of its stages; each unit of a stage is a workflow of one step, on a queue that a free
worker takes it from. Only JSON is stored: never a pickle, which could run code when it is read.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from dbos import DBOS, DBOSClient, Serializer, SetEnqueueOptions, SetWorkflowID
from dbos._error import DBOSAwaitedWorkflowCancelledError, DBOSWorkflowCancelledError  # no public home

from raft_core.errors import JobError, RaftError, RegistryError, WorkFailed, WorkStopped
from raft_core.files import to_json
from raft_core.jobs.plans import PLANS, Json, Stage, outcome, spent

if TYPE_CHECKING:
    from raft_core.registry.jobs import Jobs
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

APPLICATION = "raftbot"
VERSION = "1"
"""Of the workflows below. DBOS gives a worker only workflows of its own version: change it when jobs that
are under way could not go on, and let the old workers finish first."""
JOB, UNIT = "job", "unit"
POLL_S = 0.25
RECOVERIES = 1000
"""How often a job may lose its worker before it counts as failed: a restart is not the job's fault."""

ATTEMPTS = 8
"""At writing into the registry what a job comes to: for two minutes, should its database be away."""

RunUnit = Callable[[str, str, str, Json], Json]
"""Does a unit of work: its id, its name, the guild, the arguments."""


class JsonSerializer(Serializer):
    """Keeps JSON and our own errors as text."""

    def name(self) -> str:
        """Name the format in the database."""
        return "raftbot_json"

    def serialize(self, data: Any) -> str:
        """Return `data` as text."""
        if isinstance(data, BaseException):
            data = {"__error__": _error(data)}
        return to_json(data)

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805  # as DBOS spells it
        """Return what was kept."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and set(data) == {"__error__"}:
            return WorkFailed(**data["__error__"])
        return data


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what the job's own state and log tell already: that work failed, and how."""
    told = (JobError, DBOSAwaitedWorkflowCancelledError)
    return not (record.exc_info and isinstance(record.exc_info[1], told))


def _error(error: BaseException) -> Json:
    return {
        "type": error.type if isinstance(error, WorkFailed) else type(error).__name__,
        "message": str(error),
        "remedy": error.remedy if isinstance(error, RaftError) else "",
    }


def launch(settings: Settings, worker_id: str) -> None:
    """Make DBOS this process's own; `register` the workflows next, then `DBOS.launch()`."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    logging.getLogger("dbos").addFilter(_is_news)
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": settings.jobs_url,
            "application_version": VERSION,
            "executor_id": worker_id,
            "serializer": JsonSerializer(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": POLL_S,
        }
    )


def open_client(settings: Settings) -> DBOSClient:
    """Return a connection to DBOS from a process that does no work itself, maybe before any worker ever ran."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    DBOS.migrate(settings.jobs_url)
    return DBOSClient(
        system_database_url=settings.jobs_url, serializer=JsonSerializer(), application_name=APPLICATION
    )


def register(jobs: Jobs, run_unit: RunUnit) -> None:
    """Register the workflows with DBOS; `run_unit` does the work on this machine."""

    @DBOS.step(name="units", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=_may_pass)
    def note_units(guild: str, stage: Json, ids: list[str]) -> list[int]:
        parent = cast(str, DBOS.workflow_id)
        with _unrecorded():
            return jobs.add_units(parent, guild, stage["unit"], stage["queue"], ids, stage["share"])

    @DBOS.step(name="work")
    def work(unit_id: str, name: str, guild: str, args: Json) -> Json:
        with _unrecorded():
            return run_unit(unit_id, name, guild, args)

    @DBOS.step(name="finish", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=_may_pass)
    def finish(state: str, reason: str, result: Json, tokens: int, cost_usd: float) -> list[str]:
        job_id = cast(str, DBOS.workflow_id)
        if state == "failed":
            return jobs.fail(job_id, reason, tokens, cost_usd)
        jobs.end(job_id, "succeeded", result=result, tokens=tokens, cost_usd=cost_usd)
        return []

    @DBOS.workflow(name=UNIT, max_recovery_attempts=RECOVERIES)
    def unit(name: str, guild: str, args: Json) -> Json:
        return work(cast(str, DBOS.workflow_id), name, guild, args)

    def run_stage(job_id: str, guild: str, stage: Stage, spec: Json, results: dict[str, list[Json]]) -> None:
        every = stage.args(spec, results)
        ids = [f"{job_id}.{stage.unit.replace(' ', '-')}.{number}" for number in range(1, len(every) + 1)]
        told = {"unit": stage.unit, "queue": stage.queue, "share": stage.share}
        priorities = note_units(guild, told, ids) if ids else []
        handles = []
        for unit_id, priority, args in zip(ids, priorities, every, strict=True):
            with SetWorkflowID(unit_id), SetEnqueueOptions(priority=priority):
                handles.append(DBOS.enqueue_workflow(stage.queue, unit, stage.unit, guild, args))
        results[stage.unit] = [handle.get_result(polling_interval_sec=POLL_S) for handle in handles]

    @DBOS.workflow(name=JOB, max_recovery_attempts=RECOVERIES)
    def job(kind: str, guild: str, spec: Json) -> Json:
        results: dict[str, list[Json]] = {}
        try:
            if kind not in PLANS:
                raise JobError(
                    f"this worker knows no job {kind!r}",
                    remedy="a newer raftbot asked for it: update the worker",
                )
            for stage in PLANS[kind]:
                run_stage(cast(str, DBOS.workflow_id), guild, stage, spec, results)
            result = outcome(kind, results)
        except Exception as error:  # whatever it is, the job has failed and says so
            unfinished = finish("failed", _reason(error), {}, *spent(results))
            if unfinished:
                DBOS.cancel_workflows(unfinished)
            raise
        finish("succeeded", "", result, *spent(results))
        return result


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Have DBOS keep no outcome of a step that was stopped: resumed, the step is done again."""
    try:
        yield
    except WorkStopped as error:
        raise DBOSWorkflowCancelledError(str(error)) from error


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RegistryError)


def _reason(error: Exception) -> str:
    remedy = getattr(error, "remedy", "")
    return f"{error}; {remedy}" if remedy else str(error)


class Stops:
    """Which units run here, and the events that stop them."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}
        self._changed = threading.Condition()

    def begin(self, unit_id: str) -> threading.Event:
        """Return the event that stops a unit which begins now: once an earlier run of it here has ended."""
        with self._changed:
            while unit_id in self._events:
                self._events[unit_id].set()
                self._changed.wait()
            return self._events.setdefault(unit_id, threading.Event())

    def done(self, unit_id: str) -> None:
        """Forget a unit that has ended."""
        with self._changed:
            del self._events[unit_id]
            self._changed.notify_all()

    @property
    def running(self) -> list[str]:
        """The ids of the units that run here."""
        with self._changed:
            return list(self._events)

    def stop(self, unit_ids: set[str] | None = None) -> None:
        """Stop some units, or all."""
        with self._changed:
            for unit_id, event in self._events.items():
                if unit_ids is None or unit_id in unit_ids:
                    event.set()
