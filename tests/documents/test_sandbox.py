"""Hostile files end in text or a reason within the limits, and nothing of them reaches the next file."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_core.documents.sandbox import Sandbox
from raft_core.documents.sifting import sift
from raft_core.documents.splitting import Splitter
from raft_core.errors import UnreadableDocument
from raft_core.records import Document, Page
from raft_core.settings import Settings
from tests.documents.hostile import HOSTILE, docx

SLOW_S = 4.0
"""On top of the limit, for starting, importing and splitting on a busy machine."""
GOOD = b"The gate of Tarn opens at six."

# What takes all of its limits however small they are: seconds, megabytes, and why it is refused.
ENDLESS = {
    "millions_of_empty_paragraphs.docx": (1.0, 1024, "parsing it takes longer than 1 s"),
    "doubling_forms.pdf": (1.0, 1024, "parsing it takes longer than 1 s"),
    "compressed_twice.pdf": (
        20.0,
        300,
        "its parser crashed (SIGABRT): it is damaged, or needs more than 300 MB of memory",
    ),
    "lying_size.docx": (20.0, 300, "parsing it takes more than 300 MB of memory"),
}
# One or two of each kind that are over soon; the rest take half a minute together.
SOON = (
    "nested_tables.docx",
    "deep_tables.docx",
    "wide_grid_spans.docx",
    "late_entities.docx",
    "entities_in_utf_16.docx",
    "overlapping_members.docx",
    "relationships_in_a_circle.docx",
    "dimension_of_everything.xlsx",
    "impossible_references.xlsx",
    "deep_groups.pptx",
    "hundred_filters.pdf",
    "pages_in_a_circle.pdf",
    "page_count_lies.pdf",
    "object_stream_within_itself.pdf",
    "deep_arrays.pdf",
    "form_fields_in_a_circle.pdf",
    "misnested_inline.html",
    "declared_entities.html",
    "open_comments.html",
    "zeros.txt",
    "spaces.txt",
    "data_uri.md",
    "open_quote.csv",
    "deep_lists.json",
    "deep_lines.jsonl",
)


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Limits that a hostile file reaches soon."""
    return Settings(home=tmp_path, parse_seconds=1.0, parse_memory_mb=400)


@pytest.fixture
def sandbox(small: Settings) -> Iterator[Sandbox]:
    with Sandbox(small) as opened:
        opened.parse(GOOD, Path("first.txt"))
        yield opened


@pytest.fixture(scope="module")
def splitter() -> Splitter:
    return Splitter(512)


@pytest.mark.parametrize("name", SOON)
def test_a_hostile_file_ends_soon(name: str, sandbox: Sandbox, splitter: Splitter) -> None:
    """In text or a reason; the file after it is read as ever."""
    data = HOSTILE[name]()
    began = time.monotonic()
    try:
        document = sandbox.parse(data, Path(name))
        sift(splitter.split(document, limit=2000))
        document.text.encode()
    except UnreadableDocument as error:
        assert error.reason
    assert time.monotonic() - began < 1.0 + SLOW_S
    assert sandbox.parse(GOOD, Path("good.txt")).text == GOOD.decode()


@pytest.mark.parametrize("name", ENDLESS)
def test_a_limit_ends_what_has_no_end(name: str, tmp_path: Path) -> None:
    """With the reason; the file after it is read as ever."""
    seconds, memory_mb, reason = ENDLESS[name]
    limits = Settings(home=tmp_path, parse_seconds=seconds, parse_memory_mb=memory_mb)
    with Sandbox(limits) as opened:
        with pytest.raises(UnreadableDocument) as caught:
            opened.parse(HOSTILE[name](), Path(name))
        assert caught.value.reason == reason
        assert opened.parse(GOOD, Path("good.txt")).text == GOOD.decode()


@pytest.mark.crash
@pytest.mark.parametrize("name", HOSTILE)
def test_every_hostile_file_ends_within_the_default_limits(
    name: str, tmp_path: Path, splitter: Splitter
) -> None:
    """In text or a reason, within ten seconds on an idle machine."""
    data = HOSTILE[name]()
    with Sandbox(Settings(home=tmp_path)) as opened:
        opened.parse(GOOD, Path("first.txt"))
        began = time.monotonic()
        try:
            sift(splitter.split(opened.parse(data, Path(name)), limit=2000))
        except UnreadableDocument as error:
            assert error.reason
        assert time.monotonic() - began < 10 + SLOW_S
        assert opened.parse(GOOD, Path("good.txt")).text == GOOD.decode()


def test_there_are_enough_of_them() -> None:
    """A hundred and more, and the fast ones are among them."""
    assert len(HOSTILE) >= 100
    assert set(SOON) | set(ENDLESS) <= set(HOSTILE)


def test_a_document_comes_back_whole(small: Settings) -> None:
    """Title, pages, type and hash are those of the parser; half surrogates have become characters."""
    data = docx("<w:p><w:r><w:t>Oslo é \U0001f600</w:t></w:r></w:p>")
    with Sandbox(small) as opened:
        found = opened.parse(data, Path("/far/away/town.docx"))
        assert found == Document(
            found.id,
            "town",
            "/far/away/town.docx",
            found.media_type,
            found.sha256,
            (Page("Oslo é \U0001f600"),),
        )
        lone = opened.parse(b'{"text": "bad \\ud800"}', Path("lone.json"))
        assert lone.text == "text: bad \ufffd"


def test_refusals_keep_their_remedy(sandbox: Sandbox) -> None:
    """A reason from the parser comes with what to do about it."""
    with pytest.raises(UnreadableDocument, match=r"it is named \.pdf but holds something else") as caught:
        sandbox.parse(b"plain", Path("plain.pdf"))
    assert caught.value.remedy == "fetch the file again, or give it the name of what it is"


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    """Each would give at least one chunk."""
    with (
        Sandbox(Settings(home=tmp_path, max_chunks_per_file=20)) as opened,
        pytest.raises(UnreadableDocument, match="it has more than 20 pages with text") as caught,
    ):
        opened.parse(HOSTILE["far_cell.xlsx"](), Path("far.xlsx"))
    assert "RAFTBOT_MAX_CHUNKS_PER_FILE" in caught.value.remedy


def test_a_killed_server_fails_one_file(sandbox: Sandbox) -> None:
    """The next one gets a new server."""
    assert sandbox._server is not None
    os.kill(sandbox._server.pid, signal.SIGKILL)
    sandbox._server.wait()
    assert sandbox.parse(GOOD, Path("good.txt")).text == GOOD.decode()


def test_the_parsers_know_no_secret(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their process has neither our settings nor any other variable that may hold a key."""
    monkeypatch.setenv("RAFTBOT_GENERATOR_KEY", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    with Sandbox(small) as opened:
        opened.parse(GOOD, Path("good.txt"))
        assert opened._server is not None
        environment = Path(f"/proc/{opened._server.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"s3cret" not in environment


def test_a_module_in_the_current_folder_is_not_run(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of downloads may hold a json.py."""
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    with Sandbox(small) as opened:
        assert opened.parse(GOOD, Path("good.txt")).text == GOOD.decode()


def test_no_process_is_left(small: Settings) -> None:
    """Closing ends the server; a parser that hung is gone by then."""
    with Sandbox(small) as opened:
        with pytest.raises(UnreadableDocument, match="longer than 1 s"):
            opened.parse(HOSTILE["doubling_forms.pdf"](), Path("a.pdf"))
        assert opened._server is not None
        pid = opened._server.pid
        assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
    assert not Path(f"/proc/{pid}").exists()
