"""The library on a real disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.documents.library import Library
from raft_core.errors import DocumentError, StorageError, UnknownDocument
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
    assert library.get("aa11") == library.find("aa11") == info
    assert library.document("aa11") == document("aa11")
    assert library.add(document("aa11"), chunks(3)).chunks == 3
    assert len(library.list()) == 1


def test_the_beginning_of_an_id_is_enough(library: Library) -> None:
    """A unique beginning finds the document; an ambiguous, unknown or empty one is an error."""
    library.add(document("aa11"), [])
    library.add(document("aa22"), [])
    assert library.get("AA1").id == "aa11"
    with pytest.raises(DocumentError, match="2 documents have ids that begin with 'aa'"):
        library.get("aa")
    for unknown in ("bb", "", "../aa11", "*"):
        with pytest.raises(UnknownDocument, match="in guild 'local'"):
            library.get(unknown)
    assert library.find("aa") is None
    assert library.find("../documents/aa11") is None


def test_removing_forgets(library: Library) -> None:
    """A removed document is gone; removing it again is an error."""
    library.add(document("aa11"), [])
    library.remove("aa")
    assert library.list() == []
    with pytest.raises(UnknownDocument):
        library.remove("aa11")


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
