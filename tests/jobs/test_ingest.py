"""Reader, splitter, store and library together, on real Chroma with a local embeddings endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_core.documents.library import Library
from raft_core.errors import BadRecord, StoreError
from raft_core.jobs.ingest import ingest
from raft_core.progress import Progress
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from tests.store.embedding_server import MODEL, EmbeddingServer, embedding_server


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, server: EmbeddingServer) -> Settings:
    return Settings(home=tmp_path / "home", embeddings=server.url, embeddings_model=MODEL, chunk_tokens=16)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "deep" / ".git").mkdir(parents=True)
    (folder / "b.txt").write_text("Bread needs flour. " * 10)
    (folder / "a.md").write_text("# Oslo\n\nOslo is the capital of Norway.")
    (folder / "deep" / "c.json").write_text('{"name": "rope"}')
    (folder / "deep" / "copy.md").write_text("# Oslo\n\nOslo is the capital of Norway.")
    (folder / "deep" / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / ".hidden").write_text("secret")
    (folder / "loop").symlink_to(folder)
    return folder


def library(settings: Settings) -> Library:
    return Library(settings.guild_dir("local") / "documents")


def test_a_title_of_ones_own(files: Path, settings: Settings) -> None:
    """It stands in for the title of a single file, in its chunks too; of several, each keeps its own."""
    named = ingest([files / "b.txt"], settings, "local", title="Baking")
    assert [info.title for info in named.added] == ["Baking"]
    with ChunkStore(settings, "local") as store:
        assert {chunk.title for chunk in store.of_document(named.added[0].id)} == {"Baking"}
    several = ingest([files / "a.md", files / "deep" / "c.json"], settings, "local", title="Both")
    assert [info.title for info in several.added] == ["Oslo", "c"]


def test_a_document_of_another_machine_is_known(files: Path, settings: Settings, tmp_path: Path) -> None:
    """What another home added to the same store is unchanged, and its text comes along."""
    shared = settings.model_copy(update={"artifacts_url": f"file://{tmp_path}/shared", "database_url": None})
    ingest([files / "b.txt"], shared, "local")
    elsewhere = shared.model_copy(update={"home": tmp_path / "elsewhere"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "chroma").symlink_to(settings.chroma_dir)
    again = ingest([files / "b.txt"], elsewhere, "local")
    assert [info.title for info in again.unchanged] == ["b"]
    assert again.added == ()
    (info,) = again.unchanged
    assert "flour" in library(elsewhere).document(info.id).text


def test_a_folder_is_walked(files: Path, settings: Settings) -> None:
    """Every file is added or left out with its reason, and what is added can be retrieved."""
    result = ingest([files], settings, "local")
    assert [info.title for info in result.added] == ["Oslo", "b", "c"]
    assert result.unchanged == ()
    assert [(Path(left_out.what).name, left_out.reason) for left_out in result.rejected] == [
        ("loop", "it is a link to a folder; name it to add it"),
        (".hidden", "it is a hidden file; name it to add it"),
        (".git", "it is a hidden folder; name it to add it"),
        ("copy.md", f"it holds the same as {files / 'a.md'}"),
        ("image.png", "it is a PNG image"),
    ]
    with ChunkStore(settings, "local") as store:
        assert store.retrieve("capital of Norway", 1)[0].chunk.title == "Oslo"
        assert len(store.all()) == sum(info.chunks for info in result.added) > 3
    assert {info.id for info in library(settings).list()} == {info.id for info in result.added}


def test_adding_again_changes_nothing(files: Path, settings: Settings, server: EmbeddingServer) -> None:
    """The same bytes are unchanged, under any name; nothing is embedded twice."""
    first = ingest([files], settings, "local")
    embedded = server.embedded
    (files / "b.txt").rename(files / "z.txt")
    second = ingest([files], settings, "local")
    assert second.added == ()
    assert {info.id for info in second.unchanged} == {info.id for info in first.added}
    assert server.embedded == embedded


def test_a_lost_store_is_mended(files: Path, settings: Settings) -> None:
    """What the library has and the store has lost is added again."""
    first = ingest([files / "a.md", files / "b.txt"], settings, "local")
    with ChunkStore(settings, "local") as store:
        store.remove(first.added[0].id)
    second = ingest([files / "a.md", files / "b.txt"], settings, "local")
    assert [info.title for info in second.added] == ["Oslo"]
    assert [info.title for info in second.unchanged] == ["b"]


def test_a_crash_loses_nothing(files: Path, settings: Settings, server: EmbeddingServer) -> None:
    """With the store written and the library not, the same command completes the rest."""
    first = ingest([files / "a.md"], settings, "local")
    library(settings).remove(first.added[0].id)  # as after a kill between the two
    embedded = server.embedded
    assert [info.id for info in ingest([files / "a.md"], settings, "local").added] == [first.added[0].id]
    assert server.embedded == embedded
    server.broken = True
    with pytest.raises(StoreError):
        ingest([files / "b.txt"], settings, "local")
    assert [info.title for info in library(settings).list()] == ["Oslo"]
    server.broken = False
    assert [info.title for info in ingest([files / "b.txt"], settings, "local").added] == ["b"]


def test_hotpotqa_paragraphs(tmp_path: Path, settings: Settings) -> None:
    """Paragraphs are added up to the limit; a malformed file adds nothing at all."""
    path = tmp_path / "hotpot.json"
    context = [[f"Title {number}", [f"Sentence {number}."]] for number in range(5)]
    path.write_text(json.dumps([{"_id": "a", "context": context}]))
    assert [info.title for info in ingest([], settings, "local", hotpotqa=path, limit=3).added] == [
        "Title 0",
        "Title 1",
        "Title 2",
    ]
    again = ingest([], settings, "local", hotpotqa=path)
    assert (len(again.added), len(again.unchanged)) == (2, 3)
    path.write_text(json.dumps([{"_id": "a", "context": [["T"]]}]))
    (tmp_path / "new.txt").write_text("new")
    with pytest.raises(BadRecord):
        ingest([tmp_path / "new.txt"], settings, "local", hotpotqa=path)
    assert len(library(settings).list()) == 5


def test_many_documents_share_batches(tmp_path: Path, settings: Settings) -> None:
    """Small documents are embedded together; progress tells of reading and embedding."""
    for number in range(300):
        (tmp_path / f"{number:03}.txt").write_text(f"text {number}")
    seen: list[Progress] = []
    result = ingest(sorted(tmp_path.glob("*.txt")), settings, "local", report=seen.append)
    assert len(result.added) == 300
    assert seen[0] == Progress("reading", 0, 300, "000.txt")
    assert [update.total for update in seen if update.stage == "embedding" and update.done] == [
        128,
        128,
        44,
    ]


def test_nothing_to_add_is_said(tmp_path: Path, settings: Settings) -> None:
    """An empty folder and a missing path are left out with their reasons."""
    (tmp_path / "empty").mkdir()
    result = ingest([tmp_path / "empty", tmp_path / "none"], settings, "local")
    assert [left_out.reason for left_out in result.rejected] == [
        "there are no files in this folder",
        "there is no such file or folder",
    ]
