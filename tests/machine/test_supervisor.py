from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raft_core.errors import ServiceFailed
from raft_core.machine.process import Service
from raft_core.machine.supervisor import Pace, ServiceStatus, Supervisor
from tests.machine.services import FOREVER, running, service, wait_until, word

FAST = Pace(tick_s=0.02, check_s=0.05, first_delay_s=0.1, longest_delay_s=0.4)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(1000)"
)
FAMILY = """
import subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
for away in (False, True):
    subprocess.Popen([sys.executable, "-c", code, sys.argv[1]], start_new_session=away)
print("ready")
time.sleep(1000)
"""
"""A service with two children that do not listen, one of them in a session of its own."""


class Watched:
    """A supervisor in a thread, and all that it told."""

    def __init__(self, logs: Path, *services: Service, pace: Pace = FAST) -> None:
        self.told: list[tuple[ServiceStatus, ...]] = []
        self.supervisor = Supervisor(services, logs, self.told.append, pace)
        self.error: ServiceFailed | None = None

    def run(self) -> None:
        try:
            self.supervisor.run()
        except ServiceFailed as error:
            self.error = error

    def states(self) -> list[str]:
        return [status.state for status in self.supervisor.status()]

    def seen(self, name: str) -> list[str]:
        """The states of one service in their order, each once in a row."""
        states = [status.state for told in self.told for status in told if status.name == name]
        return [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]


@contextmanager
def watched(logs: Path, *services: Service, pace: Pace = FAST) -> Iterator[Watched]:
    """Run services until the block ends."""
    watched = Watched(logs, *services, pace=pace)
    thread = threading.Thread(target=watched.run)
    thread.start()
    try:
        yield watched
    finally:
        watched.supervisor.request_stop()
        thread.join()


def test_starts_in_order_and_stops_in_reverse(tmp_path: Path):
    """The second starts when the first is healthy; the first stops when the second has."""
    with watched(tmp_path, service("one"), service("two")) as up:
        wait_until(lambda: up.states() == ["healthy", "healthy"])
        pids = [status.pid for status in up.supervisor.status()]
        assert all(pid is not None and Path(f"/proc/{pid}").exists() for pid in pids)
    told = [tuple(status.state for status in moment) for moment in up.told]
    assert told == [
        ("starting", "queued"),
        ("healthy", "queued"),
        ("healthy", "starting"),
        ("healthy", "healthy"),
        ("healthy", "stopping"),
        ("healthy", "stopped"),
        ("stopping", "stopped"),
        ("stopped", "stopped"),
    ]
    assert up.error is None
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_what_dies_is_restarted_with_back_off(tmp_path: Path):
    """Each restart waits twice as long as the one before, up to the longest delay; the others go on."""
    code = "import sys, time; print('ready', flush=True); time.sleep(0.3); sys.exit(3)"
    with watched(tmp_path, service("steady"), service("brittle", code)) as up:
        wait_until(lambda: up.supervisor.status()[1].restarts == 4)
        assert up.states()[0] == "healthy"
    details = [status.detail for told in up.told for status in told if status.state == "down"]
    delays = [re.search(r"starts again after (\S+) s", detail)[1] for detail in dict.fromkeys(details)]
    assert delays == ["0.1", "0.2", "0.4"]
    assert details[0].startswith("ended with exit code 3")
    assert up.supervisor.status()[0].restarts == 0


def test_delays():
    """One second at first, doubled up to a minute."""
    assert [Pace().delay_s(deaths) for deaths in (1, 2, 3, 6, 7, 8, 5000)] == [1, 2, 4, 32, 60, 60, 60]


def test_health_is_forgiving(tmp_path: Path):
    """A service that was healthy for long enough begins with the first delay again."""
    code = "import sys, time; print('ready', flush=True); time.sleep(1); sys.exit(1)"
    pace = Pace(tick_s=0.02, check_s=0.02, first_delay_s=0.1, forgiven_after_s=0.1)
    with watched(tmp_path, service("old", code), pace=pace) as up:
        wait_until(lambda: up.supervisor.status()[0].restarts == 3)
    details = {status.detail for told in up.told for status in told if status.state == "down"}
    assert details == {"ended with exit code 1; starts again after 0.1 s"}


def test_never_healthy(tmp_path: Path):
    """A service that does not become healthy in time is an error with the end of its log; all is stopped."""
    mark = word(tmp_path)
    hung = service("hung", "import time; print('still loading'); time.sleep(1000)", mark, start_timeout_s=2.0)
    with watched(tmp_path, service("first", FOREVER, mark), hung, service("never")) as up:
        wait_until(lambda: up.error is not None)
    assert str(up.error) == "the service hung was not healthy 2 s after its start"
    assert up.error.remedy == f"see its log: {tmp_path}/hung.log"
    assert up.error.tail == "still loading"
    assert up.states() == ["stopped"] * 3
    assert "starting" not in up.seen("never")
    assert running(mark) == []


def test_ends_at_its_first_start(tmp_path: Path):
    """A service that ends at once is an error at once, with its last words of this run only."""
    (tmp_path / "wrong.log").write_text("words of yesterday\n")
    with watched(tmp_path, service("wrong", "raise SystemExit('no such setting')")) as up:
        wait_until(lambda: up.error is not None)
    assert str(up.error) == "the service wrong ended with exit code 1"
    assert up.error.tail == "no such setting"


def test_no_such_program(tmp_path: Path):
    """A program that is not there is an error that names it."""
    with watched(tmp_path, Service("ghost", ("/no/such/ghost",), is_ready=lambda _: False)) as up:
        wait_until(lambda: up.error is not None)
    assert str(up.error) == "the service ghost ended with exit code 127"
    assert up.error.tail == "cannot start /no/such/ghost: No such file or directory"


def test_logs_that_cannot_be_written(tmp_path: Path):
    """Where the logs cannot be written the first start fails with the reason."""
    (tmp_path / "logs").write_text("a file")
    with watched(tmp_path / "logs", service("one")) as up:
        wait_until(lambda: up.error is not None)
    assert "could not be started: cannot write" in str(up.error)


def test_silence_is_told_and_left_alone(tmp_path: Path):
    """A service that stops answering is not killed: it may be busy; it is healthy when it answers again."""
    answering = threading.Event()
    answering.set()
    with watched(tmp_path, service("busy", is_alive=answering.is_set)) as up:
        wait_until(lambda: up.states() == ["healthy"])
        pid = up.supervisor.status()[0].pid
        answering.clear()
        wait_until(lambda: up.states() == ["silent"])
        assert up.supervisor.status()[0].detail == "runs, but does not answer"
        answering.set()
        wait_until(lambda: up.states() == ["healthy"])
        assert up.supervisor.status()[0].pid == pid


def test_the_stubborn_are_killed_with_their_children(tmp_path: Path):
    """SIGKILL follows SIGTERM after the time of grace, and takes the children that outlive their parent."""
    mark = word(tmp_path)
    services = (
        service("stubborn", STUBBORN, mark, grace_s=0.3),
        service("family", FAMILY, mark),
    )
    with watched(tmp_path, *services) as up:
        wait_until(lambda: up.states() == ["healthy"] * 2)
        wait_until(lambda: len(running(mark)) == 6)  # two leashes, their services, two children
    assert up.states() == ["stopped"] * 2
    assert running(mark) == []


def test_children_of_the_dead_go_before_the_restart(tmp_path: Path):
    """What a killed service leaves behind is ended, in whatever session it is, also when its leash was killed."""
    mark = word(tmp_path)
    with watched(tmp_path, service("family", FAMILY, mark)) as up:
        for restarts in (0, 1):
            wait_until(lambda: up.states() == ["healthy"])
            wait_until(lambda: len(running(mark)) == 4)
            before = running(mark)
            leash = os.getsid(up.supervisor.status()[0].pid)
            os.kill(leash if restarts else up.supervisor.status()[0].pid, signal.SIGKILL)
            wait_until(lambda expected=restarts + 1: up.supervisor.status()[0].restarts == expected)
            assert not set(before) & set(running(mark))
    assert running(mark) == []


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_when_the_supervisor_is_killed(tmp_path: Path, killed: signal.Signals):
    """Whatever kills the supervisor, within seconds nothing of its services is left."""
    mark = word(tmp_path)
    code = f"""
from pathlib import Path
from raft_core.machine.supervisor import Supervisor
from tests.machine.services import service
from tests.machine.test_supervisor import FAMILY, STUBBORN
services = [service("stubborn", STUBBORN, {mark!r}), service("family", FAMILY, {mark!r})]
Supervisor(services, Path({str(tmp_path)!r}), lambda told: print([s.state for s in told], flush=True)).run()
"""
    with subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        while "['healthy', 'healthy']" not in process.stdout.readline():
            assert process.poll() is None
        wait_until(lambda: len(running(mark)) == 6)
        process.send_signal(killed)
        process.wait()
        wait_until(lambda: not running(mark), patience_s=10.0)  # less than two where nothing else runs
