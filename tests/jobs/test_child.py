"""Work in a process of its own: what it tells, how it fails, and that nothing of it is left."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from raft_core.errors import WorkFailed, WorkStopped
from raft_core.jobs import child
from raft_core.jobs.child import run_in_child
from raft_core.progress import Progress
from raft_core.settings import load_settings
from tests.jobs.odd_units import OddSettings
from tests.machine.services import wait_until


@pytest.fixture(autouse=True)
def light_fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork from a server without the heavy libraries: nothing here needs them."""
    monkeypatch.setattr(child, "fork_server", lambda: multiprocessing.get_context("forkserver"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "job-1.log"


def run(
    unit: str, log: Path, stop: threading.Event | None = None, **args: Any
) -> tuple[dict[str, Any], list[Progress]]:
    told: list[Progress] = []
    settings = OddSettings(home=log.parent)
    result = run_in_child(
        unit, settings, "cats", args, log=log, report=told.append, stop=stop or threading.Event()
    )
    return result, told


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids(told: Path) -> list[int]:
    wait_until(lambda: told.is_file() and told.read_text().endswith("\n"))
    return [int(pid) for pid in told.read_text().split()]


def test_result_progress_and_log(log: Path) -> None:
    """The result comes back, progress on the way as far as it is news, and the output is kept, run after run."""
    result, told = run("add", log, numbers=[2, 3])
    assert (result["sum"], result["guild"]) == (5, "cats")
    assert result["pid"] == result["group"] != os.getpid()
    assert told == [Progress("adding", 0, 2, "one"), Progress("adding", 2, 2, "two")]
    wait_until(lambda: not alive(result["pid"]))
    run("add", log, numbers=[1])
    kept = log.read_text()
    assert kept.count("said on stdout") == kept.count("said on stderr") == 2
    assert re.search(r"INFO raft_core\.jobs\.child: adding 2/2 two\n", kept)


def test_large_and_odd_results(log: Path) -> None:
    """Megabytes, NUL and lone surrogates arrive as they were sent."""
    result, _ = run("big", log)
    assert result == {"text": "x" * 3_000_000 + "\0\n\ud800ž"}


@pytest.mark.parametrize(
    ("error", "type_", "message", "remedy", "retryable"),
    [
        ("ours", "DatasetError", "no rows", "add documents", False),
        ("passing", "EndpointError", "the model server at http://x/v1 is down", "", True),
        ("unexpected", "ZeroDivisionError", "unexpected ZeroDivisionError: division by zero", "see jobs logs", False),
        ("surrogate", "DatasetError", "a lone \ud800 surrogate", "", False),
    ],
)  # fmt: skip
def test_errors(log: Path, error: str, type_: str, message: str, remedy: str, retryable: bool) -> None:
    """What was raised comes back with its remedy and whether it may pass; the unexpected leaves its trace in the log."""
    with pytest.raises(WorkFailed) as told:
        run("fail", log, error=error)
    assert (told.value.type, str(told.value), told.value.remedy) == (type_, message, remedy)
    assert told.value.retryable is retryable
    assert ("Traceback" in log.read_text()) is (error == "unexpected")


def test_an_unknown_unit(log: Path) -> None:
    """A unit that this version has not is an error that names it."""
    with pytest.raises(WorkFailed, match="KeyError: 'dance'"):
        run("dance", log)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"signal": 0, "status": 3}, "the process of 'die' ended with status 3: the last words"),
        ({"signal": signal.SIGKILL, "status": 0}, "the process of 'die' was killed by SIGKILL: the last words"),
    ],
)  # fmt: skip
def test_death(log: Path, how: dict[str, int], message: str) -> None:
    """A process that dies is told by its status or signal, and by its last words."""
    with pytest.raises(WorkFailed) as told:
        run("die", log, **how)
    assert (str(told.value), told.value.type) == (message, "ProcessDied")
    assert ("enough memory" in told.value.remedy) is bool(how["signal"])


def fork_server_pid() -> int:
    """The process that children are forked from; multiprocessing has no public name for it."""
    from multiprocessing.forkserver import _forkserver  # type: ignore[attr-defined]

    pid: int = _forkserver._forkserver_pid
    return pid


def test_a_fork_server_that_is_killed(log: Path, tmp_path: Path) -> None:
    """The work that was forked from it goes on to its end, and the next is forked from a new one."""
    until, told = tmp_path / "until", tmp_path / "told"
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run("nap", log, until=str(until))[0]))
    thread.start()
    wait_until(lambda: log.is_file() and "napping 1/2" in log.read_text())
    killed = fork_server_pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not alive(killed))
    until.touch()
    thread.join()
    assert found[0]["pid"] != os.getpid()
    assert not told.exists()
    assert run("add", log, numbers=[1, 2])[0]["sum"] == 3
    assert fork_server_pid() != killed


def test_a_fork_server_and_its_child_are_killed(log: Path, tmp_path: Path) -> None:
    """That is the death of the work, which may be started again."""
    failed: list[WorkFailed] = []

    def work() -> None:
        with pytest.raises(WorkFailed) as told:
            run("hold on", log, told=str(tmp_path / "told"))
        failed.append(told.value)

    thread = threading.Thread(target=work)
    thread.start()
    held = pids(tmp_path / "told")
    for pid in (fork_server_pid(), held[0]):
        os.kill(pid, signal.SIGKILL)
    thread.join()
    assert failed[0].type == child.DIED
    assert str(failed[0]).startswith("the process of 'hold on' ended, and so did the fork server")
    wait_until(lambda: not any(map(alive, held)))


def test_a_start_that_fails(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork server that is killed while it is asked is a death too, and leaves nothing open."""
    process = multiprocessing.get_context("forkserver").Process

    def fails(_: object) -> None:
        raise EOFError

    monkeypatch.setattr(process, "start", fails)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number matters
    with pytest.raises(WorkFailed, match="did not start: EOFError") as told:
        run("add", log, numbers=[1])
    assert told.value.type == child.DIED
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_stubborn_child_is_stopped(log: Path, tmp_path: Path) -> None:
    """Within 5 seconds of the word, with the process that it started, though both ignore SIGTERM."""
    stop = threading.Event()
    raised: list[Exception] = []

    def work() -> None:
        try:
            run("hold on", log, stop, told=str(tmp_path / "told"))
        except WorkStopped as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    both = pids(tmp_path / "told")
    assert [alive(pid) for pid in both] == [True, True]
    began = time.monotonic()
    stop.set()
    thread.join(60)
    assert time.monotonic() - began < 5
    assert len(raised) == 1
    wait_until(lambda: not any(map(alive, both)), patience_s=1)


def test_stopped_before_it_begins(log: Path) -> None:
    """Nothing is done then."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(WorkStopped):
        run("add", log, stop, numbers=[1])


def test_what_a_finished_child_leaves_behind_is_ended(log: Path) -> None:
    """A process that it started does not outlive it."""
    result, _ = run("leave one", log)
    wait_until(lambda: not alive(result["left"]), patience_s=5)


PARENT = """
import multiprocessing, pathlib, sys, threading
from raft_core.jobs import child
from tests.jobs.odd_units import OddSettings
child.fork_server = lambda: multiprocessing.get_context("forkserver")
home = pathlib.Path(sys.argv[1])
try:
    child.run_in_child("hold on", OddSettings(home=home), "cats", {"told": str(home / "told")},
                       log=home / "log", report=print, stop=threading.Event())
except BaseException as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Any:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own code
        yield process
        process.kill()


def test_a_killed_parent(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    """After kill -9 of the worker its child, and what that started, are gone within seconds."""
    both = pids(tmp_path / "told")
    parent.kill()
    wait_until(lambda: not any(map(alive, both)), patience_s=5)


@pytest.mark.slow
def test_a_parent_that_stands_still(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    """A stopped worker's child ends before others take its jobs over; awake again, it takes the work as stopped."""
    both = pids(tmp_path / "told")
    parent.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: not any(map(alive, both)), patience_s=child.ALONE_S + 4)
    assert time.monotonic() - began > child.ALONE_S - 3
    parent.send_signal(signal.SIGCONT)
    out, _ = parent.communicate(timeout=60)
    assert out.splitlines()[-1] == "WorkStopped"


def test_settings_travel_whole(home: Path) -> None:
    """What a child gets are the worker's settings, secrets included, whatever its own environment says."""
    import pickle

    settings = load_settings(model_server_key="s3cret", top_k=7)
    again = pickle.loads(pickle.dumps(settings))  # noqa: S301  # our own
    assert again == settings
