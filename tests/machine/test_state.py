from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from raft_core.errors import AlreadyUp, StorageError
from raft_core.files import write_bytes
from raft_core.machine.state import only_one_up, write_up
from raft_core.settings import UP_FILE, UP_LOCK, read_up

SERVERS = {"chroma_url": "http://127.0.0.1:1", "model_server_key": "s3cret"}


def test_only_one(home: Path):
    """A second one on the same home is refused and named by its process; on another home it may run."""
    with only_one_up(home):
        with pytest.raises(AlreadyUp, match=f"as process {os.getpid()}$") as caught, only_one_up(home):
            pass
        assert f"kill {os.getpid()}" in caught.value.remedy
        with only_one_up(home.with_name("other")):
            pass
    with only_one_up(home):
        pass


def test_what_is_told_is_private_and_goes_with_the_process(home: Path):
    """The file is for its owner only, holds what was told, and is removed in the end."""
    with only_one_up(home):
        write_up(home, SERVERS, ())
        told = json.loads((home / UP_FILE).read_text())
        assert told == read_up(home) == {"pid": os.getpid(), **SERVERS, "services": []}
        assert stat.S_IMODE((home / UP_FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not (home / UP_FILE).exists()
    assert read_up(home) is None


def test_left_behind_by_kill_9(home: Path):
    """What a killed process left behind counts for nothing, and the next one takes its place."""
    code = f"""
import os, signal
from pathlib import Path
from raft_core.files import write_bytes
from raft_core.machine.state import only_one_up, write_up
with only_one_up(Path({str(home)!r})):
    write_up(Path({str(home)!r}), {SERVERS!r}, ())
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603  # our own code
    assert (home / UP_FILE).exists()
    assert read_up(home) is None
    with only_one_up(home):
        assert read_up(home) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1'])
def test_a_broken_file_is_no_file(home: Path, text: str):
    """Half a file, or another value, is as good as none."""
    with only_one_up(home):
        write_up(home, SERVERS, ())
        (home / UP_FILE).write_text(text)
        assert read_up(home) is None


def test_a_file_that_others_may_have_written_is_not_believed(home: Path):
    """A file with more than its owner's permissions could send documents and key elsewhere."""
    with only_one_up(home):
        write_up(home, SERVERS, ())
        (home / UP_FILE).chmod(0o620)
        assert read_up(home) is None


def test_readers_do_not_keep_it_from_starting(home: Path):
    """Commands that look whether one runs try its lock for an instant; that is not taken for a second one."""
    with only_one_up(home):
        write_up(home, SERVERS, ())
        kept = (home / UP_FILE).read_bytes()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            read_up(home)
            time.sleep(0)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(50):
            write_bytes(home / UP_FILE, kept)  # left behind: it is what makes readers try the lock
            with only_one_up(home):
                pass
    finally:
        stop.set()
        reader.join()


def test_a_home_that_cannot_be_made(tmp_path: Path):
    """A home below a file is an error with a remedy."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"), only_one_up(tmp_path / "file" / "home"):
        pass
    assert not (tmp_path / UP_LOCK).exists()
