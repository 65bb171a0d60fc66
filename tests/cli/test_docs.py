"""`raftbot docs`, run in this process, with a local embeddings endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from tests.store.embedding_server import MODEL, embedding_server


@pytest.fixture(autouse=True)
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with embedding_server() as running:
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS", running.url)
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS_MODEL", MODEL)
        yield


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["docs", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stdout + result.stderr


def run_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note [x].txt"
    path.write_text("Oslo is the capital of Norway.")
    return path


def test_add_list_show_remove(note: Path, tmp_path: Path) -> None:
    """A document goes through its whole life, each command's JSON agreeing with the others."""
    image = tmp_path / "image.pdf"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run_json("add", note, image)
    (added,) = result["added"]
    assert (added["title"], added["chunks"], added["pages"]) == ("note [x]", 1, 1)
    assert result["unchanged"] == []
    assert result["rejected"] == [{"path": str(image), "reason": "it is a PNG image"}]
    assert run_json("add", note) == {
        "added": [],
        "replaced": [],
        "unchanged": [added],
        "consent_changed": [],
        "rejected": [],
    }
    assert run_json("list") == [added]
    shown = run_json("show", added["id"][:6])
    assert [chunk["text"] for chunk in shown["chunks"]] == ["Oslo is the capital of Norway."]
    assert shown["sha256"] == added["sha256"]
    assert (shown["consent"], shown["status"], shown["datasets"]) == (True, "ready", [])
    removed = {"removed": added["id"], "title": "note [x]", "chunks": 1, "datasets": [], "adapters": []}
    assert run_json("remove", added["id"]) == removed
    assert run_json("list") == []


def test_what_learnt_from_a_removed_document_is_named(tmp_path: Path) -> None:
    """For programs and people; the data set's list marks it until the document is back."""
    for number, name in enumerate(("Oslo", "Bergen", "Hamar", "Molde")):
        (tmp_path / f"{name}.txt").write_text(f"{name} was founded in {1100 + number} by Harald.")
    ids = [info["id"] for info in run_json("add", *sorted(tmp_path.glob("*.txt")))["added"]]
    built = json.loads(CliRunner().invoke(app, ["dataset", "build", "--json"]).stdout)
    assert run_json("show", ids[0])["datasets"] == [built["id"]]
    assert run_json("remove", ids[0])["datasets"] == [built["id"]]
    assert f"the data set {built['id']} learnt from it" in run("remove", ids[1])
    (listed,) = json.loads(CliRunner().invoke(app, ["dataset", "list", "--json"]).stdout)
    assert (listed["stale"], set(listed["forgotten"])) == (True, set(ids[:2]))
    run("add", *sorted(tmp_path.glob("*.txt")))
    (listed,) = json.loads(CliRunner().invoke(app, ["dataset", "list", "--json"]).stdout)
    assert (listed["stale"], listed["forgotten"]) == (False, [])


def test_people_see_the_same(note: Path) -> None:
    """Without --json the same facts are lines to read; brackets in titles are no markup."""
    assert "no documents yet" in run("list")
    assert "note [x]  (1 chunk)" in run("add", note)
    assert "note [x]" in run("list")
    assert "Oslo is the capital of Norway." in run("show", run_json("list")[0]["id"])
    assert run("remove", run_json("list")[0]["id"]) == "removed note [x] (1 chunk)\n"


def test_guilds_are_apart(note: Path) -> None:
    """What one guild adds, another does not list."""
    run("add", note, "--guild", "one")
    assert run_json("list", "--guild", "two") == []
    assert len(run_json("list", "--guild", "one")) == 1


def test_nothing_usable_fails_with_the_reason(tmp_path: Path, note: Path) -> None:
    """A wrong path alone is exit code 1; beside a good file it is told and the rest is done."""
    missing = tmp_path / "missing.pdf"
    assert "there is no such file or folder" in run("add", missing, code=1)
    assert "left out" in run("add", missing, note)


def test_hotpotqa(real_data: Path) -> None:
    """A hundred paragraphs of the real sample become a hundred documents."""
    result = run_json(
        "add", "--hotpotqa", real_data / "hotpotqa" / "dev_distractor_sample.json", "--limit", 100
    )
    assert len(result["added"]) == 100
    assert len(run_json("list")) == 100


def test_wrong_use(note: Path) -> None:
    """No path at all, a limit without a file, and a bad guild are wrong use; an unknown id is a failure."""
    assert "name a file or a folder" in run("add", code=2)
    run("add", note, "--limit", 3, code=2)
    run("add", note, "--guild", "../x", code=2)
    for command in ("show", "remove"):
        assert "no document 'zz' in guild 'local'" in run(command, "zz", code=1)
