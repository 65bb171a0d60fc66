"""Questions about fields and tables: `name: value` lines, and rows whose cells stand between bars.

    api_name: Mail API - Users.stop       What is the api version of Mail API - Users.stop?    1.0
    api_version: 1.0

    userId: The user's email address.     What is "userId"?                                    The user's email address.

    Mill       | Built | Owner            When was Belmo Mill built?                           1873
    Belmo Mill | 1873  | Arlo Venn        Who is the owner of Belmo Mill?                      Arlo Venn

A record that does not name itself and a table whose header is in another chunk are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raft_core.dataset.generators.questions import Candidate
from raft_core.dataset.generators.sentences import words

SCORE = 2.5
"""As good as a natural question about a name."""
_MORE = 0.4
"""Several words tell more than a version or a flag."""
_DEFINITION_SCORE = 0.5
"""Below that: the same field may mean something else elsewhere."""
LONGEST_NAME, LONGEST_ANSWER, LONGEST_QUOTE = 10, 16, 50
"""Words."""

_FIELD = re.compile(r"(?P<indent> *)(?:[-+*] )?(?P<key>[A-Za-z][\w-]*(?: [\w-]+){0,3}): +(?P<value>\S.*)")
_DEFINED = re.compile(r"(?:[-+*] )?(?P<key>[a-z]+[A-Z]\w*|[A-Z]{2,8}): +(?P<value>[A-Z].*)")
_NAMES = re.compile(r"(?!user|author|file|first|last)(?:[\w-]+[ _-])*(?:name|title|term|product|item)", re.I)
_NO_KEYS = re.compile(
    r"(?:user|author|file)[ _-]?name|(?:[\w-]+[ _-])*(?:link|url|id|nid|uuid)s?|enabled|type", re.I
)
"""Keys of book-keeping: nobody asks for them by name."""
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_CODE = re.compile(r"https?:|www\.|[{}=<>`\\|]|\w\(|\]\(")
_WHO = words(
    "author owner editor director founder writer composer manager keeper president chancellor provost mayor leader "
    "chair chairman chairwoman head coach teacher designer inventor translator"
)
_DATED = re.compile(r"\b(?:1\d{3}|20\d\d)\b")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a table or a record says of one thing: `quote` stands in the text."""

    name: str
    key: str
    value: str
    quote: str


def ask_fields(text: str, *, whole_start: bool) -> Iterator[tuple[str, Candidate]]:
    """Yield quotes and questions about the fields and tables of a text.

    `whole_start` tells that nothing stands before the text: a table that is cut off there has no header.
    """
    lines = text.splitlines()
    yield from _definitions(lines)
    for entry in (*_records(lines), *_tables(lines, whole_start=whole_start)):
        question = _question(entry)
        if question and entry.value.lower() not in question.lower():
            yield entry.quote, Candidate(question, entry.value, SCORE + _MORE * (" " in entry.value))


def _definitions(lines: Sequence[str]) -> Iterator[tuple[str, Candidate]]:
    """Yield what an identifier or an abbreviation means, where a line says so."""
    for line in lines:
        found = _DEFINED.fullmatch(line.strip())
        if found and 3 <= len(found["value"].split()) <= LONGEST_ANSWER and not _CODE.search(line):
            answer = " ".join(found["value"].split())
            yield " ".join(line.split()), Candidate(f'What is "{found["key"]}"?', answer, _DEFINITION_SCORE)


def _question(entry: _Entry) -> str:
    """Return the question for an entry, or "" where it would read badly."""
    key = " ".join(re.sub(r"[_-]", " ", entry.key).split())
    key = key if key.isupper() else key[:1].lower() + key[1:]
    fit = len(entry.value.split()) <= LONGEST_ANSWER and len(entry.name.split()) <= LONGEST_NAME
    if not fit or not re.search(r"[^\W\d_]{2}", entry.name) or _CODE.search(entry.value + entry.name):
        return ""
    if re.fullmatch(r"\w*(?:ed|built|held|made)", key):
        return f"When was {entry.name} {key}?" if _DATED.search(entry.value) else ""
    last = key.split()[-1]
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is"))
    asking = "Who is" if last in _WHO else "What are" if plural else "What is"
    return f"{asking} the {key} of {entry.name}?"


def _records(lines: Sequence[str]) -> Iterator[_Entry]:
    """Yield the fields of records that name themselves; a record ends where its fields do, or begin again."""
    record: dict[str, tuple[int, str]] = {}
    outer = ""
    for number, line in enumerate((*lines, "")):
        field = _FIELD.fullmatch(line.rstrip())
        if record and line.startswith(f"{outer} "):
            continue  # a part of the field above
        if field is None or field["key"] in record:
            yield from _entries(record, lines)
            record = {}
        if field:
            outer = field["indent"] if not record else outer
            record[field["key"]] = (number, field["value"])


def _entries(record: dict[str, tuple[int, str]], lines: Sequence[str]) -> Iterator[_Entry]:
    named = next((key for key in record if _NAMES.fullmatch(key)), None)
    if named is None:
        return
    at, name = record[named]
    for key, (number, value) in record.items():
        between = " ".join(" ".join(lines[min(at, number) : max(at, number) + 1]).split())
        quote = between if len(between.split()) <= LONGEST_QUOTE else " ".join(lines[number].split())
        if key != named and not _NO_KEYS.fullmatch(key):
            yield _Entry(name, key, value, quote)


def _tables(lines: Sequence[str], *, whole_start: bool) -> Iterator[_Entry]:
    """Yield the cells of tables whose header is there; the first cell of a row names it."""
    header: list[str] = []
    in_table = not whole_start
    for line in lines:
        if _RULE.fullmatch(line.strip()):
            continue
        if " | " not in line:
            header, in_table = [], False
            continue
        row = [" ".join(cell.split()) for cell in line.strip().strip("|").split("|")]
        if not in_table:
            header, in_table = _header(row), True
        elif len(row) <= len(header):
            for key, value in zip(header[1:], row[1:], strict=False):  # empty cells at the end are left out
                if key and value:
                    yield _Entry(row[0], key, value, " ".join(line.split()))


def _header(row: list[str]) -> list[str]:
    """Return a row that can be a header: short words, all different, no numbers."""
    good = all(len(cell.split()) <= 4 and not re.search(r"\d", cell) for cell in row)
    return row if good and len(set(row)) == len(row) else []
