"""File names that are no text, or that look like another."""

# ruff: noqa: RUF001  # names in many scripts

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raft_core.documents.names import NAME_BYTES, safe_name, shown, source_of, title_of


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"rules 1.txt", "rules 1.txt"),
        ("Übersicht 門.md".encode(), "Übersicht 門.md"),
        (b"bad\xff\xfe.txt", r"bad\xff\xfe.txt"),
        (b"two\nlines.txt", r"two\nlines.txt"),
        (b"back\\slash.txt", r"back\\slash.txt"),
        ("\u202egnp.txt".encode(), r"\u202egnp.txt"),
        (b"\x1b[31mred.txt", r"\x1b[31mred.txt"),
        (b"\xed\xa0\x80.txt", r"\xed\xa0\x80.txt"),
    ],
)
def test_a_path_is_shown_as_text(name: bytes, text: str) -> None:
    """What cannot be printed is escaped, and so is the backslash: no two names are shown alike."""
    assert shown(os.fsdecode(name)) == text
    text.encode()


def test_half_a_surrogate_pair_is_shown() -> None:
    """No file system gives one, but an argument may hold it."""
    assert shown("a\ud800") == r"a\xed\xa0\x80"


def test_a_file_is_known_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder the command runs in."""
    monkeypatch.chdir(tmp_path)
    assert source_of(Path("x/../rules.txt")) == f"{tmp_path}/rules.txt"


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Rules of the gate", "Rules of the gate"),
        ("two\nlines\tof it", "two lines of it"),
        ("\u202eevil\u2069", "evil"),
        ("bad\udcff", "bad"),
        ("\x1b\x00", r"fi\xff"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_titles_are_one_printable_line(title: str, kept: str) -> None:
    """Without controls and marks that reorder text; joiners of scripts stay. The name stands in for nothing."""
    assert title_of(title, Path(os.fsdecode(b"/a/fi\xff.txt"))) == kept


def test_a_name_of_255_bytes_is_kept_short() -> None:
    """With its ending, and whole characters."""
    kept = safe_name("ä" * 125 + ".docx")
    assert kept.endswith("ä.docx")
    assert len(kept.encode()) <= NAME_BYTES
