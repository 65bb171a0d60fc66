"""A real worker: every kind of job by the commands, cancelled, resumed, failed, retried, and in bad weather."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from raft_core.files import read_json
from raft_core.jobs.queue import Queue
from raft_core.records import JobInfo
from tests.jobs.workers import LIBRARY, PATIENCE_S, Bench, Chroma, Worker, chroma, rows
from tests.machine.services import wait_until
from tests.openai_server import Fault, OpenAIServer
from tests.store.embedding_server import MODEL, embedding_server

pytestmark = pytest.mark.crash

CHUNKS = 8


class Place:
    """One worker for all tests of this file, which loads the libraries once; each test is a guild of its own."""

    def __init__(self, bench: Bench, worker: Worker, store: Chroma) -> None:
        self.bench, self.worker, self.store = bench, worker, store

    def documents(self, guild: str, count: int = 10) -> None:
        """Give a guild some documents, without a worker."""
        self.bench.run_apart("docs", "add", *LIBRARY[:count], "--guild", guild)

    def dataset(self, guild: str) -> str:
        """Give a guild documents and a data set, without a worker."""
        self.documents(guild)
        return str(self.bench.run_apart("dataset", "build", "--chunks", CHUNKS, "--guild", guild)["id"])

    def end_of(self, job_id: str, command: str) -> float:
        """Cancel, resume or retry a job as a command does; return how long its processes lived on."""
        guild = self.bench.job(job_id).guild
        began = time.monotonic()
        self.bench.run("jobs", command, job_id, "--guild", guild)
        asked = time.monotonic()
        wait_until(lambda: not self.worker.children(), 30)
        assert asked - began < 30
        return time.monotonic() - asked


def made_of(job: JobInfo) -> object:
    """Return how many rows a build made, those that its checks left out included."""
    return job.result["rows"] + job.result["rejected"]  # type: ignore[operator]  # numbers


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("worker")
    with embedding_server() as embedder, chroma(folder / "chroma") as store:
        settings = {"chroma_url": store.url, "embeddings": embedder.url, "embeddings_model": MODEL}
        prices = {"price_per_1k_tokens_usd": 0.5, "price_per_gpu_hour_usd": 3.6}
        with Bench(folder / "home", **settings, **prices) as bench, Worker(bench) as worker:
            yield Place(bench, worker.ready(), store)


def test_ingest(place: Place, tmp_path: Path) -> None:
    """Files are added though the originals are gone by then; what cannot be read is told; nothing is left over."""
    copies = [Path(shutil.copy(path, tmp_path)) for path in LIBRARY[:2]]
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 no")
    job = place.bench.enqueue("docs", "add", *copies, broken, tmp_path / "absent.txt", guild="ingest")
    again = place.bench.enqueue("docs", "add", *copies, guild="ingest")
    for path in (*copies, broken):
        path.unlink()
    told = place.bench.wait(job)
    assert len(told.result["added"]) == 2  # type: ignore[arg-type]  # a list
    assert [Path(left_out["path"]).name for left_out in told.result["rejected"]] == ["absent.txt", "broken.pdf"]  # type: ignore[attr-defined]  # fmt: skip
    assert place.bench.wait(again).result["rejected"] == []
    assert len(place.bench.run_apart("docs", "list", "--guild", "ingest")) == 2
    assert list((place.bench.settings.guild_dir("ingest") / "uploads").rglob("*.md")) == []


def test_build_train_and_evaluate(place: Place) -> None:
    """Each gives what the command itself gives, with its tokens and its cost, and a receipt of the same."""
    bench = place.bench
    place.documents("stages")
    built = bench.wait(bench.enqueue("dataset", "build", "--chunks", CHUNKS, guild="stages"))
    direct = bench.run_apart("dataset", "build", "--chunks", CHUNKS, "--guild", "stages")
    assert built.result["content_hash"] == direct["content_hash"]
    assert (built.result["id"], built.result["rows"], built.percent) == (direct["id"], CHUNKS, 100.0)
    trained = bench.wait(
        bench.enqueue("train", "--dataset", direct["id"], "--recipe", bench.recipe(), guild="stages")
    )
    adapter = str(trained.result["id"])
    assert (trained.result["rows"], trained.result["dataset"]) == (CHUNKS, direct["id"])
    assert trained.tokens == trained.result["tokens"] > 0
    assert trained.cost_usd == pytest.approx(trained.result["cost_usd"])
    judged = bench.wait(
        bench.enqueue("eval", "--data", "sample", "--models", f"base,{adapter}", "--limit", 8, guild="stages")
    )
    assert set(judged.result["models"]) == {"base", adapter}  # type: ignore[call-overload]  # a dict
    assert judged.tokens > 0
    with Queue(bench.settings, bench.registry) as queue:
        for job in (trained, judged):
            receipt = queue.receipt("stages", job.id)
            assert (receipt.tokens, receipt.usd) == (job.tokens, pytest.approx(job.cost_usd, abs=1e-4))
    assert "train 4/4" in bench.log(trained.id)


def test_a_pipeline_cancelled_and_resumed_at_every_stage(place: Place) -> None:
    """Cancelling ends its processes within 5 seconds and resuming goes on; at the end nothing is there twice."""
    bench = place.bench
    place.documents("stops")
    recipe = bench.recipe(num_train_epochs=6, checkpoint_s=0.1)
    job = bench.enqueue("pipeline", "--chunks", CHUNKS, "--recipe", recipe, "--limit", 8, guild="stops")
    stages = ["plan build", "draft", "assemble", "train", "load", "plan evaluation", "answer", "judge"]
    for stage in stages:
        bench.wait_for_unit(job, stage)
        if stage == "train":
            bench.wait_for_steps(job)
        assert place.end_of(job, "cancel") < 5, stage
        assert bench.job(job).state == "cancelled"
        assert bench.run("jobs", "resume", job, "--guild", "stops")["state"] == "queued"
    told = bench.wait(job)
    dataset, adapter = told.result["dataset"], told.result["adapter"]
    assert len({row["id"] for row in rows(bench, dataset["id"], "stops")}) == CHUNKS  # type: ignore[index]  # a dict
    assert [path.name for path in (bench.settings.guild_dir("stops") / "adapters").glob("*") if path.is_dir()] == [adapter["id"]]  # type: ignore[index]  # fmt: skip
    assert told.result["evaluation"]["n"] == 8  # type: ignore[index]  # a dict
    assert "going on after step" in bench.log(job)
    assert all(unit.state == "succeeded" for unit in bench.units(job))


def test_resumed_before_its_processes_have_ended(place: Place) -> None:
    """Whoever is still at a cancelled training neither keeps the resumed one from it nor ends it twice."""
    bench = place.bench
    dataset = place.dataset("hasty")
    recipe = bench.recipe(num_train_epochs=6, checkpoint_s=0.1, seed=1)
    job = bench.enqueue("train", "--dataset", dataset, "--recipe", recipe, guild="hasty")
    for round_ in range(1, 4):
        bench.wait_for_unit(job, "train")
        bench.wait_for_steps(job, 4 * round_)
        with Queue(bench.settings, bench.registry) as queue:
            queue.cancel("hasty", job)
            queue.resume("hasty", job)
    bench.wait(job)
    assert len(place.worker.children()) == 0


def test_a_failed_job_is_retried(place: Place) -> None:
    """The reason names the cause and the remedy; retried once that is gone, it makes what was left."""
    with OpenAIServer(key="k3y") as server:
        place.documents("failing")
        job = place.bench.enqueue("dataset", "build", "--chunks", CHUNKS, "--generator", server.url, "--generator-model", "teacher", guild="failing")  # fmt: skip
        failed = place.bench.wait(job, "failed")
        assert "key" in failed.reason.lower()
        server.key = None
        assert place.bench.run("jobs", "retry", job, "--guild", "failing")["reason"] == ""
        told = place.bench.wait(job)
        asked = len(server.requests)
    assert (made_of(told), asked) == (CHUNKS, 2 * CHUNKS)
    assert told.cost_usd == pytest.approx(told.tokens / 1000 * 0.5)


def test_a_job_that_cannot_be_done(place: Place) -> None:
    """Its reason says why in one line; what succeeded or runs cannot be resumed, nor what is over be cancelled."""
    job = place.bench.enqueue("dataset", "build", guild="empty")
    assert place.bench.wait(job, "failed").reason.startswith("guild 'empty' has no documents")
    assert "has already failed" in place.bench.run("jobs", "cancel", job, "--guild", "empty", code=1)
    assert "no job" in place.bench.run("jobs", "show", job, "--guild", "other", code=1)


def test_cancel_in_a_slow_call(place: Place) -> None:
    """A job that waits for a model server ends within 5 seconds; resumed, only what had no answer is asked again."""
    slow = Event()
    slow.set()
    with OpenAIServer(fault=lambda n: Fault(delay_s=600) if slow.is_set() and n > 4 else None) as server:
        place.documents("slow")
        job = place.bench.enqueue("dataset", "build", "--chunks", CHUNKS, "--generator", server.url, guild="slow")  # fmt: skip
        wait_until(lambda: len(server.requests) >= 8, PATIENCE_S)
        assert place.end_of(job, "cancel") < 5
        slow.clear()
        place.bench.run("jobs", "resume", job, "--guild", "slow")
        assert made_of(place.bench.wait(job)) == CHUNKS
        assert len(set(server.requests)) == 2 * CHUNKS


def test_guilds_take_turns_and_ingestion_does_not_wait(place: Place) -> None:
    """One training at a time; another guild's goes second; documents are added while trainings wait."""
    bench = place.bench
    datasets = {guild: place.dataset(guild) for guild in ("many", "one")}
    jobs = []
    for seed in range(3):
        recipe = bench.recipe(num_train_epochs=2, seed=seed)
        jobs.append(bench.enqueue("train", "--dataset", datasets["many"], "--recipe", recipe, guild="many"))
        wait_until(lambda: bench.units(jobs[-1]), PATIENCE_S)
    single = bench.enqueue("train", "--dataset", datasets["one"], "--recipe", bench.recipe(), guild="one")
    added = bench.wait(bench.enqueue("docs", "add", LIBRARY[6], guild="one"))
    ends = [bench.wait(job).finished_at or 0 for job in (jobs[0], single, jobs[1], jobs[2])]
    assert ends == sorted(ends)
    assert (added.finished_at or 0) < ends[-1]
    spans = sorted((unit.started_at or 0, unit.finished_at or 0) for job in (*jobs, single) for unit in bench.units(job))  # fmt: skip
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(drop=True)])
def test_a_model_server_that_is_restarted(place: Place, fault: Fault) -> None:
    """A build waits for the server that it asks, and asks nothing twice that was answered."""
    down = Event()
    with OpenAIServer(fault=lambda _: fault if down.is_set() else None, latency_s=0.2) as server:
        guild = f"restart-{fault.status}-{fault.drop}"
        place.documents(guild)
        job = place.bench.enqueue("dataset", "build", "--chunks", CHUNKS, "--generator", server.url, guild=guild)  # fmt: skip
        wait_until(lambda: len(server.requests) >= 2, PATIENCE_S)
        down.set()
        place.bench.wait_for_words(job, "trying again")
        down.clear()
        assert made_of(place.bench.wait(job)) == CHUNKS


def test_chroma_that_is_restarted(place: Place) -> None:
    """An ingestion waits for the store to come back, and loses nothing."""
    place.store.kill()
    try:
        job = place.bench.enqueue("docs", "add", *LIBRARY[:3], guild="chroma")
        place.bench.wait_for_words(job, "trying again")
    finally:
        place.store.start()
    assert len(place.bench.wait(job).result["added"]) == 3  # type: ignore[arg-type]  # a list
    assert {info["chunks"] > 0 for info in place.bench.run_apart("docs", "list", "--guild", "chroma")} == {
        True
    }


def test_databases_that_are_locked(place: Place) -> None:
    """For ten seconds nobody can write into the registry nor into DBOS's tables; the job goes on after it."""
    place.documents("locked")
    job = place.bench.enqueue("dataset", "build", "--chunks", CHUNKS, guild="locked")
    wait_until(lambda: place.bench.units(job), PATIENCE_S)
    with closing(sqlite3.connect(place.bench.home / "raftbot.sqlite3", isolation_level=None, timeout=60)) as one, closing(sqlite3.connect(place.bench.home / "jobs.sqlite3", isolation_level=None, timeout=60)) as two:  # fmt: skip
        for database in (one, two):
            database.execute("BEGIN EXCLUSIVE")
        time.sleep(10)
    assert place.bench.wait(job).result["rows"] == CHUNKS
    assert place.worker.process.poll() is None


def test_a_job_of_an_older_version(place: Place) -> None:
    """A spec that lacks what this version knows is done with the defaults."""
    bench = place.bench
    place.documents("old")
    spec = {
        "build": {"questions": 1, "distractors": 2, "p": 1.0, "seed": 0, "chunks": CHUNKS},
        "recipe": {"r": 4, "num_train_epochs": 1, "per_device_train_batch_size": 2},
        "evaluation": {"data": "sample", "models": ["base"], "limit": 4},
    }
    with Queue(bench.settings, bench.registry) as queue:
        bench.registry.jobs.add("job-old", "old", "pipeline", spec)
        queue._send("job-old", "pipeline", "old", spec)
        assert bench.wait("job-old").result["evaluation"]["n"] == 4  # type: ignore[index]  # a dict
        bench.registry.jobs.add("job-new", "old", "dream", {})
        queue._send("job-new", "dream", "old", {})
    assert bench.wait("job-new", "failed").reason == "this worker knows no job 'dream'; a newer raftbot asked for it: update the worker"  # fmt: skip


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a small disk on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: S603  # our own command
        pytest.skip("a small disk cannot be mounted here: that takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607  # our own command


def test_a_full_disk(place: Place) -> None:
    """The job fails and says so, leaves no half adapter, and goes on once there is room."""
    bench = place.bench
    folder = bench.settings.guild_dir("full")
    with small_disk(folder, 8):
        dataset = place.dataset("full")
        filler = folder / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(folder).free - 100_000))
        job = bench.enqueue("train", "--dataset", dataset, "--recipe", bench.recipe(r=16), guild="full")
        assert "the disk is full" in bench.wait(job, "failed").reason
        assert [path.name for path in (folder / "adapters").glob("raft-*")] == []
        filler.unlink()
        bench.run("jobs", "retry", job, "--guild", "full")
        adapter = bench.wait(job).result
        assert read_json(folder / "adapters" / str(adapter["id"]) / "adapter.json")["rows"] == CHUNKS


def test_logs_are_followed(place: Place) -> None:
    """`jobs logs -f` prints what comes until the job is over."""
    place.documents("logs")
    job = place.bench.enqueue("dataset", "build", "--chunks", CHUNKS, guild="logs")
    from typer.testing import CliRunner

    from raft_core.cli.main import app

    done = CliRunner().invoke(app, ["jobs", "logs", "-f", job, "--guild", "logs"], env=place.bench.env)
    assert done.exit_code == 0
    assert done.stdout == place.bench.log(job)
    assert f"dataset {CHUNKS}/{CHUNKS}" in done.stdout


def test_a_worker_that_is_stopped_gives_its_jobs_back(place: Place) -> None:
    """SIGTERM ends it and all its processes in seconds, with status 0; the next worker goes on with the job."""
    bench = place.bench
    dataset = place.dataset("stopped")
    job = bench.enqueue("train", "--dataset", dataset, "--recipe", bench.recipe(num_train_epochs=6, checkpoint_s=0.1), guild="stopped")  # fmt: skip
    bench.wait_for_steps(job)
    children = place.worker.children()
    began = time.monotonic()
    assert place.worker.stop() == 0
    assert time.monotonic() - began < 8
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 5)
    assert bench.job(job).state == "running"
    with Worker(bench) as successor:
        successor.ready()
        unit = bench.wait_for_unit(job, "train")
        assert bench.wait(job).state == "succeeded"
        assert unit.worker
        assert successor.stop() == 0
    assert "going on after step" in bench.log(job)


def test_two_workers_on_a_fresh_home(tmp_path: Path) -> None:
    """They make the tables at once, and both are ready."""
    with Bench(tmp_path / "home") as bench, Worker(bench) as one, Worker(bench) as two:
        one.ready()
        two.ready()
        assert len(bench.registry.workers.all()) == 2
        waiting = [Thread(target=worker.stop) for worker in (one, two)]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
        assert [worker.process.returncode for worker in (one, two)] == [0, 0]
