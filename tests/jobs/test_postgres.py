"""Many machines: real workers with homes of their own on one PostgreSQL, one Chroma and one place for artifacts."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from raft_core.jobs.plans import DRAFTED_AT_ONCE
from raft_core.jobs.worker import LOST
from raft_core.serving.local import LOOPBACK, listen
from tests.jobs.workers import LIBRARY, PATIENCE_S, Bench, Worker, chroma
from tests.machine.services import wait_until
from tests.openai_server import OpenAIServer
from tests.store.embedding_server import MODEL, embedding_server

pytestmark = pytest.mark.crash

TAKEN_OVER_S = 60.0


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], check=False, capture_output=True, text=True, timeout=600)  # noqa: S603  # our own commands


def programs() -> Path:
    """The folder of PostgreSQL's programs, installed from Debian's packages where it is missing."""
    if os.geteuid() != 0:
        pytest.skip("a PostgreSQL cluster is started as user postgres, which takes root")
    versions = Path("/usr/lib/postgresql")
    if not list(versions.glob("*/bin/initdb")):
        if shutil.which("apt-get") is None:
            pytest.skip("PostgreSQL is not installed, and there is no apt-get")
        for command in (("apt-get", "update"), ("apt-get", "install", "-y", "--no-install-recommends", "postgresql")):  # fmt: skip
            done = run(*command)
            if done.returncode:
                pytest.skip(f"PostgreSQL cannot be installed: {done.stderr[-200:]}")
    return max(versions.glob("*/bin/initdb")).parent


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL cluster of our own."""
    found = programs()
    user = pwd.getpwnam("postgres")
    folder = Path(tempfile.mkdtemp(prefix="raftbot-postgres-"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    with listen(LOOPBACK, 0) as free:
        port = free.getsockname()[1]
    as_postgres = ("runuser", "-u", "postgres", "--")
    control = (*as_postgres, found / "pg_ctl", "-D", folder / "data", "-w", "-t", "120")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        made = run(
            *as_postgres, found / "initdb", "-D", folder / "data", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        assert made.returncode == 0, made.stderr
        # Its output goes into a file: the server would hold a pipe open.
        started = run(*control, "-l", folder / "log", "-o", options, "start")
        assert started.returncode == 0, started.stdout + started.stderr
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_the_registry(postgres: str) -> None:
    """Its tests hold on PostgreSQL too: migrations, several writers, kill -9, guilds apart, jobs, claims."""
    env = {**os.environ, "RAFTBOT_TEST_POSTGRES": postgres}
    command = [sys.executable, "-m", "pytest", "tests/registry", "-k", "postgresql", "-p", "no:cacheprovider"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)  # noqa: S603  # our own command
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout


class Pair:
    """Two machines: two homes, and a worker on each."""

    def __init__(self, one: Bench, two: Bench) -> None:
        self.benches = (one, two)
        self.workers: list[Worker | None] = [None, None]

    def both(self) -> None:
        """See that both work, starting those that do not."""
        for number, bench in enumerate(self.benches):
            worker = self.workers[number]
            if worker is None or worker.process.poll() is not None:
                self.workers[number] = Worker(bench, RAFTBOT_WORKER_CONCURRENCY="1")
        for worker in self.workers:
            assert worker is not None
            worker.ready()

    def holder(self, job_id: str, kind: str) -> tuple[Worker, str]:
        """Return the worker that runs a job's unit of a kind, and that worker's id."""
        unit = self.benches[0].wait_for_unit(job_id, kind)
        pids = {worker.id: worker.pid for worker, _ in self.benches[0].registry.workers.all()}
        held = [worker for worker in self.workers if worker and worker.process.pid == pids[unit.worker]]
        return held[0], unit.worker

    def taken_over(self, job_id: str, kind: str, lost: str) -> float:
        """Return how long it took until another worker than the lost one runs a job's unit."""
        began = time.monotonic()

        def is_taken() -> bool:
            units = [unit for unit in self.benches[0].units(job_id) if unit.kind == kind]
            return all(unit.worker not in {"", lost} for unit in units)

        wait_until(is_taken, PATIENCE_S)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def pair(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("machines")
    with embedding_server() as embedder, chroma(folder / "chroma") as store:
        settings = {
            "chroma_url": store.url,
            "chunk_tokens": 48,
            "embeddings": embedder.url,
            "embeddings_model": MODEL,
            "database_url": postgres,
            "artifacts_url": f"file://{folder}/artifacts",
        }
        with Bench(folder / "one", **settings) as one, Bench(folder / "two", **settings) as two:
            machines = Pair(one, two)
            try:
                yield machines
            finally:
                for worker in machines.workers:
                    if worker is not None:
                        worker.process.send_signal(signal.SIGCONT)
                        worker.kill()


def test_two_workers_share_a_job(pair: Pair) -> None:
    """They start on empty tables at once; both draft; each finds what the other made; the other home sees the result."""
    one, two = pair.benches
    pair.both()
    one.wait(one.enqueue("docs", "add", LIBRARY[0].parent))
    with OpenAIServer(latency_s=0.5) as server:
        job = one.enqueue("dataset", "build", "--chunks", 2 * DRAFTED_AT_ONCE, "--generator", server.url)
        told = one.wait(job)
        asked = len(server.requests)
    drafted = [unit for unit in one.units(job) if unit.kind == "draft"]
    assert len(drafted) == 2
    assert len({unit.worker for unit in drafted}) == 2
    assert asked == len(set(server.requests))  # nothing was paid twice
    shown = two.run_apart("dataset", "show", str(told.result["id"]))
    assert shown["content_hash"] == told.result["content_hash"]


def train(pair: Pair, seed: int) -> str:
    """Ask for a training that takes a while."""
    one = pair.benches[0]
    dataset = one.run_apart("dataset", "build", "--chunks", 24)["id"]
    return one.enqueue(
        "train", "--dataset", dataset, "--recipe", one.recipe(num_train_epochs=2, seed=seed, checkpoint_s=1)
    )


def test_a_worker_that_vanishes(pair: Pair) -> None:
    """After kill -9 another takes its training over within a minute, and ends it."""
    pair.both()
    one = pair.benches[0]
    job = train(pair, 1)
    worker, name = pair.holder(job, "train")
    one.wait_for_steps(job)
    worker.kill()
    assert pair.taken_over(job, "train", name) < TAKEN_OVER_S
    assert one.wait(job).result["rows"]


def test_a_worker_that_stands_still(pair: Pair) -> None:
    """Its training is taken over within a minute; awake again it sees that, does no harm, and ends with its own status."""
    pair.both()
    one = pair.benches[0]
    job = train(pair, 2)
    worker, name = pair.holder(job, "train")
    one.wait_for_steps(job)
    worker.process.send_signal(signal.SIGSTOP)
    assert pair.taken_over(job, "train", name) < TAKEN_OVER_S
    worker.process.send_signal(signal.SIGCONT)
    assert worker.process.wait(30) == LOST, worker.log
    told = one.wait(job)
    assert told.result["rows"]
    assert [unit.worker for unit in one.units(job)] != [name]
    # What it may have taken in the moment before it ended is not lost either.
    late = one.enqueue("docs", "add", LIBRARY[0])
    assert len(one.wait(late).result["unchanged"]) == 1  # type: ignore[arg-type]  # a list


def test_cancelled_from_the_other_machine(pair: Pair) -> None:
    """A cancellation reaches the worker that works, wherever it is, within 5 seconds; resumed, either goes on."""
    pair.both()
    one, two = pair.benches
    job = train(pair, 3)
    worker, _ = pair.holder(job, "train")
    one.wait_for_steps(job)
    two.run("jobs", "cancel", job)
    began = time.monotonic()
    wait_until(lambda: not worker.children(), 30)
    assert time.monotonic() - began < 5
    two.run("jobs", "resume", job)
    assert one.wait(job).result["rows"]


def test_both_stop(pair: Pair) -> None:
    """Within seconds, and nothing is left of them."""
    pair.both()
    workers = [worker for worker in pair.workers if worker]
    threads = [Thread(target=worker.stop) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [worker.process.returncode for worker in workers] == [0, 0]
