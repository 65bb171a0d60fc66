"""Time the durable pipeline against the same stages called one after another in one process.

    python -m benchmarks.jobs

Both make a data set from the sample library, train the packaged model on it, and score base and adapter; each in a home
of its own, the libraries imported before the clock starts. Also: how long it takes to list 1,000 queued jobs and to
queue one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from raft_core.dataset.builder import BuildSettings
from raft_core.jobs.build import build_dataset
from raft_core.jobs.evaluate import EvaluationSettings, evaluate
from raft_core.jobs.ingest import ingest
from raft_core.jobs.queue import Queue
from raft_core.jobs.specs import pipeline_spec
from raft_core.jobs.train import train_adapter
from raft_core.records import BASE
from raft_core.registry.registry import Registry
from raft_core.sample import documents_folder
from raft_core.settings import Settings
from raft_core.training.recipe import Recipe, load_recipe

CHUNKS = 100
QUESTIONS = 200
LISTED = 1000
ENQUEUED = 50


def measure() -> dict[str, float | str]:
    """Return the ratio of the two times, and milliseconds for listing and queueing."""
    import raft_core.jobs.preload  # noqa: F401  # the worker's children are forked with these imported

    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder:
        plain = _settings(Path(folder) / "plain")
        durable = _settings(Path(folder) / "durable")
        for settings in (plain, durable):
            ingest([documents_folder()], settings, "bench")
        in_process = _in_process(plain)
        with _worker(durable):
            queued = _queued(durable)
        listing, queueing = _queue_times(_settings(Path(folder) / "queue"))
    return {
        "plain pipeline, seconds": in_process,
        "durable pipeline, seconds": queued,
        "durable against plain (at most 1.05)": queued / in_process,
        f"listing {LISTED:,} queued jobs, ms (under 100)": listing * 1000,
        "queueing a job, ms (under 20)": queueing * 1000,
    }


def _settings(home: Path) -> Settings:
    return Settings(
        home=home,
        chunk_tokens=128,
        max_new_tokens=128,
        max_queued_jobs=2 * LISTED,
        max_queued_jobs_per_guild=2 * LISTED,
    )


def _wanted(settings: Settings) -> tuple[BuildSettings, Recipe, EvaluationSettings]:
    return (
        BuildSettings(chunks=CHUNKS),
        load_recipe(settings=settings),
        EvaluationSettings("sample", (BASE,), limit=QUESTIONS),
    )


def _in_process(settings: Settings) -> float:
    build, recipe, what = _wanted(settings)
    began = time.perf_counter()
    dataset = build_dataset(settings, "bench", build)
    adapter = train_adapter(settings, "bench", dataset.id, recipe)
    models = (*what.models, adapter.id)
    evaluate(settings, "bench", EvaluationSettings(what.data, models, what.limit, what.seed))
    return time.perf_counter() - began


def _queued(settings: Settings) -> float:
    build, recipe, what = _wanted(settings)
    with Registry(settings.registry_url) as registry, Queue(settings, registry) as queue:
        spec = pipeline_spec(settings, "bench", build, recipe, what)
        began = time.perf_counter()
        job = queue.enqueue("pipeline", "bench", spec)

        async def follow() -> str:
            async for seen in queue.watch(job.id):
                state, reason = seen.state, seen.reason
            return state if state == "succeeded" else reason

        said = asyncio.run(follow())
        if said != "succeeded":
            raise RuntimeError(said)
        return time.perf_counter() - began


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    environment = {
        **os.environ,
        "RAFTBOT_HOME": str(settings.home),
        "RAFTBOT_CHUNK_TOKENS": str(settings.chunk_tokens),
        "RAFTBOT_MAX_NEW_TOKENS": str(settings.max_new_tokens),
    }
    command = [sys.executable, "-m", "raft_core.cli.main", "worker"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:  # noqa: S603
        try:
            if worker.stdout is None or worker.stdout.readline().strip() != "ready":
                raise RuntimeError("the worker did not start")
            time.sleep(30)  # for its fork server to have imported the libraries, as ours have been
            yield
        finally:
            worker.terminate()


def _queue_times(settings: Settings) -> tuple[float, float]:
    with Registry(settings.registry_url) as registry, Queue(settings, registry) as queue:
        spec = {"build": {"generator": "rules", "chunks": 1, "questions": 1}}
        queue.enqueue("build", "bench", spec)  # the first one connects
        times = []
        for _ in range(ENQUEUED):
            began = time.perf_counter()
            queue.enqueue("build", "bench", spec)
            times.append(time.perf_counter() - began)
        for number in range(LISTED - ENQUEUED - 1):
            registry.jobs.add(f"job-{number:010}", "bench", "build", spec)
        began = time.perf_counter()
        listed = queue.list("bench")
        assert len(listed) == LISTED  # noqa: S101  # what was timed is what was meant
        return time.perf_counter() - began, median(times)


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:<58} {value!s:>10}")
