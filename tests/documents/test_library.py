"""The library on a real disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.documents.library import Library
from raft_core.errors import StorageError, UnknownDocument
from raft_core.records import Chunk, Document, Page


def document(document_id: str, title: str = "T") -> Document:
    return Document(
        document_id, title, "s", "text/plain", document_id * 4, (Page("One \u2028 é", 1), Page("Two", 3))
    )


def chunks(count: int) -> list[Chunk]:
    return [Chunk(f"c{index}", "a", "T", "x", 1, index, 0, 7) for index in range(count)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "guilds" / "local" / "documents")


def test_what_is_added_comes_back(library: Library) -> None:
    """Text and facts survive the disk; adding again replaces."""
    info = library.add(document("aa11"), chunks(2))
    assert (info.pages, info.chunks, info.tokens) == (2, 2, 14)
    assert library.list() == [info]
    assert library.find("aa11") == info
    assert library.document("aa11") == document("aa11")
    assert library.add(document("aa11"), chunks(3)).chunks == 3
    assert len(library.list()) == 1


def test_only_whole_ids_are_known(library: Library) -> None:
    """A beginning, nothing, and a path are no ids."""
    library.add(document("aa11"), [])
    for unknown in ("aa", "", "../documents/aa11", "*"):
        assert library.find(unknown) is None
        with pytest.raises(UnknownDocument, match="in guild 'local'"):
            library.document(unknown)


def test_removing_forgets(library: Library, tmp_path: Path) -> None:
    """Nothing is left of a removed document, also where a removal was cut off; others and no ids are let be."""
    library.add(document("aa11"), [])
    library.add(document("aa22"), [])
    folder = tmp_path / "guilds/local/documents"
    (folder / "aa11" / "info.json").unlink()
    for name in ("aa11", "aa11", "aa", "", "../documents/aa22"):
        library.remove(name)
    assert [path.name for path in folder.iterdir()] == ["aa22"]
    assert [info.id for info in library.list()] == ["aa22"]


def test_a_document_without_its_info_does_not_count(library: Library, tmp_path: Path) -> None:
    """A crash between the two files leaves a document that is not there, and adding mends it."""
    info = library.add(document("aa11"), [])
    (tmp_path / "guilds/local/documents/aa11/info.json").unlink()
    assert library.list() == []
    library.add(document("aa11"), [])
    assert [found.id for found in library.list()] == [info.id]


def test_a_broken_info_is_named(library: Library, tmp_path: Path) -> None:
    """The error names the file and what to do."""
    library.add(document("aa11"), [])
    (tmp_path / "guilds/local/documents/aa11/info.json").write_text("{")
    with pytest.raises(StorageError, match=r"info\.json is broken"):
        library.list()
