from __future__ import annotations

import os
from pathlib import Path

import pytest

from raft_core.machine import hardware
from raft_core.serving.local import LOOPBACK, listen
from raft_core.settings import load_settings


def test_disk(home: Path):
    """The free space is that of the home's disk, also before there is a home."""
    assert hardware.check_disk(home, at_least=1).ok
    full = hardware.check_disk(home, at_least=10**18)
    assert not full.ok
    assert full.detail.endswith(f"GB free in {home}, 1000000000.0 GB wanted")
    assert "RAFTBOT_HOME" in full.remedy


def test_memory(tmp_path: Path):
    """What counts is the least of the machine's memory and the container's, where that has a limit."""
    assert hardware.check_memory(1, tmp_path).ok
    assert not hardware.check_memory(10**18, tmp_path).ok
    (tmp_path / "memory.current").write_text("2000000000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.check_memory(1, tmp_path).ok
    (tmp_path / "memory.max").write_text("2100000000\n")
    tight = hardware.check_memory(200_000_000, tmp_path)
    assert (tight.ok, tight.detail) == (False, "0.1 GB available, 0.2 GB wanted")


def test_home(home: Path):
    """A home that will be made is fine, as is a private one; looking leaves nothing behind."""
    assert hardware.check_home(home).detail == f"{home} will be made"
    home.mkdir(mode=0o700)
    assert hardware.check_home(home).ok
    assert list(home.iterdir()) == []


def test_home_open_to_others(home: Path, monkeypatch: pytest.MonkeyPatch):
    """A home that other users can list is a failure; a closed folder above it makes it private."""
    home.mkdir()
    home.chmod(0o755)
    assert not hardware.is_open_to_others(home)  # pytest's own folders are private
    monkeypatch.setattr(hardware, "is_open_to_others", lambda _: True)
    open_home = hardware.check_home(home)
    assert (open_home.ok, open_home.remedy) == (False, f"run: chmod 700 {home}")


def test_open_to_others():
    """The root folder is open to all."""
    assert hardware.is_open_to_others(Path("/"))


def test_home_that_cannot_be_written(tmp_path: Path):
    """A home that is a file is a failure with the reason."""
    file = tmp_path / "file"
    file.write_text("")
    broken = hardware.check_home(file)
    assert not broken.ok
    assert "cannot write" in broken.detail
    assert "RAFTBOT_HOME" in broken.remedy


@pytest.mark.usefixtures("home")
def test_ports():
    """A port that is taken fails, unless it is ours because `raftbot up` runs."""
    settings = load_settings()
    assert hardware.check_ports(settings, None, 0, 0).ok
    with listen(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        busy = hardware.check_ports(settings, None, port, 0)
        assert not busy.ok
        assert "--chroma-port" in busy.remedy
        assert hardware.check_ports(settings, os.getpid(), port, 0).ok
