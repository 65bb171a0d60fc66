"""Jobs and workers in the registry: states, places, priorities, progress, and who may write what."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from raft_core.errors import JobError, UnknownJob, WorkStopped
from raft_core.registry.jobs import UnitProgress
from raft_core.registry.registry import Registry

WORK = "work"


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    with Registry(url) as opened:
        yield opened


def job(registry: Registry, name: str, guild: str = "cats", kind: str = "build") -> str:
    registry.jobs.add(name, guild, kind, {"n": 1}, "ada")
    return name


def units(registry: Registry, name: str, count: int, guild: str = "cats", unit: str = "draft") -> list[str]:
    ids = [f"{name}.{unit}.{number}" for number in range(1, count + 1)]
    registry.jobs.add_units(name, guild, unit, WORK, ids, 0.5)
    return ids


def test_a_job_from_its_beginning_to_its_end(registry: Registry) -> None:
    """Queued with its place, running with stage and percent, then over with its result, tokens and cost."""
    job(registry, "job-1")
    waiting = registry.jobs.find("cats", "job-1")
    assert (waiting.state, waiting.place, waiting.percent, waiting.stage, waiting.requester) == ("queued", 1, 0.0, "", "ada")  # fmt: skip
    first, second = units(registry, "job-1", 2)
    assert registry.jobs.find("cats", "job-1").stage == "draft"
    assert registry.jobs.start(first, "worker-1")
    registry.jobs.progress([UnitProgress(first, "drafting", 3, 4, "Oslo")])
    running = registry.jobs.find("cats", "job-1")
    assert (running.state, running.place, running.stage, running.detail) == ("running", None, "drafting", "3 of 4, Oslo")  # fmt: skip
    assert running.percent == 18.8  # three quarters of a half of a half
    assert registry.jobs.end(first, "succeeded", tokens=7, cost_usd=0.25, by="worker-1")
    half = registry.jobs.find("cats", "job-1")
    assert (half.percent, half.tokens, half.cost_usd, half.stage, half.place) == (25.0, 7, 0.25, "draft", 1)
    assert registry.jobs.end("job-1", "succeeded", result={"id": "ds-1"}, tokens=9, cost_usd=0.5)
    over = registry.jobs.find("cats", "job-1")
    assert (over.state, over.percent, over.tokens, over.cost_usd, over.result) == ("succeeded", 100.0, 9, 0.5, {"id": "ds-1"})  # fmt: skip
    assert over.is_over
    assert over.started_at
    assert over.finished_at
    assert over.created_at <= over.started_at <= over.finished_at
    assert second in [unit for unit, _, _ in registry.jobs.units("job-1")]


def test_time_left_by_measured_speed(registry: Registry) -> None:
    """A job that did a quarter in ten seconds needs thirty more; one that has only begun does not guess."""
    job(registry, "job-1")
    (unit,) = units(registry, "job-1", 1)
    registry.jobs.start(unit, "worker-1")
    assert registry.jobs.find("cats", "job-1").eta_s is None
    registry.jobs.progress([UnitProgress(unit, "drafting", 1, 2, "")])
    with registry.database.write() as session:
        session.execute(text("UPDATE jobs SET started_at = :at WHERE id = 'job-1'"), {"at": time.time() - 10})
    assert registry.jobs.find("cats", "job-1").eta_s == pytest.approx(30, abs=3)


def test_what_was_done_stays_told_after_an_end(registry: Registry) -> None:
    """A cancelled job still tells how far it came and what that took."""
    job(registry, "job-1")
    first, second = units(registry, "job-1", 2)
    registry.jobs.start(first, "w")
    registry.jobs.end(first, "succeeded", tokens=5, cost_usd=0.5, by="w")
    registry.jobs.cancel("job-1")
    told = registry.jobs.find("cats", "job-1")
    assert (told.state, told.percent, told.tokens, told.cost_usd, told.place) == ("cancelled", 25.0, 5, 0.5, None)  # fmt: skip
    assert {unit: state for unit, _, state in registry.jobs.units("job-1")} == {first: "succeeded", second: "cancelled"}  # fmt: skip


def test_cancelled_is_final_until_it_is_resumed(registry: Registry) -> None:
    """Nobody starts, ends or adds units to a cancelled job; resumed, all that was not finished waits again."""
    job(registry, "job-1")
    (unit,) = units(registry, "job-1", 1)
    assert registry.jobs.start(unit, "w")
    assert registry.jobs.lost("w", [unit]) == set()
    registry.jobs.cancel("job-1")
    assert registry.jobs.lost("w", [unit]) == {unit}
    assert not registry.jobs.start(unit, "w")
    assert not registry.jobs.end(unit, "succeeded", by="w")
    assert not registry.jobs.end("job-1", "succeeded", result={"id": "x"})
    with pytest.raises(WorkStopped):
        units(registry, "job-1", 3, unit="answer")
    registry.jobs.requeue("job-1")
    assert registry.jobs.lost("w", [unit]) == {unit}  # whoever was at it is not any more
    assert not registry.jobs.end(unit, "succeeded", by="w")
    assert registry.jobs.units("job-1") == [(unit, WORK, "queued")]
    assert registry.jobs.start(unit, "w")
    assert registry.jobs.end(unit, "succeeded", by="w")


def test_a_unit_belongs_to_the_worker_that_began_it_last(registry: Registry) -> None:
    """One that had it before can neither end it nor go on."""
    job(registry, "job-1")
    (unit,) = units(registry, "job-1", 1)
    registry.jobs.start(unit, "one")
    registry.jobs.start(unit, "two")
    assert registry.jobs.lost("one", [unit]) == {unit}
    assert registry.jobs.lost("two", [unit]) == set()
    assert not registry.jobs.end(unit, "failed", reason="late", by="one")
    assert registry.jobs.units("job-1") == [(unit, WORK, "running")]
    assert registry.jobs.end(unit, "succeeded", by="two")
    assert registry.jobs.end(unit, "succeeded", by="two")  # told twice


def test_what_a_lost_worker_ran_waits_again(registry: Registry) -> None:
    """Its units are queued; what others run, and what it had finished, stays."""
    job(registry, "job-1")
    lost, done, others = units(registry, "job-1", 3)
    for unit, worker in ((lost, "w1"), (done, "w1"), (others, "w2")):
        registry.jobs.start(unit, worker)
    registry.jobs.end(done, "succeeded", by="w1")
    registry.jobs.release("w1")
    assert [state for _, _, state in registry.jobs.units("job-1")] == ["queued", "succeeded", "running"]


def test_failing_ends_what_waits(registry: Registry) -> None:
    """The units that are not over are cancelled and named; the failed job tells its reason."""
    job(registry, "job-1")
    first, second, third = units(registry, "job-1", 3)
    for unit in (first, second):
        registry.jobs.start(unit, "w")
    registry.jobs.end(first, "succeeded", tokens=5, by="w")
    registry.jobs.end(second, "failed", reason="no", by="w")
    assert registry.jobs.fail("job-1", "no; try", 5, 0.0) == [third]
    assert registry.jobs.fail("job-1", "no; try", 5, 0.0) == [third]  # told twice
    told = registry.jobs.find("cats", "job-1")
    assert (told.state, told.reason, told.tokens) == ("failed", "no; try", 5)
    registry.jobs.cancel("job-1")
    assert registry.jobs.find("cats", "job-1").state == "failed"
    registry.jobs.requeue("job-1")
    assert registry.jobs.find("cats", "job-1").reason == ""
    assert [state for _, _, state in registry.jobs.units("job-1")] == ["succeeded", "queued", "queued"]


def test_units_are_added_once(registry: Registry) -> None:
    """A job that is taken over finds its units as they were, with the same priorities."""
    job(registry, "job-1")
    ids = units(registry, "job-1", 2)
    registry.jobs.start(ids[0], "w")
    registry.jobs.end(ids[0], "succeeded", by="w")
    assert registry.jobs.add_units("job-1", "cats", "draft", WORK, ids, 0.5) == [1, 2]
    assert [state for _, _, state in registry.jobs.units("job-1")] == ["succeeded", "queued"]


def test_guilds_share_a_queue_fairly(registry: Registry) -> None:
    """Ten jobs of one guild go behind one another; another guild's one goes beside the first of them."""
    turns = []
    for number in range(10):
        name = job(registry, f"job-{number}")
        turns += registry.jobs.add_units(name, "cats", "train", "train", [f"{name}.train.1"], 1.0)
    job(registry, "job-late", "dogs")
    late = registry.jobs.add_units("job-late", "dogs", "train", "train", ["job-late.train.1"], 1.0)
    other = registry.jobs.add_units("job-late", "dogs", "draft", WORK, ["a", "b"], 1.0)
    assert turns == list(range(1, 11))
    assert (late, other) == ([1], [1, 2])
    places = {told.id: told.place for told in registry.jobs.all(None)}
    assert places == {"job-0": 1, "job-late": 2, **{f"job-{number}": number + 2 for number in range(1, 10)}}


def test_places_of_jobs_that_have_not_begun(registry: Registry) -> None:
    """In the order they were asked for, behind those that wait already; none once a job runs or is over."""
    for name in ("job-1", "job-2", "job-3"):
        job(registry, name)
    (unit,) = units(registry, "job-1", 1)
    assert {told.id: told.place for told in registry.jobs.all("cats")} == {"job-1": 1, "job-2": 2, "job-3": 3}
    registry.jobs.start(unit, "w")
    registry.jobs.cancel("job-2")
    assert {told.id: told.place for told in registry.jobs.all("cats")} == {"job-1": None, "job-2": None, "job-3": 1}  # fmt: skip


def test_counts_and_limits(registry: Registry) -> None:
    """Units are not jobs; another guild's jobs are not this one's."""
    for name in ("job-1", "job-2"):
        units(registry, job(registry, name), 3)
    job(registry, "job-3", "dogs")
    registry.jobs.cancel("job-1")
    assert registry.jobs.counts("cats") == {"cancelled": 1, "queued": 1}
    assert registry.jobs.counts() == {"cancelled": 1, "queued": 2}
    assert (registry.jobs.unfinished("cats"), registry.jobs.unfinished()) == (1, 2)


def test_beginnings_of_ids(registry: Registry) -> None:
    """A unique beginning finds; none, several, a unit's id and another guild's are told apart."""
    for name in ("job-ab", "job-abc", "job-d"):
        units(registry, job(registry, name), 1)
    job(registry, "job-e", "dogs")
    assert registry.jobs.find("cats", "job-d").id == "job-d"
    assert registry.jobs.find("cats", "job-ab").id == "job-ab"
    with pytest.raises(JobError, match="several jobs have ids that begin with 'job-'"):
        registry.jobs.find("cats", "job-")
    for name in ("", "x", "%", "job-e", "job-d.draft.1"):
        with pytest.raises(UnknownJob):
            registry.jobs.find("cats", name)
    assert [told.id for told in registry.jobs.all("dogs")] == ["job-e"]
    assert [told.id for told in registry.jobs.get(["job-e", "job-d", "nobody"])] in (["job-d", "job-e"], ["job-e", "job-d"])  # fmt: skip


def test_the_newest_comes_first(registry: Registry) -> None:
    """As many as are asked for."""
    for number in range(3):
        job(registry, f"job-{number}")
        time.sleep(0.002)
    assert [told.id for told in registry.jobs.all("cats", 2)] == ["job-2", "job-1"]


def test_text_that_no_database_takes(registry: Registry) -> None:
    """NUL and lone surrogates in specs, results and reasons, and a reason of any length."""
    odd = {"a\0b": ["x\0y", "\ud800", "ž"]}
    registry.jobs.add("job-1", "cats", "build", odd)
    registry.jobs.end("job-1", "succeeded", result=odd)
    job(registry, "job-2")
    registry.jobs.end("job-2", "failed", reason="no\0 " + "x" * 100_000)
    assert registry.jobs.find("cats", "job-1").result == odd
    assert registry.jobs.spec("job-1") == ("build", "cats", odd)
    assert len(registry.jobs.find("cats", "job-2").reason) == 100_004


def test_forgotten_jobs(registry: Registry) -> None:
    """Unfinished ones that nobody looked after for a while, until somebody does."""
    for name in ("job-1", "job-2", "job-3"):
        units(registry, job(registry, name), 1)
    registry.jobs.cancel("job-3")
    assert registry.jobs.unclaimed(30) == []
    assert sorted(registry.jobs.unclaimed(-1)) == ["job-1", "job-2"]
    with registry.database.write() as session:
        session.execute(text("UPDATE jobs SET updated_at = updated_at - 60"))
    registry.jobs.touch(["job-1"])
    assert registry.jobs.unclaimed(30) == ["job-2"]


def test_a_worker_lives_while_it_says_so(registry: Registry) -> None:
    """Who was claimed or forgotten is told so at its next word, and does not come back by itself."""
    workers = registry.workers
    workers.enter("w1", "here", 42, "0")
    assert workers.beat("w1")
    ((row, silent_s),) = workers.all()
    assert (row.id, row.host, row.pid, row.device) == ("w1", "here", 42, "0")
    assert 0 <= silent_s < 5
    assert workers.claim(row)
    assert not workers.claim(row)
    assert not workers.beat("w1")
    workers.forget("w1")
    assert not workers.beat("w1")
    assert workers.all() == []


def test_a_worker_that_spoke_again_is_not_claimed(registry: Registry) -> None:
    """The claim holds only for what the claimer saw."""
    registry.workers.enter("w1", "here", 42, "")
    ((seen, _),) = registry.workers.all()
    time.sleep(0.01)
    assert registry.workers.beat("w1")
    assert not registry.workers.claim(seen)


def test_a_worker_that_stops_is_silent_at_once(registry: Registry) -> None:
    """Its jobs need not wait for the limit."""
    registry.workers.enter("w1", "here", 42, "")
    registry.workers.silence("w1")
    ((row, silent_s),) = registry.workers.all()
    assert (row.pid, silent_s > 1e6) == (0, True)
    assert not registry.workers.beat("w1")


RACE = """
import sys
from raft_core.registry.registry import Registry
with Registry(sys.argv[1]) as registry:
    ((row, _),) = registry.workers.all()
    print("ready", flush=True)
    sys.stdin.readline()
    print(registry.workers.claim(row))
"""


def test_of_many_claimers_one_wins(registry: Registry, url: str) -> None:
    """Four processes claim the same silent worker at once."""
    registry.workers.enter("w1", "here", 42, "")
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ})  # noqa: S603  # our own code
        for _ in range(4)
    ]  # fmt: skip
    pipes: list[Any] = [(racer.stdin, racer.stdout) for racer in racers]
    assert [out.readline() for _, out in pipes] == ["ready\n"] * 4
    outputs = [racer.communicate("go\n", timeout=60)[0] for racer in racers]
    assert sorted(outputs) == ["False\n"] * 3 + ["True\n"]


def test_search(registry: Registry) -> None:
    """A part of an id or kind finds a guild's own jobs, the newest first, never their units; states narrow it."""
    job(registry, "job-1")
    job(registry, "job-2", kind="train")
    job(registry, "job-3", guild="dogs")
    units(registry, "job-1", 2)
    registry.jobs.end("job-2", "succeeded")
    assert [found[0] for found in registry.jobs.search("cats", "", 25)] == ["job-2", "job-1"]
    assert registry.jobs.search("cats", "TRAIN", 25) == [("job-2", "train", "succeeded")]
    assert registry.jobs.search("cats", "", 25, ("queued", "running")) == [("job-1", "build", "queued")]
    assert registry.jobs.search("cats", "job-3", 25) == []


def test_what_a_member_asked_for(registry: Registry) -> None:
    """Each job with its kind, time and number of files, the oldest first; nobody else's."""
    before = time.time()
    job(registry, "job-1")
    registry.jobs.add("job-2", "cats", "ingest", {"uploads": ["a", "b"]}, "ada")
    registry.jobs.add("job-3", "cats", "train", {}, "bob")
    asked = registry.jobs.requested_since("cats", "ada", before)
    assert [(each.kind, each.files) for each in asked] == [("build", 0), ("ingest", 2)]
    assert registry.jobs.requested_since("dogs", "ada", before) == []
    assert registry.jobs.requested_since("cats", "ada", time.time() + 1) == []
