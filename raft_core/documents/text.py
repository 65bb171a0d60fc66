"""Readers of files that are text: any encoding, plain or Markdown, CSV, JSON and JSON lines."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator

from raft_core.documents.content import Content, cells, first_title, one_page
from raft_core.errors import UnreadableDocument

MAX_JSON_DEPTH = 100
"""Levels of lists and objects; written by people, JSON has under twenty."""
MAX_CONTROL_SHARE = 0.02
"""A text with a larger share of control characters is binary data."""

# The UTF-32 mark begins with the UTF-16 one, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings still met in files. Guessing among every one known to Python takes Western text for Icelandic.
_LEGACY = ("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "gb18030", "big5", "cp932", "euc_jp", "cp949")  # fmt: skip
# A symbol of cp1252's upper half inside a word: the sign that a text is not cp1252 but Central European.
_SYMBOL_IN_WORD = re.compile(
    "[^\\W\\d_][\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7][^\\W\\d_]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SAMPLE_BYTES = 200_000

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:.{0,500}\n){0,100}?---[ \t]*\n")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)[ \t]*$", re.MULTILINE)
_FENCED = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(
    r"^(?P<rank>#{1,6})[ \t]+(?P<atx>[^\n]{1,300}?)[ \t#]*$|^(?P<over>[^\W\d_][^\n]{0,300})\n(?P<line>=+|-{3,})[ \t]*$",
    re.MULTILINE,
)
_INLINE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)|\[(?P<link>[^\]\n]*)\]\([^)\n]*\)|[*`]+|<[^>\n]*>")
"""Pictures, links, emphasis and tags in a heading; of a link its words stay."""


def decode(data: bytes, path: str, declared: str | None = None) -> str:
    """Return a file's text: by its byte order mark, as UTF-8, as it declares, or as its bytes suggest.

    Raises:
        UnreadableDocument: the bytes are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    for guess in ("utf-8", _wide(data), declared):
        try:
            if guess:
                return _checked(data.decode(guess), path)
        except (UnicodeDecodeError, LookupError):
            continue  # the next guess
    return _checked(data.decode(_guess(data), "replace"), path)


def _wide(data: bytes) -> str | None:
    """Return UTF-16 where a text without a mark has a NUL in every other byte."""
    sample = data[:4096]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if zeros.count(0) > len(zeros) // 2:
            return encoding
    return None


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE_BYTES]
    best = from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    if best is not None and best.encoding not in ("cp1250", "cp1252"):
        return best.encoding
    return "cp1250" if _SYMBOL_IN_WORD.search(sample.decode("cp1252", "replace")) else "cp1252"


def _checked(text: str, path: str) -> str:
    if len(_CONTROL.findall(text, 0, _SAMPLE_BYTES)) > MAX_CONTROL_SHARE * min(len(text), _SAMPLE_BYTES):
        raise UnreadableDocument(path, "it is binary data of no known kind")
    return text


def read_text(data: bytes, path: str) -> Content:
    """Read plain text as it stands."""
    return one_page(decode(data, path))


def read_markdown(data: bytes, path: str) -> Content:
    """Read Markdown as it stands; its front matter or its first great heading names it."""
    text = decode(data, path)
    return one_page(text, first_title(_markdown_titles(text[:_SAMPLE_BYTES].replace("\r\n", "\n"))))


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
    """Read separated values, one line a row; the separator is the commonest one of the first line."""
    text = decode(data, path)
    first = text.partition("\n")[0]
    separator = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return one_page("\n".join(cells(row) for row in rows))
    except csv.Error as error:
        raise UnreadableDocument(path, f"row {rows.line_num} is broken ({error})") from error


def read_json(data: bytes, path: str) -> Content:
    """Read JSON as `name: value` lines; what is no valid JSON is read as plain text."""
    text = decode(data, path)
    return one_page("\n".join(_json_lines(text, path)))


def read_json_lines(data: bytes, path: str) -> Content:
    """Read JSON lines as `read_json` does, each record a paragraph of its own."""
    records = decode(data, path).splitlines()
    return one_page("\n\n".join("\n".join(_json_lines(record, path)) for record in records))


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it was written: order and duplicate names kept."""


def _json_lines(text: str, path: str) -> Iterator[str]:
    try:
        # Numbers stay as they were written; int() would refuse those of thousands of digits.
        value = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError as error:
        raise UnreadableDocument(path, f"its JSON is nested deeper than {MAX_JSON_DEPTH} levels") from error
    except ValueError:
        yield text
        return
    yield from _value_lines(value, 0, path)


def _value_lines(value: object, depth: int, path: str) -> Iterator[str]:
    if depth > MAX_JSON_DEPTH:
        raise UnreadableDocument(path, f"its JSON is nested deeper than {MAX_JSON_DEPTH} levels")
    indent = "  " * max(depth - 1, 0)
    if not isinstance(value, list):
        yield indent + _scalar(value)
        return
    for item in value:
        label, inner = (f"{item[0]}:", item[1]) if isinstance(value, _Pairs) else ("-", item)
        if isinstance(inner, list):
            yield indent + label
            yield from _value_lines(inner, depth + 1, path)
        else:
            yield f"{indent}{label} {_scalar(inner)}"


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
