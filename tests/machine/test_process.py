from __future__ import annotations

import stat
from pathlib import Path

from raft_core.machine.process import Output, Run, rotate
from tests.machine.services import service, wait_until


def finished(run: Run) -> int:
    wait_until(lambda: run.exit_code() is not None)
    run.stop()
    code = run.exit_code()
    assert code is not None
    return code


def test_log_and_exit_code(tmp_path: Path):
    """Both streams go into a private log; a run's output begins where the run before ended."""
    log = tmp_path / "logs" / "talker.log"
    talker = service("talker", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert finished(Run(talker, log)) == 7
    again = Run(talker, log)
    assert finished(again) == 7
    assert log.read_text() == "out\nerr\n" * 2
    assert again.output.text() == "out\nerr\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_killed_by_a_signal(tmp_path: Path):
    """The exit code of a killed service is a shell's: 128 and the signal."""
    killed = service("killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert finished(Run(killed, tmp_path / "log")) == 137


def test_secrets_travel_by_environment(tmp_path: Path):
    """The environment reaches the service, and neither command line nor repr shows it."""
    told = service("told", "import os; print(os.environ['KEY'])", env={"KEY": "s3cret"})
    run = Run(told, tmp_path / "log")
    assert finished(run) == 0
    assert run.output.text() == "s3cret\n"
    assert "s3cret" not in repr(told)


def test_stdin_is_empty(tmp_path: Path):
    """A service that reads its stdin finds its end, and takes nothing from the leash."""
    run = Run(service("reader", "import sys; print(repr(sys.stdin.read()))"), tmp_path / "log")
    assert finished(run) == 0
    assert run.output.text() == "''\n"


def test_stop_before_the_service_runs(tmp_path: Path):
    """A run that is stopped the moment it was made ends too."""
    for _ in range(3):
        run = Run(service("early"), tmp_path / "log")
        run.stop()
        assert run.exit_code() is not None


def test_rotation(tmp_path: Path):
    """A long log becomes the one old file; a service goes on writing into the emptied one."""
    log, old = tmp_path / "log", tmp_path / "log.1"
    log.write_text("x" * 10)
    rotate(log, limit=10)
    assert not old.exists()
    with log.open("a") as writing:
        writing.write("y")
        writing.flush()
        rotate(log, limit=10)
        writing.write("next")
    assert (old.read_text(), log.read_text()) == ("x" * 10 + "y", "next")
    log.write_text("z" * 11)
    rotate(log, limit=10)
    assert (old.read_text(), log.read_text()) == ("z" * 11, "")
    assert Output(log, start=11).text() == ""
    log.write_text("after")
    assert Output(log, start=11).text() == "after"


def test_rotation_without_room_for_the_old_file(tmp_path: Path):
    """Where the old file cannot be written the log is emptied all the same."""
    log = tmp_path / "log"
    log.write_text("x" * 11)
    (tmp_path / "log.1").symlink_to("/dev/full")
    rotate(log, limit=10)
    assert log.read_text() == ""
    assert not (tmp_path / "log.1").exists()


def test_tail(tmp_path: Path):
    """The tail is the last lines, whole; a log that is gone has none."""
    log = tmp_path / "log"
    log.write_text("".join(f"{number}\n" for number in range(20)))
    assert Output(log, 0).tail(2) == "18\n19"
    assert Output(tmp_path / "none", 0).tail() == ""


def test_the_command_is_not_run_through_a_shell(tmp_path: Path):
    """Arguments arrive as they are, `--` among them."""
    run = Run(service("args", "import sys; print(sys.argv[1:])", "--", "$HOME; *"), tmp_path / "log")
    assert finished(run) == 0
    assert run.output.text() == "['--', '$HOME; *']\n"
