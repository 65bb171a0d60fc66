"""Work whose process dies: started again, but not for ever at the same place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from raft_core.errors import WorkFailed
from raft_core.jobs import worker
from raft_core.jobs.child import DIED
from raft_core.jobs.worker import RESTARTS_S, Worker
from raft_core.progress import Progress, Report
from raft_core.registry.registry import Registry
from raft_core.settings import load_settings

Run = tuple[int, WorkFailed | dict[str, Any]]
"""How far one run comes, and how it ends."""
KILLED = WorkFailed(DIED, "the process of 'train' was killed by SIGKILL", "is there enough memory?")
BUSY = WorkFailed("EndpointError", "the model server is down", retryable=True)


@pytest.fixture
def work(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Sequence[Run]], Any]]:
    """Have a worker do one unit, whose runs end as they are given; return its result and the waits before each."""
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    with Registry(load_settings().registry_url) as registry:

        def do(runs: Sequence[Run]) -> tuple[dict[str, Any], list[float]]:
            left = iter(runs)

            def run(*_: object, report: Report, **__: object) -> dict[str, Any]:
                done, end = next(left)
                report(Progress("load model", 1, 1))
                report(Progress("train", done, 100))
                if isinstance(end, WorkFailed):
                    raise end
                return end

            monkeypatch.setattr(worker, "run_in_child", run)
            waits.clear()
            one = Worker(load_settings(), registry)
            return one._retried("job-1.train.1", "train", "cats", {"job": "job-1"}, Stop()), list(waits)

        yield do


def test_a_killed_child_is_started_again(work) -> None:
    """At once at first, and its result is the job's."""
    assert work([(40, KILLED), (55, {"id": "raft-1"})]) == ({"id": "raft-1"}, [1.0])


def test_a_child_that_dies_at_the_same_place(work) -> None:
    """After the fourth death there the job fails, and says why and what may help."""
    with pytest.raises(WorkFailed) as caught:
        work([(40, KILLED)] * 9)
    assert str(caught.value) == f"{KILLED} ({len(RESTARTS_S) + 1} times at the same place)"
    assert caught.value.remedy == "is there enough memory?"


def test_a_child_that_comes_further_each_time(work) -> None:
    """However often it is killed it is started again, as long as each run gets beyond the one before."""
    runs: list[Run] = [(done, KILLED) for done in range(1, 40)]
    assert work([*runs, (100, {})]) == ({}, [1.0] * 39)


def test_deaths_and_passing_failures_are_counted_apart(work) -> None:
    """A server that is restarted uses up no restart, nor the other way round."""
    runs: list[Run] = [(4, KILLED), (4, BUSY), (4, KILLED), (4, BUSY), (4, KILLED), (5, {})]
    assert work(runs) == ({}, [1.0, 2.0, 5.0, 5.0, 15.0])


def test_other_failures_are_not_repeated(work) -> None:
    """What the work itself raised is its end."""
    with pytest.raises(WorkFailed, match="no rows"):
        work([(4, WorkFailed("DatasetError", "no rows")), (5, {})])
