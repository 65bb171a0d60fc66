"""What shells and bots ask of the queue; no worker runs here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, text

from raft_core.errors import JobError, OverBudget, QueueFull, UnknownDataset, UnknownJob
from raft_core.jobs.costs import TOKENS_A_ROW, Estimate
from raft_core.jobs.plans import PLANS, Stage, outcome, spent
from raft_core.jobs.queue import Queue
from raft_core.registry.costs import Spending
from raft_core.registry.registry import Registry
from raft_core.settings import Settings
from tests.registry.test_registry import DATASET, NORWAY
from tests.training.examples import recipe

BUILD = {"build": {"questions": 1, "distractors": 3, "chunks": None, "generator": "rules"}}
ASKING = {"build": {**BUILD["build"], "generator": "http://x/v1", "questions": 2}}
TRAIN = {"dataset": DATASET.id, "recipe": {}}
EVALUATION = {"evaluation": {"data": "sample", "models": ["base", "raft-1"], "limit": 10}}
PIPELINE = {**BUILD, "recipe": {}, "evaluation": {**EVALUATION["evaluation"], "models": ["base"]}}


@pytest.fixture
def settings(home: Any) -> Settings:
    return Settings(home=home, max_queued_jobs=5, max_queued_jobs_per_guild=3)


@pytest.fixture
def registry(settings: Settings) -> Iterator[Registry]:
    with Registry(settings.registry_url) as opened:
        yield opened


@pytest.fixture
def queue(settings: Settings, registry: Registry) -> Iterator[Queue]:
    with Queue(settings, registry) as opened:
        yield opened


def dbos_state(queue: Queue, job_id: str) -> str | None:
    return queue._states([job_id]).get(job_id)


def age(registry: Registry, seconds: float) -> None:
    with registry.database.write() as session:
        session.execute(text("UPDATE jobs SET updated_at = updated_at - :seconds"), {"seconds": seconds})


def test_enqueue(queue: Queue) -> None:
    """A job that was asked for is in the registry and in DBOS, with its place, for its guild alone."""
    job = queue.enqueue("build", "cats", BUILD, "ada")
    assert (job.state, job.kind, job.guild, job.requester, job.place) == ("queued", "build", "cats", "ada", 1)
    assert dbos_state(queue, job.id) == "ENQUEUED"
    assert queue.find("cats", job.id[:6]) == job
    assert queue.list("cats") == queue.list(None) == [job]
    assert queue.list("dogs") == []
    assert queue.logs("cats", job.id) == []
    for act in (queue.find, queue.cancel, queue.resume, queue.logs, queue.receipt):
        with pytest.raises(UnknownJob):
            act("dogs", job.id)


def test_the_queue_is_bounded(queue: Queue) -> None:
    """A guild's limit and the limit of all are told apart, with their numbers; a cancelled job makes room."""
    jobs = [queue.enqueue("build", "cats", BUILD) for _ in range(3)]
    with pytest.raises(QueueFull) as told:
        queue.enqueue("build", "cats", BUILD)
    assert str(told.value) == "the queue is full: 3 jobs of guild cats are unfinished, and 3 is the limit"
    queue.enqueue("build", "dogs", BUILD)
    queue.enqueue("build", "dogs", BUILD)
    with pytest.raises(QueueFull, match="5 jobs of all guilds are unfinished, and 5 is the limit"):
        queue.enqueue("build", "dogs", BUILD)
    queue.cancel("cats", jobs[0].id)
    queue.enqueue("build", "dogs", BUILD)


def test_cancel_and_resume(queue: Queue) -> None:
    """A waiting job is cancelled in both places, once; resumed it waits again, once."""
    job = queue.enqueue("build", "cats", BUILD)
    assert queue.cancel("cats", job.id).state == "cancelled"
    assert dbos_state(queue, job.id) == "CANCELLED"
    with pytest.raises(JobError, match=f"{job.id} is already cancelled"):
        queue.cancel("cats", job.id)
    assert queue.resume("cats", job.id).state == "queued"
    assert dbos_state(queue, job.id) == "ENQUEUED"
    with pytest.raises(JobError, match="is queued"):
        queue.resume("cats", job.id)


def test_cut_off_while_it_was_asked_for(queue: Queue, registry: Registry) -> None:
    """A job that the registry knows and DBOS does not is sent again: after a while, and once."""
    registry.jobs.add("job-1", "cats", "build", BUILD)
    queue.repair()
    assert dbos_state(queue, "job-1") is None  # it may be on its way
    age(registry, 60)
    queue.repair()
    assert dbos_state(queue, "job-1") == "ENQUEUED"
    assert registry.jobs.unclaimed(30) == []
    age(registry, 60)
    queue.repair()
    assert dbos_state(queue, "job-1") == "ENQUEUED"


def test_cut_off_while_it_was_cancelled(queue: Queue, registry: Registry) -> None:
    """What DBOS was not told of a cancellation does not matter: it stays cancelled, and can be resumed."""
    job = queue.enqueue("build", "cats", BUILD)
    registry.jobs.cancel(job.id)
    age(registry, 60)
    queue.repair()
    assert queue.find("cats", job.id).state == "cancelled"
    assert queue.resume("cats", job.id).state == "queued"
    assert dbos_state(queue, job.id) == "ENQUEUED"


def test_cut_off_while_it_was_resumed(queue: Queue, registry: Registry) -> None:
    """A job that waits in the registry and is cancelled in DBOS is sent on."""
    job = queue.enqueue("build", "cats", BUILD)
    queue.cancel("cats", job.id)
    registry.jobs.requeue(job.id)
    age(registry, 60)
    queue.repair()
    assert (queue.find("cats", job.id).state, dbos_state(queue, job.id)) == ("queued", "ENQUEUED")


def test_what_dbos_gave_up_has_failed(queue: Queue, registry: Registry) -> None:
    """It is told so, and can be retried."""
    job = queue.enqueue("build", "cats", BUILD)
    with queue._client._sys_db.engine.begin() as connection:
        connection.execute(text("UPDATE workflow_status SET status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'"))
    age(registry, 60)
    queue.repair()
    failed = queue.find("cats", job.id)
    assert (failed.state, failed.reason) == ("failed", "it could not be brought to its end; see the worker's log")  # fmt: skip
    assert queue.resume("cats", job.id).state == "queued"
    assert dbos_state(queue, job.id) == "ENQUEUED"


def spend(registry: Registry, guild: str, usd: float, at: datetime | None = None) -> None:
    at = at or datetime.now(UTC)
    spending = Spending(1, 1000, 10.0, usd)
    registry.costs.add(guild, "build", f"ds-{usd}", spending, at=at.isoformat(timespec="seconds"))


def test_budget(settings: Settings, registry: Registry) -> None:
    """What would go beyond the day's budget of the guild is refused with the numbers; other days and guilds do not count."""
    limited = settings.model_copy(update={"daily_budget_usd": 1.0, "price_per_gpu_hour_usd": 36.0})
    registry.datasets.add(DATASET)
    with Queue(limited, registry) as queue:
        estimated = queue.estimate("train", "one", TRAIN)
        assert (estimated.tokens, estimated.seconds, estimated.usd) == (14400, 7.2, 0.072)
        spend(registry, "one", 5.0, datetime.now(UTC) - timedelta(days=1))
        spend(registry, "two", 7.0)
        spend(registry, "one", 0.9)
        job = queue.enqueue("train", "one", TRAIN)
        with pytest.raises(
            OverBudget, match=r"about \$0.07, and \$0.97 of today's \$1.00 are spent or asked for"
        ):
            queue.enqueue("train", "one", TRAIN)
        queue.cancel("one", job.id)
        spend(registry, "one", 0.05)
        with pytest.raises(OverBudget) as told:
            queue.enqueue("train", "one", TRAIN)
        said = str(told.value)
        assert all(number in said for number in ("$0.95", "$1.00")), said
        queue.enqueue("build", "one", BUILD)  # costs nothing
        assert [job.kind for job in queue.list("one")] == ["build", "train"]


@pytest.mark.parametrize(("deployments", "own"), [(None, 0.5), (9.0, 0.5), (0.5, 9.0)])
def test_a_guilds_own_budget(
    settings: Settings, registry: Registry, deployments: float | None, own: float
) -> None:
    """The smaller of the deployment's budget and the guild's own holds, and the latter for that guild alone."""
    limited = settings.model_copy(update={"daily_budget_usd": deployments, "price_per_gpu_hour_usd": 36.0})
    registry.datasets.add(DATASET)
    registry.guilds.change("one", lambda kept: kept | {"daily_budget_usd": own})
    spend(registry, "one", 0.49)
    with Queue(limited, registry) as queue:
        with pytest.raises(OverBudget, match=r"\$0.49 of today's \$0.50 are spent"):
            queue.enqueue("train", "one", TRAIN)
        queue.enqueue("build", "two", BUILD)


def test_estimates(settings: Settings, registry: Registry) -> None:
    """A guess before the first receipt, and what the last ones took after it."""
    paid = settings.model_copy(update={"price_per_1k_tokens_usd": 1.0, "price_per_request_usd": 0.5, "price_per_gpu_hour_usd": 3600.0})  # fmt: skip
    registry.documents.add("one", [NORWAY], by="ada", consent=True)  # two chunks
    registry.datasets.add(DATASET)  # four rows
    with Queue(paid, registry) as queue:
        free = queue.estimate("build", "one", BUILD)
        assert (free.tokens, free.usd, free.measured) == (0, 0.0, True)
        guess = queue.estimate("build", "one", ASKING)
        assert (guess.tokens, guess.usd) == (4 * TOKENS_A_ROW["build"], 4 * TOKENS_A_ROW["build"] / 1000 + 4)
        assert not guess.measured
        assert queue.estimate("evaluate", "one", EVALUATION).tokens == 30 * TOKENS_A_ROW["evaluate"]
        few = queue.estimate("evaluate", "one", EVALUATION | {"questions": 4})  # fewer than the limit
        every = queue.estimate(
            "evaluate",
            "one",
            {"evaluation": EVALUATION["evaluation"] | {"limit": None}, "questions": 70},
        )
        assert (few.tokens, every.tokens) == (12 * TOKENS_A_ROW["evaluate"], 210 * TOKENS_A_ROW["evaluate"])
        registry.costs.add("two", "train", "raft-1", Spending(10, 1000, 20.0, 1.0), at="2026-01-01T00:00:00+00:00")  # fmt: skip
        assert queue.estimate("train", "one", TRAIN) == Estimate(400, 8.0, 8.0, True)
        whole = queue.estimate("pipeline", "one", PIPELINE)
        assert whole.tokens == 2 * 100 + 30 * TOKENS_A_ROW["evaluate"]
        assert not whole.measured
        assert queue.estimate("ingest", "one", {"uploads": []}).usd == 0.0
        with pytest.raises(UnknownDataset):
            queue.enqueue("train", "one", {**TRAIN, "dataset": "ds-none"})
        assert queue.list("one") == []


def test_any_number_of_watches_look_once_a_second(queue: Queue, registry: Registry) -> None:
    """Fifty watches of five jobs cause as many looks at the registry as one; each sees every change."""
    jobs = [queue.enqueue("build", guild, BUILD).id for guild in ("cats", "cats", "cats", "dogs", "dogs")]
    looks: list[float] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT") and "jobs.id IN" in statement and "parent" not in statement.partition("WHERE")[2]:  # fmt: skip
            looks.append(time.monotonic())

    async def follow() -> list[str]:
        return [job.state async for job in queue.watch(*jobs) if job.id == jobs[0]]

    async def change() -> None:
        await asyncio.sleep(2.5)
        await asyncio.to_thread(registry.jobs.start, jobs[0], "w")
        await asyncio.sleep(2)
        for job in jobs:
            await asyncio.to_thread(registry.jobs.end, job, "succeeded")

    async def everything() -> list[Any]:
        return await asyncio.gather(*(follow() for _ in range(50)), change())

    event.listen(registry.database.engine, "before_cursor_execute", count)
    began = time.monotonic()
    states = asyncio.run(everything())[:-1]
    took = time.monotonic() - began
    assert states == [["queued", "running", "succeeded"]] * 50
    assert 4 <= len(looks) <= took + 1
    assert all(later - earlier > 0.9 for earlier, later in pairwise(looks))


def results(spec: dict[str, Any], kind: str) -> dict[str, list[dict[str, Any]]]:
    """Run a plan with made-up units, and return all results."""
    made: dict[str, Any] = {
        "plan build": {"chunks": [f"c{number}" for number in range(130)], "dataset": None},
        "draft": {"drafts": ["d"], "seconds": 1.0, "tokens": 10, "cost_usd": 0.25},
        "assemble": {"id": "ds-1", "tokens": 30, "cost_usd": 0.75},
        "train": {"id": "raft-1", "tokens": 100, "cost_usd": 1.0},
        "plan evaluation": {"n": 250},
        "answer": {"runs": [], "seconds": 1.0, "tokens": 7, "cost_usd": 0.5},
        "judge": {"id": "eval-1", "cost_usd": 1.5},
    }
    done: dict[str, list[dict[str, Any]]] = {}
    for stage in PLANS[kind]:
        done[stage.unit] = [{**made.get(stage.unit, {}), "args": args} for args in stage.args(spec, done)]
    return done


def test_the_plan_of_a_pipeline() -> None:
    """Its units are slices of at most so many, each result goes where it is needed, and what it took counts once."""
    done = results(PIPELINE, "pipeline")
    assert [len(unit["args"]["chunks"]) for unit in done["draft"]] == [64, 64, 2]
    assert done["assemble"][0]["args"]["drafts"] == ["d", "d", "d"]
    assert done["train"][0]["args"]["dataset"] == "ds-1"
    assert done["load"][0]["args"] == {"adapter": "raft-1"}
    spans = [(unit["args"]["start"], unit["args"]["stop"]) for unit in done["answer"]]
    assert spans == [(0, 100), (100, 200), (200, 250)]
    assert done["judge"][0]["args"]["evaluation"]["models"] == ["base", "raft-1"]
    assert spent(done) == (30 + 100 + 21, 0.75 + 1.0 + 1.5)
    assert {made: result["id"] for made, result in outcome("pipeline", done).items()} == {"dataset": "ds-1", "adapter": "raft-1", "evaluation": "eval-1"}  # fmt: skip


@pytest.mark.parametrize("kind", list(PLANS))
def test_shares(kind: str) -> None:
    """All stages of a job are the whole of it, and each stands once."""
    stages: tuple[Stage, ...] = PLANS[kind]
    assert sum(stage.share for stage in stages) == pytest.approx(1.0)
    assert len({stage.unit for stage in stages}) == len(stages)


def test_a_data_set_that_is_there_already() -> None:
    """Nothing is drafted again for it."""
    stages = {stage.unit: stage for stage in PLANS["build"]}
    planned = {"plan build": [{"chunks": ["c1"], "dataset": {"id": "ds-1"}}]}
    assert stages["draft"].args(BUILD, planned) == []
    assert stages["assemble"].args(BUILD, {**planned, "draft": []})[0]["drafts"] == []


def test_uploads_are_removed_by_whom_they_were_for() -> None:
    """Those of an ingestion and the questions of an evaluation; the sample's are nobody's."""
    ingest = PLANS["ingest"][-1].args({"uploads": ["a"], "hotpotqa": "b"}, {})
    asked = {"evaluation": {**EVALUATION["evaluation"], "data": "c"}}
    judged = PLANS["evaluate"][-1].args(asked, {})
    nothing = PLANS["evaluate"][-1].args(EVALUATION, {})
    assert (ingest, judged, nothing) == ([{"uploads": ["a", "b"]}], [{"uploads": ["c"]}], [{"uploads": []}])


def test_a_unit_only_gets_further() -> None:
    """Stages within a unit of work neither begin anew nor end it early."""
    from raft_core.jobs.units import counting, in_parts
    from raft_core.progress import Progress

    told: list[Progress] = []
    training = counting(told.append, "train")
    for progress in (Progress("tokenise", 8, 8), Progress("train", 1, 4, "loss 1"), Progress("save", 0, 0)):
        training(progress)
    assert [(each.stage, each.done, each.total) for each in told] == [("tokenise", 0, 0), ("train", 1, 4), ("save", 1, 4)]  # fmt: skip
    told.clear()
    answering = in_parts(told.append, 3, 10)
    for progress in (Progress("load", 1, 1), Progress("base · rag", 10, 10), Progress("base · raft", 5, 10), Progress("raft-1", 10, 10)):  # fmt: skip
        answering(progress)
    assert [(each.done, each.total) for each in told] == [(0, 30), (10, 30), (15, 30), (30, 30)]


def test_recipes_survive_json() -> None:
    """What has lists in JSON has tuples again in the recipe."""
    import json
    from dataclasses import asdict
    from pathlib import Path

    from raft_core.jobs.units import recipe_of

    wanted = recipe(Path("x"), target_modules=("q_proj", "v_proj"))
    assert recipe_of(json.loads(json.dumps(asdict(wanted)))) == wanted
    assert recipe_of({"r": 4}).r == 4
