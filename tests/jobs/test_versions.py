"""The same file again: changed, with another consent, by another member, under another name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_core.documents.library import Library
from raft_core.jobs.catalogue import open_registry
from raft_core.jobs.ingest import IngestResult, ingest
from raft_core.records import DatasetInfo, DocumentInfo
from raft_core.registry.documents import Documents, LearntFrom
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from tests.store.embedding_server import MODEL, embedding_server

OLD, NEW = "The gate opens at six.", "The gate opens at nine."


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with embedding_server() as server:
        yield Settings(home=tmp_path / "home", embeddings=server.url, embeddings_model=MODEL)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules.txt"


def add(settings: Settings, path: Path, text: str | None = None, **more: object) -> IngestResult:
    if text is not None:
        path.write_text(text)
    return ingest([path], settings, "local", **more)  # type: ignore[arg-type]


def stored(settings: Settings) -> set[str]:
    """The texts of all chunks."""
    with ChunkStore(settings, "local") as store:
        return {chunk.text for chunk in store.all()}


def listed(settings: Settings) -> list[DocumentInfo]:
    with open_registry(settings, "local") as registry:
        return registry.documents.list("local")


def consent(settings: Settings, info: DocumentInfo) -> bool:
    with open_registry(settings, "local") as registry:
        return registry.documents.provenance("local", info.id).consent


def test_a_changed_file_replaces_its_older_version(settings: Settings, rules: Path) -> None:
    """The old text, chunks and row are gone; the result names both, and the data set that learnt from the old."""
    (old,) = add(settings, rules, OLD).added
    with open_registry(settings, "local") as registry:
        registry.datasets.add(
            DatasetInfo(
                "raft-1", "local", 1, 0, "h", 0, 0.0, "extractive", {}, (old.id,), "2026-01-01T00:00:00+00:00"
            )
        )
    result = add(settings, rules, NEW)
    (new,) = result.added
    (replaced,) = result.replaced
    assert (replaced.id, replaced.title, replaced.by, replaced.datasets) == (
        old.id,
        "rules",
        new.id,
        ("raft-1",),
    )
    assert stored(settings) == {NEW}
    assert [info.id for info in listed(settings)] == [new.id]
    assert [info.id for info in Library(settings.guild_dir("local") / "documents").list()] == [new.id]
    with open_registry(settings, "local") as registry:
        assert registry.documents.learnt_from("local", old.id) == LearntFrom(("raft-1",), ())
        assert registry.datasets.forgotten("local") == {"raft-1": (old.id,)}
    back = add(settings, rules, OLD)
    assert [each.id for each in back.replaced] == [new.id]
    with open_registry(settings, "local") as registry:
        assert registry.datasets.forgotten("local") == {}


def test_the_same_name_in_another_folder_is_another_file(settings: Settings, tmp_path: Path) -> None:
    """Every folder may have its README."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text(f"About {folder}.")
    assert len(ingest([tmp_path / "a", tmp_path / "b"], settings, "local").added) == 2
    assert add(settings, tmp_path / "a" / "README.md", "More about a.").replaced[0].title == "README"
    assert stored(settings) == {"More about a.", "About b."}


def test_a_relative_path_is_the_same_file(
    settings: Settings, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command runs."""
    add(settings, rules, OLD)
    monkeypatch.chdir(rules.parent)
    assert len(add(settings, Path("rules.txt"), NEW).replaced) == 1


def test_an_upload_is_known_by_its_name(settings: Settings, tmp_path: Path) -> None:
    """Not by where it was kept."""
    for folder, text in (("1", OLD), ("2", NEW)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "rules.txt"
        path.write_text(text)
        result = ingest([path], settings, "local", sources={path: "rules.txt"})
    assert len(result.replaced) == 1
    assert [info.source for info in listed(settings)] == ["rules.txt"]


@pytest.mark.parametrize("together", [True, False])
def test_files_that_swap_their_contents_are_both_kept(
    settings: Settings, tmp_path: Path, together: bool
) -> None:
    """No text is lost, in one run or two."""
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    for path, text in ((a, OLD), (b, NEW)):
        add(settings, path, text)
    a.write_text(NEW)
    b.write_text(OLD)
    for paths in [[a, b]] if together else [[a], [b]]:
        ingest(paths, settings, "local")
    assert stored(settings) == {OLD, NEW}
    assert {info.source for info in listed(settings)} == {str(a), str(b)}


def test_a_copy_outlives_its_original(settings: Settings, tmp_path: Path) -> None:
    """The same text under a second name stays when the first name gets another."""
    add(settings, tmp_path / "a.txt", OLD)
    add(settings, tmp_path / "b.txt", OLD)
    assert add(settings, tmp_path / "a.txt", NEW).replaced == ()
    assert stored(settings) == {OLD, NEW}


def test_an_unreadable_version_replaces_nothing(settings: Settings, rules: Path) -> None:
    """The old one stays until there is a new one."""
    add(settings, rules, OLD)
    rules.write_bytes(b"\x89PNG\r\n\x1a\n")
    result = add(settings, rules)
    assert (len(result.rejected), result.replaced) == (1, ())
    assert stored(settings) == {OLD}


STEPS = (
    (ChunkStore, "add"),
    (Library, "add"),
    (Documents, "add"),
    (Documents, "supersede"),
    (Documents, "begin_removal"),
    (ChunkStore, "remove"),
    (Library, "remove"),
    (Documents, "remove"),
)
"""What is written, in its order: a kill before one is a kill after the one before it."""


def die(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[f"{owner.__name__}.{name}" for owner, name in STEPS])
def test_killed_before_any_step_one_version_is_whole(
    owner: type, name: str, settings: Settings, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old or the new can be asked about; the same command again leaves the new one alone."""
    add(settings, rules, OLD)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(owner, name, die)
        add(settings, rules, NEW)
    library = Library(settings.guild_dir("local") / "documents")
    whole = {library.document(info.id).text for info in library.list()} & stored(settings)
    assert whole & {OLD, NEW}
    add(settings, rules)
    assert stored(settings) == {NEW}
    assert [library.document(info.id).text for info in library.list()] == [NEW]
    assert [info.id for info in listed(settings)] == [info.id for info in library.list()]


@pytest.mark.parametrize("first", [True, False])
def test_adding_again_changes_the_consent(settings: Settings, rules: Path, first: bool) -> None:
    """Where another is given, visibly; where none is, it stays, for a new version too."""
    (info,) = add(settings, rules, OLD, by="ada", consent=first).added
    again = add(settings, rules, by="ada", consent=not first)
    assert again.consent_changed == (info.id,)
    assert consent(settings, info) is not first
    assert add(settings, rules, by="ada").consent_changed == ()
    (new,) = add(settings, rules, NEW, by="ada").added
    assert consent(settings, new) is not first


def test_what_others_added_stays_without_the_right(settings: Settings, rules: Path) -> None:
    """A member neither replaces another's document nor changes its consent, and is told; their own they may."""
    (old,) = add(settings, rules, OLD, by="ada", consent=False).added
    again = add(settings, rules, by="bob", consent=True, of_others=False)
    assert (again.consent_changed, consent(settings, old)) == ((), False)
    result = add(settings, rules, NEW, by="bob", consent=True, of_others=False)
    assert result.replaced == ()
    assert "another member added this older version" in result.rejected[0].reason
    assert stored(settings) == {OLD, NEW}
    third = add(settings, rules, "The gate is shut.", by="bob", of_others=False)
    assert [each.id for each in third.replaced] == [result.added[0].id]
    assert stored(settings) == {OLD, "The gate is shut."}


def test_paragraphs_of_one_file_are_no_versions(settings: Settings, tmp_path: Path) -> None:
    """Nor does the file itself, added as a document, replace them."""
    path = tmp_path / "hotpot.json"
    path.write_text('[{"_id": "a", "context": [["A", ["First."]], ["B", ["Second."]]]}]')
    ingest([], settings, "local", hotpotqa=path)
    result = ingest([path], settings, "local", hotpotqa=path)
    assert (result.replaced, len(listed(settings))) == ((), 3)


NAMES = (
    b"plain.txt",
    b"bad\xff\xfe.txt",
    b"two\nlines.txt",
    "\u202egnp.txt".encode(),
    b"x" * 251 + b".txt",
    b"\x1b[31mred.txt",
)


def test_odd_names_are_added_one_by_one(settings: Settings, tmp_path: Path) -> None:
    """Those that are no UTF-8, too; a path that is too long is refused alone."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(f"Gate {number} opens.")
    result = ingest([folder, tmp_path / ("y" * 300), Path(f"{tmp_path}/nul\0")], settings, "local")
    assert len(result.added) == len(NAMES)
    assert [left_out.reason for left_out in result.rejected] == ["File name too long", "embedded null byte"]
    for info in result.added:
        assert f"{info.title}{info.source}".isprintable()
        f"{info.title}{info.source}".encode()
    assert {info.title for info in result.added} >= {"plain", "bad", "two lines", "gnp", "[31mred"}
    Path(os.fsdecode(os.fsencode(folder) + b"/" + NAMES[1])).write_text("Changed.")
    assert [each.title for each in ingest([folder], settings, "local").replaced] == ["bad"]


def test_junk_is_refused_and_repetition_stored_once(settings: Settings, tmp_path: Path) -> None:
    """With the reason, and counted among what was not read."""
    (tmp_path / "junk.txt").write_text("a" * 1_000_000)
    (tmp_path / "again.txt").write_text("The quick brown fox jumps over the lazy dog of Harrow. " * 2000)
    result = ingest([tmp_path / "again.txt", tmp_path / "junk.txt"], settings, "local")
    (added,) = result.added
    assert added.chunks == 1
    assert added.unread == ("47 repeated passages",)
    assert [left_out.reason for left_out in result.rejected] == [
        "its text has no words: signs, the same on and on, or encoded data"
    ]


def test_too_many_chunks_are_refused(settings: Settings, tmp_path: Path) -> None:
    """The limit is a setting, and the remedy names it."""
    few = settings.model_copy(update={"max_chunks_per_file": 3, "chunk_tokens": 16})
    (tmp_path / "long.txt").write_text(" ".join(f"word{number}" for number in range(300)))
    (tmp_path / "short.txt").write_text("A few words.")
    result = ingest([tmp_path / "long.txt", tmp_path / "short.txt"], few, "local")
    assert [info.title for info in result.added] == ["short"]
    assert result.rejected[0].reason == (
        "it has more than 3 chunks of 16 tokens; split it into smaller files, or raise RAFTBOT_MAX_CHUNKS_PER_FILE"
    )


def test_hostile_files_leave_their_neighbours_alone(settings: Settings, tmp_path: Path) -> None:
    """Each is refused for itself; what stands before and after is added."""
    from tests.documents.hostile import HOSTILE

    quick = settings.model_copy(update={"parse_seconds": 0.5, "parse_memory_mb": 400})
    names = ("doubling_forms.pdf", "compressed_twice.pdf", "millions_of_empty_paragraphs.docx")
    for number, name in enumerate(names):
        (tmp_path / f"{number} {name}").write_bytes(HOSTILE[name]())
        (tmp_path / f"{number} z.txt").write_text(f"Gate {number} opens.")
    result = ingest(sorted(tmp_path.glob("? *")), quick, "local")
    assert [info.title for info in result.added] == ["0 z", "1 z", "2 z"]
    assert len(result.rejected) == 3
