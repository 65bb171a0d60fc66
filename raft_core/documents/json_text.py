"""Readers of JSON, JSON lines and notebooks: names and values as lines."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from raft_core.documents.content import Content, counted, one_page
from raft_core.documents.text import decode, without_files
from raft_core.errors import UnreadableDocument

MAX_JSON_DEPTH = 100
"""Levels of lists and objects; written by people, JSON has under twenty."""

# What may stand between the values of a stream: RFC 7464 has record separators, others commas or marks.
_BETWEEN = re.compile(r"[\s,\x1e\ufeff]*")
_ENDED = re.compile(r"[ \t,]*(?:[\r\n\x1e]|\Z)")
_LINE = re.compile(r"[^\r\n]*")
_BASE64 = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?:[A-Za-z0-9+/]{60,}\s*){5,}={0,2}\s*")
"""A file kept as a value, as notebooks keep pictures: no word is that long."""


def read_json(data: bytes, path: str) -> Content:
    """Read JSON as `name: value` lines; what is no valid JSON is read as plain text."""
    unread = Counter[str]()
    text = without_files(decode(data, path, unread), unread)
    values = list(_values(text, path))
    if len(values) != 1 and not all(isinstance(value, list) for value in values):
        return one_page(text, unread=counted(unread))
    return _content(values, path, unread)


def read_json_lines(data: bytes, path: str) -> Content:
    """Read JSON lines as `read_json` does, each record a paragraph of its own."""
    unread = Counter[str]()
    text = without_files(decode(data, path, unread), unread)
    return _content(list(_values(text, path)), path, unread)


def _content(values: list[object], path: str, unread: Counter[str]) -> Content:
    records = ("\n".join(_value_lines(value, 0, path, unread)) for value in values)
    return one_page("\n\n".join(records), unread=counted(unread))


class _Text(str):
    """A line that is no JSON."""


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it was written: order and duplicate names kept."""


def _values(text: str, path: str) -> Iterator[object]:
    """Yield the values that follow each other in a text; a line where none begins is text."""
    # Numbers stay as they were written; int() would refuse those of thousands of digits.
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
            if not isinstance(value, list) and not _ENDED.match(text, end):
                raise ValueError("a word that begins as a value does")
            at = end
        except RecursionError as error:
            raise UnreadableDocument(
                path, f"its JSON is nested deeper than {MAX_JSON_DEPTH} levels"
            ) from error
        except ValueError:
            line = _LINE.match(text, at)
            value, at = (_Text(line[0]), line.end()) if line else (_Text(text[at:]), len(text))
        yield value
        at = _skip(text, at)


def _skip(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _value_lines(value: object, depth: int, path: str, unread: Counter[str]) -> Iterator[str]:
    if depth > MAX_JSON_DEPTH:
        raise UnreadableDocument(path, f"its JSON is nested deeper than {MAX_JSON_DEPTH} levels")
    indent = "  " * max(depth - 1, 0)
    if not isinstance(value, list):
        yield indent + _scalar(value, unread)
        return
    for item in value:
        label, inner = (f"{item[0]}:", item[1]) if isinstance(value, _Pairs) else ("-", item)
        if isinstance(inner, list):
            yield indent + label
            yield from _value_lines(inner, depth + 1, path, unread)
        else:
            yield f"{indent}{label} {_scalar(inner, unread)}"


def _scalar(value: object, unread: Counter[str]) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if len(value) > 300 and _BASE64.fullmatch(value):
        unread["embedded file"] += 1
        return ""
    return value
