"""Questions about tables, records and numbered lists, in words that fit the column.

    Mill       | Built | Owner            When was Belmo Mill built?              1873
    Belmo Mill | 1873  | Arlo Venn        Who is the owner of Belmo Mill?         Arlo Venn

    name: Gmail API - Users.stop          What is the api version of …?           1.0
    api_version: 1.0

Rows that do not name themselves, and tables whose header is in another chunk, are left alone. All questions
about one column have one pattern, however they are worded, so that a data set can limit them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raft_core.dataset.generators.english import is_noun, words
from raft_core.dataset.generators.phrases import is_date
from raft_core.dataset.generators.questions import Candidate
from raft_core.files import content_hash

SCORE = 2.3
LONGEST_NAME, LONGEST_ANSWER, LONGEST_QUOTE = 10, 14, 50
"""Words."""

_FIELD = re.compile(r"(?P<indent> *)(?:[-+*] )?(?P<key>[A-Za-z][\w-]*(?: [\w-]+){0,3}): +(?P<value>\S.*)")
_DEFINED = re.compile(r"(?:[-+*] )?(?P<key>[A-Z]{2,8}): +(?P<value>[A-Z].*)")
_STEP = re.compile(r"\s*(?P<number>\d{1,2})[.)] +(?P<text>[A-Z].*)")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_CODE = re.compile(r"https?:|www\.|[{}=<>`\\|]|\w\(|\]\(|\w+@\w+\.\w{2,}\w*/")
_MONEY = re.compile(r"[£$€] ?\d[\d,.]*(?: ?(?:a|per) \w+)?|\d[\d,.]* ?(?:euros?|pounds?|dollars?|EUR|USD|GBP)")
_NUMBER = re.compile(r"\d[\d,.]*")

_NAMES = words("name title item event product course boat source purpose term subject topic team crew class film book service")
_NO_NAMES = words("user author file first last host")
_NO_KEYS = words("link url id nid uuid enabled number no nr remark remarks note notes comment comments hash image path code call")
"""Columns of book-keeping: nobody asks for them by name."""
_WHO = words(
    "author owner editor director founder writer composer manager keeper president chancellor provost mayor leader chair "
    "chairman chairwoman head coach teacher designer inventor translator organiser organizer instructor contact captain cox "
    "tutor speaker host trainer winner treasurer secretary member"
)
_WHERE = words("place room location venue where")
_WHEN = words("date day when time")
_COSTS = words("price cost fee rate amount value")
_PARTICIPLE = re.compile(r"(?:\w+ed|built|held|made|bought|sold|begun|won|sent|born)(?: or (?:\w+ed|made|built))?")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a table or a record says of one thing: `quote` stands in the text."""

    name: str
    key: str
    value: str
    quote: str


def ask_tables(text: str, title: str, *, whole_start: bool) -> Iterator[tuple[str, Candidate]]:
    """Yield quotes and questions about the tables, records and steps of a text.

    `whole_start` tells that nothing stands before the text: a table that is cut off there has no header.
    `title` is named where it holds a year or number that tells this table from another.
    """
    lines = text.splitlines()
    yield from _abbreviations(lines)
    yield from _steps(lines, title)
    for entry in (*_records(lines), *_tables(lines, whole_start=whole_start)):
        question = _question(entry)
        if question and entry.value.lower() not in question.lower():
            question = _in_document(question, title)
            yield entry.quote, Candidate(question, entry.value, SCORE, f"column {_words_of(entry.key)}")


def _in_document(question: str, title: str) -> str:
    """Return a question that names its document: the prices of 2025 are not those of 2026."""
    number = re.search(r"\d+", title)
    if not number or number.group() in question or "_" in title or len(title) > 80:
        return question
    return f'According to "{title}", {question[:1].lower()}{question[1:]}'


def _words_of(key: str) -> str:
    """Return a column's name as words: "api version" of "api_version"."""
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[_-]", " ", key))
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in spread.split())


def _question(entry: _Entry) -> str:
    """Return the question for an entry, "" where it would read badly."""
    key, name, value = _words_of(entry.key), entry.name, entry.value
    last = re.sub(r"\W", "", key.split()[-1]) if key.split() else ""
    fit = len(value.split()) <= LONGEST_ANSWER and 1 <= len(name.split()) <= LONGEST_NAME
    if not fit or not re.search(r"[^\W\d_]{2}", name) or _CODE.search(value + name) or not key.isascii():
        return ""
    choice = int(content_hash(name, key), 16) % 3
    if _PARTICIPLE.fullmatch(key):
        return f"When was {name} {key}?" if is_date(value) else ""
    if last in _NO_KEYS or key in _NO_NAMES or not (is_noun(last) or last in _WHERE | _WHEN):
        return ""
    if _MONEY.fullmatch(value) and last in _COSTS and len(key.split()) == 1:
        return (f"How much is {name}?", f"What is the {key} of {name}?", f"What does {name} cost?")[choice]
    if last in _WHO and re.match(r"[A-Z]", value):
        return (f"Who is the {key} of {name}?", f"Who is {_genitive(name)} {key}?", f"Who is the {key} for {name}?")[choice]
    if key in _WHERE:
        return (f"Where is {name}?", f"In which place is {name}?", f"Where can {name} be found?")[choice % 2]
    if key in _WHEN and re.search(r"\d|day", value):
        return f"When is {name}?"
    if _NUMBER.fullmatch(value) and last.endswith("s") and not last.endswith(("ss", "us")):
        return f"How many {key} does {name} have?"
    return _plain_question(key, name, plural=last.endswith("s") and not last.endswith(("ss", "us", "is")), choice=choice)


def _plain_question(key: str, name: str, *, plural: bool, choice: int) -> str:
    be = "are" if plural else "is"
    return (
        f"What {be} the {key} of {name}?",
        f"What {be} {_genitive(name)} {key}?" if len(name.split()) < 4 else f"What {be} the {key} for {name}?",
        f"Which {key} {'do' if plural else 'does'} {name} have?" if not plural else f"What {be} the {key} of {name}?",
    )[choice]


def _genitive(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _abbreviations(lines: Sequence[str]) -> Iterator[tuple[str, Candidate]]:
    """Yield what an abbreviation stands for, where its letters begin the words behind it."""
    for line in lines:
        found = _DEFINED.fullmatch(line.strip())
        if not found or not 2 <= len(found["value"].split()) <= LONGEST_ANSWER or _CODE.search(line):
            continue
        capitals = "".join(word[0] for word in re.findall(r"[^\W\d_]+", found["value"]) if word[0].isupper())
        if capitals == found["key"]:
            answer = " ".join(found["value"].split()).rstrip(".")
            yield " ".join(line.split()), Candidate(f"What does {found['key']} stand for?", answer, SCORE, "stands for")


def _steps(lines: Sequence[str], title: str) -> Iterator[tuple[str, Candidate]]:
    """Yield what a step of a numbered list says, where the list is the only one of its text."""
    found = [match for line in lines if (match := _STEP.fullmatch(line))]
    numbers = [int(match["number"]) for match in found]
    if len(numbers) < 3 or len(set(numbers)) < len(numbers) or "_" in title or not re.search(r"[a-z]{3}", title):
        return
    for match in found:
        text = " ".join(match["text"].split())
        answer = re.split(r"(?<=[.!?]) ", text)[0].rstrip(".")
        if 3 <= len(answer.split()) <= LONGEST_ANSWER and not _CODE.search(text) and not text.endswith((",", ":", "-")):
            asking = f'What is step {match["number"]} of "{title}"?'
            yield text, Candidate(asking, answer, SCORE, "step")


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
    named = next((key for key in record if _is_name(key)), None)
    if named is None:
        return
    at, name = record[named]
    for key, (number, value) in record.items():
        between = " ".join(" ".join(lines[min(at, number) : max(at, number) + 1]).split())
        quote = between if len(between.split()) <= LONGEST_QUOTE else " ".join(lines[number].split())
        if key != named:
            yield _Entry(name, key, value, quote)


def _is_name(key: str) -> bool:
    found = _words_of(key).split()
    return found[-1] in _NAMES and not set(found) & _NO_NAMES


def _tables(lines: Sequence[str], *, whole_start: bool) -> Iterator[_Entry]:
    """Yield the cells of tables whose header is there."""
    table: list[tuple[str, list[str]]] = []
    in_table = not whole_start
    for line in (*lines, ""):
        if _RULE.fullmatch(line.strip()):
            continue
        if " | " in line:
            row = [" ".join(cell.split()) for cell in line.strip().strip("|").split("|")]
            if not in_table or table:
                table.append((" ".join(line.split()), row))
            in_table = True
            continue
        yield from _cells(table)
        table, in_table = [], False


def _cells(table: Sequence[tuple[str, list[str]]]) -> Iterator[_Entry]:
    """Yield the cells of a table: each by its column and by the name of its row."""
    if len(table) < 2:
        return
    header, rows = table[0][1], [(line, row) for line, row in table[1:] if len(row) <= len(table[0][1])]
    if not _is_header(header):
        return
    naming = _naming_column(header, [row for _, row in rows])
    named = Counter(row[naming] for _, row in rows if naming < len(row))
    for line, row in rows:
        if naming >= len(row) or named[row[naming]] > 1 or row[naming].lower().startswith("total"):
            continue
        for at, (key, value) in enumerate(zip(header, row, strict=False)):  # empty cells at the end are left out
            if at != naming and key and value:
                yield _Entry(row[naming], key, value, line)


def _is_header(row: list[str]) -> bool:
    """Tell whether a row can be a header: short words, all different, in letters."""
    filled = [cell for cell in row if cell]
    return len(set(filled)) == len(filled) and all(len(cell.split()) <= 5 and re.search(r"[^\W\d_]", cell) for cell in filled)


def _naming_column(header: list[str], rows: Sequence[list[str]]) -> int:
    """Return the column that names a row: one called so, else the first whose cells are words."""
    for at, key in enumerate(header):
        if key and _is_name(key):
            return at
    for at in range(len(header)):
        values = [row[at] for row in rows if at < len(row)]
        if values and all(re.match(r"[^\W\d_]", value) and not is_date(value) for value in values if value):
            return at
    return 0


__all__ = ["ask_tables"]
