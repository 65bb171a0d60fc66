"""Real workers, a real Chroma server, and the jobs that they do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.jobs.queue import job_log
from raft_core.records import JobInfo
from raft_core.registry.registry import Registry
from raft_core.registry.tables import Job
from raft_core.serving.local import LOOPBACK, listen
from raft_core.settings import Settings
from tests.machine.services import wait_until

RAFTBOT = [sys.executable, "-c", "from raft_core.cli.main import run; run()"]
PATIENCE_S = 300.0
"""A busy machine with two cores takes a minute to load the libraries; what never happens fails all the same."""
LIBRARY = sorted((Path(__file__).parent / "library").glob("*.md"))
"""Thirteen short articles, each one chunk."""
RECIPE = {
    "r": 4,
    "lora_alpha": 4,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 2,
    "learning_rate": 0.001,
}


class Bench:
    """A home, and what commands and workers see as their environment."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        given = {"home": home, "chunk_tokens": 128, "max_new_tokens": 24, **settings}
        self.env = {f"RAFTBOT_{name.upper()}": str(value) for name, value in given.items()}
        self.settings = Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
        self.registry = Registry(self.settings.registry_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.registry.close()

    def run(self, *arguments: object, code: int = 0) -> Any:
        """Run a command; return its JSON, or its stderr where it should fail."""
        done = CliRunner().invoke(app, [*map(str, arguments), "--json"], env=self.env)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if code == 0 else done.stderr

    def run_apart(self, *arguments: object) -> Any:
        """Run a command in a process of its own: those that open the store leave connections behind."""
        command = [*RAFTBOT, *map(str, arguments), "--json"]
        done = subprocess.run(  # noqa: S603  # our own command
            command, capture_output=True, text=True, env={**os.environ, **self.env}, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def enqueue(self, *arguments: object, guild: str = "local") -> str:
        """Ask for a job with a command and return its id."""
        queued = () if arguments[0] == "pipeline" else ("--enqueue",)
        return str(self.run(*arguments, *queued, "--guild", guild)["job"])

    def recipe(self, **fields: object) -> Path:
        """Write a recipe (JSON is YAML too) and return its file."""
        path = self.home / "recipe.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**RECIPE, **fields}))
        return path

    def job(self, job_id: str) -> JobInfo:
        """Return a job as it is now."""
        return self.registry.jobs.get([job_id])[0]

    def log(self, job_id: str) -> str:
        """Return what a job's processes wrote on this machine."""
        file = job_log(self.settings, job_id)
        return file.read_text(errors="replace") if file.exists() else "no log"

    def units(self, job_id: str) -> list[Job]:
        """Return the rows of a job's units."""
        with self.registry.database.read() as session:
            return list(session.query(Job).where(Job.parent == job_id))

    def wait(self, job_id: str, state: str = "succeeded", patience_s: float = PATIENCE_S) -> JobInfo:
        """Return a job once it is in a state, and fail with its log when it is over otherwise, or is late."""
        deadline = time.monotonic() + patience_s
        while (job := self.job(job_id)).state != state:
            tail = self.log(job_id)[-3000:]
            units = [(unit.id, unit.state, unit.reason, unit.worker) for unit in self.units(job_id)]
            assert not job.is_over, f"{job}\n{units}\n{tail}"
            assert time.monotonic() < deadline, f"waited in vain for {state}: {job}\n{units}\n{tail}"
            time.sleep(0.1)
        return job

    def wait_for_unit(self, job_id: str, kind: str, patience_s: float = PATIENCE_S, **fields: object) -> Job:
        """Return the first unit of a kind that runs; `fields` are what else must be true of it."""
        found: list[Job] = []

        def is_there() -> bool:
            assert not self.job(job_id).is_over, self.job(job_id)
            wanted = {"kind": kind, "state": "running", **fields}
            found[:] = [
                unit
                for unit in self.units(job_id)
                if all(getattr(unit, name) == value for name, value in wanted.items())
            ]
            return bool(found)

        wait_until(is_there, patience_s)
        return found[0]

    def wait_for_words(self, job_id: str, words: str) -> None:
        """Return once a job's progress says something."""

        def said_so() -> bool:
            job = self.job(job_id)
            assert not job.is_over, job
            return words in job.detail

        wait_until(said_so, PATIENCE_S)

    def wait_for_steps(self, job_id: str, steps: int = 4) -> None:
        """Return once a training has done some steps, so that there is a checkpoint of it."""
        trains = lambda: [unit for unit in self.units(job_id) if unit.stage == "train"]  # noqa: E731  # short
        wait_until(lambda: any(unit.done >= steps for unit in trains()), PATIENCE_S)


class Worker:
    """A `raftbot worker` in a process of its own; killed at the end of the block where it still runs."""

    def __init__(self, bench: Bench, **env: str) -> None:
        self._bench = bench
        bench.home.mkdir(parents=True, exist_ok=True)
        self._log = bench.home / f"worker-{time.time_ns()}.log"
        with self._log.open("wb") as file:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                [*RAFTBOT, "worker"],
                stdout=file,
                stderr=file,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **bench.env, **env},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ready(self) -> Self:
        """Return once it takes work."""

        def said_so() -> bool:
            assert self.process.poll() is None, self.log
            return "ready\n" in self.log

        wait_until(said_so, PATIENCE_S)
        return self

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def children(self) -> list[int]:
        """The processes of its units that still run: they lead groups of their own."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == process.pid:
                    found.append(process.pid)
            except (psutil.Error, ProcessLookupError):
                continue
        return found


class Chroma:
    """A Chroma server on a port of its own, which can be restarted."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with listen(LOOPBACK, port) as free:
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it answers."""
        import httpx

        chroma = Path(sys.executable).with_name("chroma")
        command = [str(chroma), "run", "--path", str(self._folder), "--host", "127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--port", str(self.port)], stdout=log, stderr=log)  # noqa: S603  # our own command

        def answers() -> bool:
            try:
                return httpx.get(f"{self.url}/api/v2/heartbeat", timeout=5).is_success
            except httpx.TransportError:
                return False

        wait_until(answers, PATIENCE_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def chroma(folder: Path) -> Iterator[Chroma]:
    """Run a Chroma server."""
    server = Chroma(folder)
    try:
        yield server
    finally:
        server.kill()


def rows(bench: Bench, dataset_id: str, guild: str = "local") -> Sequence[Mapping[str, Any]]:
    """Return the rows of a data set as they lie on the disk."""
    path = bench.settings.guild_dir(guild) / "datasets" / dataset_id / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().split("\n") if line]
