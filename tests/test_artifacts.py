"""Artifacts at a URL: whole or not at all, whatever the filesystem."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import fsspec
import pytest

from raft_core.artifacts import Artifacts
from raft_core.errors import StorageError
from raft_core.settings import Settings


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of its own for each test."""
    place = {"file": f"file://{tmp_path}/shared place", "memory": f"memory://{uuid.uuid4().hex}/shared"}
    return place[request.param]


def machine(tmp_path: Path, name: str, url: str | None) -> tuple[Path, Artifacts]:
    """The home of a machine, and what it shares."""
    home = tmp_path / name
    return home, Artifacts(Settings(home=home, artifacts_url=url))


def fill(folder: Path) -> Path:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "info.json").write_text("{}")
    (folder / "deep" / "er" / "weights").write_bytes(bytes(range(256)))
    (folder / "empty").touch()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_and_a_file_travel(tmp_path: Path, url: str) -> None:
    """Another machine finds them byte for byte at the same place below its home, and nothing else."""
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    folder = fill(here / "guilds" / "cats" / "adapters" / "raft-1")
    file = here / "guilds" / "cats" / "uploads" / "u" / "a note.txt"
    file.parent.mkdir(parents=True)
    file.write_text("ž")
    for path in (folder, file):
        ours.push(path)
        theirs.pull(there / path.relative_to(here))
    assert content(there / folder.relative_to(here)) == content(folder)
    assert content(there) == content(here)


def test_without_a_url_nothing_is_copied(tmp_path: Path) -> None:
    """Nor is anything missed."""
    home, artifacts = machine(tmp_path, "here", None)
    artifacts.push(home / "absent")
    artifacts.pull(home / "absent")
    assert not home.exists()


def test_what_is_missing(tmp_path: Path, url: str) -> None:
    """It is named with the place where it was looked for, and nothing is made."""
    home, artifacts = machine(tmp_path, "here", url)
    with pytest.raises(StorageError, match="raft-1 is neither on this machine nor at") as told:
        artifacts.pull(home / "raft-1")
    assert url in str(told.value)
    assert not home.exists()


def test_half_of_one_is_not_fetched(tmp_path: Path, url: str) -> None:
    """A push that was cut off before its end counts as none, and the next completes it."""
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    ours.push(fill(here / "raft-1"))
    filesystem, root = fsspec.core.url_to_fs(url)
    filesystem.rm(f"{root}/raft-1.whole")
    filesystem.rm(f"{root}/raft-1/info.json")
    with pytest.raises(StorageError):
        theirs.pull(there / "raft-1")
    ours.push(here / "raft-1")
    theirs.pull(there / "raft-1")
    assert content(there / "raft-1") == content(here / "raft-1")


def test_what_is_whole_stays(tmp_path: Path, url: str) -> None:
    """A second push changes nothing there, a second pull nothing here."""
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    ours.push(fill(here / "raft-1"))
    theirs.pull(there / "raft-1")
    (here / "raft-1" / "info.json").write_text("changed")
    (there / "raft-1" / "info.json").write_text("mine")
    ours.push(here / "raft-1")
    theirs.pull(there / "raft-1")
    assert (there / "raft-1" / "info.json").read_text() == "mine"
    third, another = machine(tmp_path, "third", url)
    another.pull(third / "raft-1")
    assert (third / "raft-1" / "info.json").read_text() == "{}"


def test_removed(tmp_path: Path, url: str) -> None:
    """Nobody can fetch it any more; removing it again is no error."""
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    ours.push(fill(here / "raft-1"))
    ours.remove(here / "raft-1")
    ours.remove(here / "raft-1")
    with pytest.raises(StorageError):
        theirs.pull(there / "raft-1")


@pytest.mark.parametrize("what", ["raft-1", "note.txt"])
def test_a_fetch_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Neither half an artifact nor a temporary one, folder or file."""
    url = f"file://{tmp_path}/shared"
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    fill(here / "raft-1")
    (here / "note.txt").write_text("note")
    ours.push(here / what)
    filesystem, _ = fsspec.core.url_to_fs(url)
    whole = type(filesystem).get

    def half(self: fsspec.AbstractFileSystem, source: str, target: str, **options: object) -> None:
        whole(self, source, target, **options)
        raise OSError("the connection was lost")

    monkeypatch.setattr(type(filesystem), "get", half)
    with pytest.raises(StorageError, match="the connection was lost"):
        theirs.pull(there / what)
    assert list(there.iterdir()) == []
    monkeypatch.undo()
    theirs.pull(there / what)
    assert (there / what).exists()


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    """An unknown protocol, and a file where a folder should be, are told with the URL and a remedy."""
    home, artifacts = machine(tmp_path, "here", "nothing://x")
    fill(home / "raft-1")
    with pytest.raises(StorageError, match="the artifacts at nothing://x cannot be used") as told:
        artifacts.push(home / "raft-1")
    assert "RAFTBOT_ARTIFACTS_URL" in told.value.remedy
    (tmp_path / "file").touch()
    blocked = Artifacts(Settings(home=home, artifacts_url=f"file://{tmp_path}/file"))
    with pytest.raises(StorageError, match="cannot be used"):
        blocked.push(home / "raft-1")
    with pytest.raises(StorageError):
        blocked.pull(home / "raft-2")


PULL = """
import sys
from pathlib import Path
from raft_core.artifacts import Artifacts
from raft_core.settings import Settings
home, url = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
Artifacts(Settings(home=home, artifacts_url=url)).pull(home / "raft-1")
print(len(list((home / "raft-1").rglob("*"))))
"""


def test_four_fetch_at_once(tmp_path: Path) -> None:
    """All of them have it whole, once."""
    url = f"file://{tmp_path}/shared"
    here, ours = machine(tmp_path, "here", url)
    ours.push(fill(here / "raft-1"))
    home = tmp_path / "there"
    racers = [
        subprocess.Popen([sys.executable, "-c", PULL, str(home), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own code
        for _ in range(4)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert [racer.communicate(timeout=60)[0] for racer in racers] == ["5\n"] * 4
    assert sorted(os.listdir(home)) == ["raft-1"]  # noqa: PTH208  # names only


def test_files_that_grow_are_shared_again(tmp_path: Path, url: str) -> None:
    """Others fetch the newest of each, and never over their own."""
    here, ours = machine(tmp_path, "here", url)
    there, theirs = machine(tmp_path, "there", url)
    mine, own = here / "jobs" / "job-1.aa.log", there / "jobs" / "job-1.bb.log"
    for file in (mine, own):
        file.parent.mkdir(parents=True)
        file.write_text("one\n")
    ours.share(mine)
    theirs.share(own)
    own.write_text("one\ntwo of its own\n")
    theirs.gather(own.parent, "job-1.*.log", but=own)
    assert content(there / "jobs") == {"job-1.aa.log": b"one\n", "job-1.bb.log": b"one\ntwo of its own\n"}
    mine.write_text("one\ntwo\n")
    ours.share(mine)
    theirs.gather(own.parent, "job-1.*.log", but=own)
    assert (there / "jobs" / mine.name).read_text() == "one\ntwo\n"
    theirs.gather(own.parent, "job-2.*.log", but=own)
    assert len(content(there / "jobs")) == 2
