"""What a reader finds in a file, and the cleaning that all text goes through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from raft_core.errors import UnreadableDocument
from raft_core.records import Page

MAX_TEXT_CHARS = 10_000_000
"""About ten long novels; beyond it a file is a dump or a bomb, not a document."""

_LONGEST_TITLE = 150
"""Characters; what is longer is a sentence, or a field that a program filled."""
# What programs write where nobody gave a title: the file's name, the program's, a number.
_NO_TITLE = re.compile(
    r"Microsoft (?:Office )?(?:Word|PowerPoint|Excel)\b.*|(?:untitled|unnamed|no title)\b.*|"
    r"(?:(?:new|word|powerpoint|excel)[ -])?(?:document|presentation|slide|book|sheet|workbook|title|page|draft|template|index|home)\W*\d*|\w*_\w*|"
    r".*\.(?:docx?|pptx?|xlsx?|pdf|tex|dvi|ps|indd|qxd|rtf|odt|odp|ods|html?|txt|md)|\W*|.",
    re.IGNORECASE,
)

_RAISABLE = re.compile(r"\s*[-+\u2212]?\d+\s*")
_RAISED = str.maketrans("0123456789+-\u2212", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_BLANK_LINES = re.compile(r"\n{3,}")
# Controls mean nothing in text (fonts without a Unicode map leave them in PDFs); U+FFFE and U+FFFF are
# no characters, U+FEFF is a byte order mark left inside a text. A soft hyphen shows only where a line ends.
_JUNK = dict.fromkeys((*range(32), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF), " ") | {
    0x09: "\t",
    0x0A: "\n",
    0x0B: "\n",
    0x0C: "\n",
    0x85: "\n",
    0xFEFF: "",
    0xAD: "",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The pages of a file, the title it gives itself ("" for none), and what in it is no text.

    `unread` is for people: "3 pictures", "1 chart", "2 scanned pages".
    """

    pages: tuple[Page, ...]
    title: str = ""
    unread: tuple[str, ...] = ()


def clean(text: str) -> str:
    """Return valid UTF-8 text with \\n line ends, no controls and at most one blank line at a time.

    Lone surrogates become U+FFFD; surrogate pairs become the character they stand for.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = whole.replace("\r\n", "\n").replace("\r", "\n").translate(_JUNK)
    lines = "\n".join(line.rstrip() for line in plain.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


def one_page(text: str, title: str = "", unread: tuple[str, ...] = ()) -> Content:
    """Return the content of a file that has no pages."""
    return Content((Page(text),), title, unread)


def counted(things: Mapping[str, int]) -> tuple[str, ...]:
    """Return counts as phrases in order: {"picture": 3, "chart": 1} → ("3 pictures", "1 chart")."""
    return tuple(f"{count:,} {name}{'s' * (count > 1)}" for name, count in things.items() if count)


def first_title(candidates: Iterable[str | None]) -> str:
    """Return the first candidate that people would call a title, "" where there is none."""
    for candidate in candidates:
        title = " ".join(clean(candidate or "").split())
        if len(title) <= _LONGEST_TITLE and not _NO_TITLE.fullmatch(title):
            return title
    return ""


def cleaned(content: Content, path: str) -> Content:
    """Return the content with clean text, without its blank pages.

    Raises:
        UnreadableDocument: no text is left, or more than MAX_TEXT_CHARS.
    """
    check_length(sum(len(page.text) for page in content.pages), path)
    pages = tuple(Page(clean(page.text), page.number) for page in content.pages)
    return replace(content, pages=tuple(page for page in pages if page.text.strip()))


def check_length(chars: int, path: str) -> None:
    """Raise UnreadableDocument when a text is longer than any document is."""
    if chars > MAX_TEXT_CHARS:
        raise UnreadableDocument(
            path, f"it holds more than {MAX_TEXT_CHARS:,} characters", remedy="split it into smaller files"
        )


def raised(text: str) -> str:
    """Return a superscript as its own characters where it is a number: 10 and a raised 6 are not 106."""
    return text.translate(_RAISED) if _RAISABLE.fullmatch(text) else text


def cells(values: Iterable[object]) -> str:
    """Return one row of a table as a line; empty cells at its end are left out."""
    texts = ["" if value is None else " ".join(str(value).split()) for value in values]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts)
