"""Chaos: a worker that is killed again and again makes what an undisturbed one makes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sqlalchemy import select

from raft_core.records import JobInfo
from raft_core.registry.tables import Cost
from tests.jobs.workers import LIBRARY, PATIENCE_S, Bench, Worker, chroma, rows
from tests.machine.services import wait_until
from tests.store.embedding_server import MODEL, embedding_server

pytestmark = pytest.mark.crash

SEED = 20261124
CHUNKS = 8
ROUNDS = 10
"""Each kills a worker that works, at a random moment of the pipeline, and its successor while that starts."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("chaos")
    with embedding_server() as embedder, chroma(folder / "chroma") as store:
        settings = {"chroma_url": store.url, "embeddings": embedder.url, "embeddings_model": MODEL}
        with Bench(folder / "home", **settings, price_per_gpu_hour_usd=3.6) as opened:
            for guild in ("calm", "wild"):
                opened.run_apart("docs", "add", *LIBRARY[:10], "--guild", guild)
            yield opened


def ask_for(bench: Bench, guild: str) -> str:
    recipe = bench.recipe(num_train_epochs=6, checkpoint_s=0.1)
    return bench.enqueue("pipeline", "--chunks", CHUNKS, "--recipe", recipe, "--limit", 8, guild=guild)


def undisturbed(bench: Bench) -> JobInfo:
    job = ask_for(bench, "calm")
    with Worker(bench) as worker:
        told = bench.wait(job)
        worker.stop()
    return told


def disturbed(bench: Bench) -> tuple[JobInfo, list[float]]:
    """Kill 20 workers of a job; return how it ended, and its percents at the kills of those that worked."""
    chance = random.Random(SEED)
    job, killed_at = ask_for(bench, "wild"), []
    for percent in sorted(chance.uniform(0.5, 97) for _ in range(ROUNDS)):
        with Worker(bench) as worker:
            wait_until(lambda: worker.children() and bench.job(job).percent >= percent, PATIENCE_S)  # noqa: B023  # it is called here
            time.sleep(chance.uniform(0, 0.5))
            killed_at.append(bench.job(job).percent)
        with Worker(bench):
            time.sleep(chance.uniform(0, 4))
    with Worker(bench) as worker:
        told = bench.wait(job)
        worker.stop()
    return told, killed_at


def costs(bench: Bench, guild: str) -> list[tuple[str, int, int]]:
    with bench.registry.database.read() as session:
        found = session.scalars(select(Cost).where(Cost.guild == guild).order_by(Cost.kind)).all()
        return [(cost.kind, cost.units, cost.tokens) for cost in found]


def test_twenty_kills(bench: Bench) -> None:
    """The rows, the adapter, the scores and what all of it took are those of an undisturbed run."""
    calm = undisturbed(bench)
    wild, killed_at = disturbed(bench)
    assert sum(0 < percent < 100 for percent in killed_at) >= ROUNDS / 2, killed_at
    ours, theirs = (
        {name: dict(made) for name, made in told.result.items()}  # type: ignore[call-overload]  # dicts
        for told in (calm, wild)
    )
    assert ours["dataset"]["content_hash"] == theirs["dataset"]["content_hash"]
    wild_rows = [row["id"] for row in rows(bench, theirs["dataset"]["id"], "wild")]
    assert len(wild_rows) == len(set(wild_rows)) == CHUNKS
    weights = [
        load_file(Path(made["adapter"]["path"]) / "adapter_model.safetensors") for made in (ours, theirs)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(np.array_equal(weights[1][name], values) for name, values in weights[0].items())
    for name in ("n", "data_hash", "seed"):
        assert ours["evaluation"][name] == theirs["evaluation"][name]
    assert [(score["f1"], score["em"]) for score in ours["evaluation"]["models"].values()] == [
        (score["f1"], score["em"]) for score in theirs["evaluation"]["models"].values()
    ]
    assert costs(bench, "wild") == costs(bench, "calm")
    assert (wild.tokens, wild.percent) == (calm.tokens, 100.0)
    adapters = bench.settings.guild_dir("wild") / "adapters"
    assert [path.name for path in adapters.iterdir() if path.is_dir()] == [theirs["adapter"]["id"]]
    assert "going on after step" in bench.log(wild.id)
