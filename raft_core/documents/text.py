"""Readers of files that are text: plain, Markdown, separated values; and what all text files share."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from raft_core.documents.content import MAX_TEXT_CHARS, Content, cells, counted, first_title, one_page
from raft_core.documents.encodings import decode_text
from raft_core.errors import UnreadableDocument

MAX_CONTROL_SHARE = 0.02
"""A text with a larger share of control characters is binary data."""
SEPARATORS = "\t;|,"
"""Of values, from the one that text rarely has to the commonest in text; a comma may be a decimal one."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1d\x1f]")
_SAMPLE_CHARS = 200_000
_SAMPLE_ROWS = 200

# Files inside a text. Those of a few characters are examples in a text about them.
_DATA_URI = re.compile(
    r"data:(?P<kind>[\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*"
    r"(?:;base64,[A-Za-z0-9+/=_%-]{24,}(?:\s{1,4}[A-Za-z0-9+/=_%-]{60,})*|,[^\s\"'()<>]{200,})"
)

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:.{0,500}\n){0,100}?---[ \t]*\n")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)[ \t]*$", re.MULTILINE)
_FENCED = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(
    r"^(?P<rank>#{1,6})[ \t]+(?P<atx>[^\n]{1,300}?)[ \t#]*$|^(?P<over>[^\W\d_][^\n]{0,300})\n(?P<line>=+|-{3,})[ \t]*$",
    re.MULTILINE,
)
_INLINE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)|\[(?P<link>[^\]\n]*)\]\([^)\n]*\)|[*`]+|<[^>\n]*>")
"""Pictures, links, emphasis and tags in a heading; of a link its words stay."""


def decode(data: bytes, path: str, unread: Counter[str], declared: str | None = None) -> str:
    """Return a file's text; count the bytes in it that are no text.

    Raises:
        UnreadableDocument: the bytes are no text.
    """
    text, broken = decode_text(data, declared)
    sample = text[:_SAMPLE_CHARS]
    if len(_CONTROL.findall(sample)) > MAX_CONTROL_SHARE * len(sample):
        raise UnreadableDocument(path, "it is binary data of no known kind")
    unread["undecodable byte"] += broken
    return text


def without_files(text: str, unread: Counter[str]) -> str:
    """Return a text without the pictures and other files that data: URIs in it hold."""

    def leave_out(uri: re.Match[str]) -> str:
        unread["picture" if uri["kind"].startswith("image/") else "embedded file"] += 1
        return f"data:{uri['kind']}"

    return _DATA_URI.sub(leave_out, text) if "data:" in text else text


def read_text(data: bytes, path: str) -> Content:
    """Read plain text as it stands."""
    unread = Counter[str]()
    text = without_files(decode(data, path, unread), unread)
    return one_page(text, unread=counted(unread))


def read_markdown(data: bytes, path: str) -> Content:
    """Read Markdown as it stands; its front matter or its first great heading names it."""
    unread = Counter[str]()
    text = without_files(decode(data, path, unread), unread)
    titles = _markdown_titles(text[:_SAMPLE_CHARS].replace("\r\n", "\n"))
    return one_page(text, first_title(titles), counted(unread))


def _markdown_titles(text: str) -> Iterator[str]:
    """Yield the title in the front matter, then the headings of the first rank, then the others."""
    front = _FRONT_MATTER.match(text)
    named = _FRONT_TITLE.search(front.group()) if front else None
    if named:
        yield named["title"]
    headings = list(_HEADING.finditer(_FENCED.sub("", text[front.end() :] if front else text)))
    headings.sort(key=lambda heading: (heading["rank"] or heading["line"][0]) not in "#=")
    for heading in headings:
        yield _INLINE.sub(lambda mark: mark["link"] or "", heading["atx"] or heading["over"])


def read_csv(data: bytes, path: str) -> Content:
    """Read separated values, one line a row; a file without a separator is read as it stands."""
    unread = Counter[str]()
    text = without_files(decode(data, path, unread), unread)
    named = re.match(r"sep=(.)\r?\n", text)  # how Excel is told
    if named:
        text = text[named.end() :]
    lines = list(io.StringIO(text, newline=""))
    separator = named[1] if named else _separator(lines)
    rows = _rows(lines, separator) if separator else ([line] for line in lines)
    return one_page("\n".join(map(cells, rows)), unread=counted(unread))


def _separator(lines: list[str]) -> str:
    """Return the separator that cuts most rows into the same number of values, "" where none cuts half of them."""
    best, score = "", 0.0
    sample, size = [], 0
    for line in lines:
        sample.append(line)
        size += len(line)
        if size > _SAMPLE_CHARS or len(sample) >= 5 * _SAMPLE_ROWS:
            break
    for separator in SEPARATORS:
        widths = [len(row) for row in _rows(sample, separator, _SAMPLE_ROWS) if row]
        several = Counter(width for width in widths if width > 1)
        if several.total() * 2 < len(widths) or not several:
            continue
        consistent = several.most_common(1)[0][1] / len(widths)
        if consistent > score:
            best, score = separator, consistent
    return best


def _rows(lines: list[str], separator: str, limit: int | None = None) -> Iterator[list[str]]:
    """Yield rows; from a quote that is never closed on, quotes are characters as others are."""
    # Python's own limit is 128 KiB a value. It holds for the process, so it is set as high as any text may be.
    csv.field_size_limit(MAX_TEXT_CHARS)
    reader = csv.reader(iter(lines), delimiter=separator)
    begin = 0
    for row in reader:
        end = reader.line_num
        if end == len(lines) and end - begin > 1 and "".join(lines[begin:]).count('"') % 2:
            yield from csv.reader(lines[begin:], delimiter=separator, quoting=csv.QUOTE_NONE)
            return
        yield row
        begin = end
        if limit is not None and begin >= limit:
            return
