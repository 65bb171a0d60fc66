"""`raftbot up`, `doctor` and `status`, and the other commands beside a running `up`."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from raft_core.cli.machine import _Board
from raft_core.cli.main import app
from raft_core.machine.state import only_one_up, write_up
from raft_core.machine.supervisor import ServiceStatus, now
from raft_core.registry.registry import Registry
from raft_core.registry.tables import Worker
from raft_core.serving.local import LOOPBACK, listen
from raft_core.settings import load_settings
from tests.machine.services import running, wait_until
from tests.store.embedding_server import MODEL, embedding_server

RAFTBOT = [sys.executable, "-c", "from raft_core.cli.main import run; run()"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_doctor(home: Path, monkeypatch: pytest.MonkeyPatch):
    """JSON is one list with the agreed keys; a failure is exit code 1, and people see what to do."""
    assert all(set(check) == {"check", "ok", "detail", "remedy"} for check in json.loads(run("doctor", "--json").stdout))  # fmt: skip
    monkeypatch.setenv("RAFTBOT_CHROMA_URL", "http://127.0.0.1:1")
    as_json, plain = run("doctor", "--json"), run("doctor")
    assert as_json.exit_code == plain.exit_code == 1
    failures = [check["check"] for check in json.loads(as_json.stdout) if not check["ok"]]
    assert "chroma" in failures
    lines = [line.strip() for line in plain.stdout.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("✗ chroma"))
    assert lines[at].endswith("does not answer at http://127.0.0.1:1")
    assert lines[at + 1].startswith("→ start it with `chroma run`")
    assert lines[-1] == f"{len(failures)} of 18 checks failed"


def test_status_of_nothing(home: Path):
    """Where nothing is, everything is nought."""
    result = run("status", "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value.pop("free_bytes") > value.pop("used_bytes") > 0  # the registry itself
    assert value == {
        "home": str(home),
        "pid": None,
        "services": [],
        "guild": "local",
        **dict.fromkeys(("documents", "datasets", "adapters"), 0),
        "workers": [],
        "jobs": {},
    }
    assert run("status").stdout.startswith("not up; start with: raftbot up\n")


def test_status(home: Path):
    """What runs is told as `raftbot up` told it, beside the registry's workers."""
    service = ServiceStatus("chroma", "healthy", now(), "http://127.0.0.1:1", 42, 3, "log", "")
    with only_one_up(home):
        write_up(home, {"model_server_key": "s3cret"}, [service])
        with Registry(load_settings().registry_url) as registry:
            registry.jobs.add("job-1", "cats", "build", {})
            registry.jobs.add("job-2", "dogs", "build", {})
            with registry.database.write() as session:
                seen = time.time() - 7200
                for name, pid in (("w1", 7), ("stopped", 0)):
                    session.add(Worker(id=name, host="here", pid=pid, started_at=seen, seen_at=seen))
        as_json, plain = run("status", "--json", "--guild", "cats"), run("status", "--guild", "cats")
    value = json.loads(as_json.stdout)
    assert (value["pid"], value["guild"]) == (os.getpid(), "cats")
    assert value["services"][0]["restarts"] == 3
    assert [worker["id"] for worker in value["workers"]] == ["w1"]
    assert "s3cret" not in as_json.stdout + plain.stdout
    assert f"up as process {os.getpid()}" in plain.stdout
    assert "worker w1: process 7 on here, heard of 2 h ago" in plain.stdout
    assert "guild cats: 0 documents, 0 data sets, 0 adapters" in plain.stdout
    assert "jobs: 1 queued\n" in plain.stdout


def test_a_second_up(home: Path):
    """On the same home it ends with the process id of the first, and disturbs nothing."""
    with only_one_up(home):
        write_up(home, {}, ())
        second = run("up")
        assert json.loads(run("status", "--json").stdout)["pid"] == os.getpid()
    assert second.exit_code == 1
    assert f"error: raftbot is up already on {home}, as process {os.getpid()}" in second.stderr


def test_the_table_on_a_terminal(tmp_path: Path):
    """A terminal shows one table, the services that run and those left out with their reasons."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=90)
    left_out = ServiceStatus("bot", "left out", now(), detail="[no] token")
    healthy = ServiceStatus("chroma", "healthy", now(), "http://127.0.0.1:1", pid=42, restarts=3)
    with _Board(console, [left_out], tmp_path) as board:
        board.show((healthy,))
    drawn = console.file.getvalue().rpartition("service")[2].splitlines()
    assert drawn[0].split() == ["state", "for", "pid", "restarts", "where"]
    assert drawn[1].split() == ["chroma", "healthy", "0", "s", "42", "3", "http://127.0.0.1:1"]
    assert drawn[2].split() == ["bot", "left", "out", "0", "s", "[no]", "token"]
    assert drawn[3].startswith("logs in /")


@pytest.mark.parametrize("option", ["--port", "--chroma-port"])
def test_port_in_use(home: Path, option: str):
    """A taken port ends the command before anything is started."""
    with listen(LOOPBACK, 0) as taken:
        result = run("up", option, str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert f"choose another with {option}," in result.stderr
    assert not (home / "logs").exists()


class Up:
    """A `raftbot up` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process = process
        self.home = home

    def told(self) -> dict[str, Any]:
        """What it tells other commands."""
        path = self.home / "up.json"
        return json.loads(path.read_text()) if path.exists() else {"services": []}

    def service(self, name: str) -> dict[str, Any]:
        return next((item for item in self.told()["services"] if item["name"] == name), {"state": ""})

    def wait_for(self, **states: str) -> None:
        def reached() -> bool:
            assert self.process.poll() is None
            return all(self.service(name.replace("_", "-"))["state"] == state for name, state in states.items())  # fmt: skip

        wait_until(reached, patience_s=300)

    def pids(self) -> list[int]:
        return [item["pid"] for item in self.told()["services"] if item["pid"]]


@contextmanager
def up(home: Path, **env: str) -> Iterator[Up]:
    """Run it; killed at the end of the block where it still runs."""
    with subprocess.Popen(  # noqa: S603  # our own command
        [*RAFTBOT, "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
    ) as process:
        try:
            yield Up(process, home)
        finally:
            process.kill()


def run_apart(*arguments: str) -> Any:
    """Run another command as a process of its own, as it is used beside a running `up`."""
    done = subprocess.run([*RAFTBOT, *arguments, "--json"], capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
def test_up_and_the_commands_beside_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All runs; other commands use its servers, also after one was killed; SIGTERM ends all and leaves nothing."""
    note = tmp_path / "note.txt"
    note.write_text("Oslo is the capital of Norway.")
    with embedding_server() as embedder, up(home) as running_up:
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS", embedder.url)
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS_MODEL", MODEL)
        running_up.wait_for(chroma="healthy", model_server="healthy", worker="healthy")
        key = running_up.told()["model_server_key"]
        assert len(run_apart("docs", "add", str(note))["added"]) == 1
        killed = running_up.service("chroma")["pid"]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: running_up.service("chroma")["pid"] not in {None, killed}, patience_s=120)
        (said,) = run_apart("ask", "What is the capital of Norway?")["answers"]
        assert (said["model"], said["sources"][0]["title"]) == ("base", "note")
        checks = {check["check"]: check for check in json.loads(run("doctor", "--json").stdout)}
        assert checks["model server"]["ok"]
        assert checks["chroma"]["ok"]
        (worker,) = run_apart("status")["workers"]
        assert worker["pid"] == running_up.service("worker")["pid"]
        pids = running_up.pids()
        assert running(key) == []  # it is on no command line
        running_up.process.send_signal(signal.SIGTERM)
        said, complained = running_up.process.communicate(timeout=90)
        assert running_up.process.returncode == 0, complained
    states = [line.split(" ", 1)[1] for line in said.splitlines()]
    assert "chroma down: ended with exit code 137; starts again after 1 s" in states
    assert states[-1] == "chroma stopped: " + running_up_url(states)
    assert not (home / "up.json").exists()
    assert len(pids) == 3
    assert alive(pids) == []
    assert run_apart("status")["workers"] == []


def running_up_url(states: list[str]) -> str:
    """Chroma's URL, the same before and after its death."""
    (url,) = {line.split(": ", 1)[1] for line in states if line.startswith("chroma healthy")}
    return url


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_up_ends_while_it_starts(home: Path, sent: signal.Signals):
    """Ctrl-C while a server still loads is exit code 130; after kill -9 too nothing is left within seconds."""
    with up(home) as running_up:
        running_up.wait_for(chroma="healthy", model_server="starting")
        pids = running_up.pids()
        running_up.process.send_signal(sent)
        running_up.process.communicate(timeout=90)
        assert running_up.process.returncode == (130 if sent == signal.SIGINT else -9)
        wait_until(lambda: not alive(pids), patience_s=5)
        wait_until(lambda: not running(str(home / "chroma")), patience_s=5)
    assert json.loads(run("status", "--json").stdout)["pid"] is None


@pytest.mark.slow
def test_up_with_a_base_that_is_not_there(home: Path, tmp_path: Path):
    """The first start of a service that fails ends all, with the end of its log and its remedy."""
    with up(home, RAFTBOT_BASE_MODEL=str(tmp_path / "nothing")) as running_up:
        _, complained = running_up.process.communicate(timeout=300)
        assert running_up.process.returncode == 1
    lines = complained.splitlines()
    assert any("no model folder" in line for line in lines)
    assert lines[-2] == "error: the service model-server ended with exit code 1"
    assert lines[-1] == f"  → see its log: {home}/logs/model-server.log"
    assert running(str(home / "chroma")) == []
