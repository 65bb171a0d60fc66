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

from raft_core.dataset.generators.rules.building import Candidate
from raft_core.dataset.generators.rules.english import is_noun, is_verb, words
from raft_core.dataset.generators.rules.phrases import is_date
from raft_core.files import content_hash

SCORE = 2.3
LONGEST_NAME, LONGEST_ANSWER, LONGEST_QUOTE = 10, 14, 50
"""Words."""

_FIELD = re.compile(r"(?P<indent> *)(?:[-+*] )?(?P<key>[A-Za-z][\w-]*(?: [\w-]+){0,3}): +(?P<value>\S.*)")
_DEFINED = re.compile(r"(?:[-+*] )?(?P<key>[A-Z]{2,8}): +(?P<value>[A-Z].*)")
_STEP = re.compile(r"\s*(?P<number>\d{1,2})[.)] +(?P<text>[A-Z].*)")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_CODE = re.compile(r"https?:|www\.|[{}=<>`\\|]|\w\(|\]\(|\w+@\w+\.\w{2,}\w*/")
_MONEY = re.compile(
    r"[£$€] ?\d[\d,.]*(?: ?(?:a|per) \w+)?|\d[\d,.]* ?(?:euros?|pounds?|dollars?|EUR|USD|GBP)"
)
_NUMBER = re.compile(r"\d[\d,.]*")

_NAMES = words(
    "name title item event product course boat source purpose term subject topic team crew class film book service"
)
_RECORD_NAMES = words("name title event product course")
_NO_NAMES = words("user author file first last host")
_NO_KEYS = words(
    "link url id nid uuid enabled number no nr remark remarks note notes comment comments hash image path code call"
)
"""Columns of book-keeping: nobody asks for them by name."""
_WHO = words(
    "author owner editor director founder writer composer manager keeper president chancellor provost mayor leader chair "
    "chairman chairwoman head coach teacher designer inventor translator organiser organizer instructor contact captain cox "
    "tutor speaker host trainer winner treasurer secretary member"
)
_WHERE = words("place room location venue where")
_WHEN = words("date day when time")
_COSTS = words("price cost fee rate")
_IN_YEAR = re.compile(r"(?P<what>[a-z]+) in (?P<year>(?:1\d|20)\d\d)")
_JOINTS = words("in of from by to for per at on with if not or and")
_PARTICIPLE = re.compile(
    r"(?:\w+ed|built|held|made|bought|sold|begun|won|sent|born)(?: or (?:\w+ed|made|built))?"
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a table or a record says of one thing: `quote` stands in the text, `naming` is the column of the name."""

    name: str
    key: str
    value: str
    quote: str
    naming: str = ""


def ask_tables(text: str, title: str, *, whole_start: bool) -> Iterator[tuple[str, Candidate]]:
    """Yield quotes and questions about the tables, records and steps of a text.

    `whole_start` tells that nothing stands before the text: a table that is cut off there has no header.
    `title` is named where it holds a year or number that tells this table from another.
    """
    lines = text.splitlines()
    yield from _abbreviations(lines)
    yield from _steps(lines, title)
    for entry in (*_records(lines), *_tables(lines, whole_start=whole_start)):
        if entry.name == title:
            continue
        question, answer = _question(entry)
        if question and answer.lower() not in question.lower():
            question = _in_document(question, title)
            yield entry.quote, Candidate(question, answer, SCORE, f"column {_words_of(entry.key)}")


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


def _question(entry: _Entry) -> tuple[str, str]:
    """Return the question for an entry and its answer; two empty texts where it would read badly."""
    key, value = _words_of(entry.key), entry.value
    last = re.sub(r"\W", "", key.split()[-1]) if key.split() else ""
    fit = len(value.split()) <= LONGEST_ANSWER and 1 <= len(entry.name.split()) <= LONGEST_NAME
    if (
        not fit
        or not re.search(r"[^\W\d_]{2}", entry.name)
        or _CODE.search(value + entry.name)
        or not key.isascii()
    ):
        return "", ""
    naming = _words_of(entry.naming)
    if naming and naming.split()[-1] in _WHO:  # a rota: whose turn is it when?
        return (
            (f"Who is the {naming} on {value}?", entry.name) if key in _WHEN and is_date(value) else ("", "")
        )
    name, plural = _as_said(entry)
    return _of_column(name, key, last, value, "are" if plural else "is"), value


def _as_said(entry: _Entry) -> tuple[str, bool]:
    """Return a row's name as it stands in a sentence, and whether it is plural: "Brass bell" is "the brass bell"."""
    name = re.sub(r"\s*\([^()]*\)$", "", entry.name)
    found = name.split()
    if not found or _words_of(entry.naming).split()[-1:] == ["name"]:
        return name, False
    plural = found[-1].endswith("s") and not found[-1].endswith(("ss", "us", "is")) and is_noun(found[-1])
    common = (len(found) > 1 and all(word.islower() for word in found[1:])) or (
        entry.naming != "" and len(found) == 1
    )
    if (
        common
        and is_noun(found[-1])
        and not found[0].isupper()
        and found[0].lower() not in {"the", "a", "an"}
    ):
        return f"the {name[:1].lower()}{name[1:]}", plural
    return name, False


def _of_column(name: str, key: str, last: str, value: str, be: str) -> str:
    """Return the question for a column; "" for one that nobody asks for by its name."""
    done = re.sub(r"^(?:year|date) ", "", key)
    if _PARTICIPLE.fullmatch(done):
        return f"When {'were' if be == 'are' else 'was'} {name} {done}?" if is_date(value) else ""
    if (found := _IN_YEAR.fullmatch(key)) and is_noun(found["what"]):
        return f"What was the {found['what']} {'of' if found['what'] in _COSTS else 'for'} {name} in {found['year']}?"
    known = is_noun(last) or last in _WHERE | _WHEN
    if not known or last in _NO_KEYS or set(key.split()) & (_JOINTS | _NO_NAMES):
        return ""
    return _by_value(name, key, last, value, be)


def _by_value(name: str, key: str, last: str, value: str, be: str) -> str:
    """Return the question that fits what a cell holds: money, a person, a place, a date, a number, anything else."""
    first = int(content_hash(name, key), 16) % 2 == 0
    do = "do" if be == "are" else "does"
    many = last.endswith("s") and not last.endswith(("ss", "us", "is"))
    number = _NUMBER.fullmatch(value)
    question = f"What {'are' if many else 'is'} the {key} of {name}?"
    if _MONEY.fullmatch(value) and key in _COSTS:
        question = f"How much {be} {name}?" if first else f"What {do} {name} cost?"
    elif last in _WHO and value[:1].isupper():
        question = f"Who is the {key} {'of' if first else 'for'} {name}?"
    elif key in _WHERE:
        question = f"Where {be} {name}?" if re.search(r"[^\W\d_]{2}", value) else ""
    elif key in _WHEN:
        question = f"When {be} {name}?" if re.search(r"\d|day", value) else ""
    elif number and many:
        question = f"How many {key} {do} {name} have?"
    elif not first and not many and not number:
        question = f"Which {key} {do} {name} have?"
    return question


def _abbreviations(lines: Sequence[str]) -> Iterator[tuple[str, Candidate]]:
    """Yield what an abbreviation stands for, where its letters begin the words behind it."""
    for line in lines:
        found = _DEFINED.fullmatch(line.strip())
        if not found or not 2 <= len(found["value"].split()) <= LONGEST_ANSWER or _CODE.search(line):
            continue
        capitals = "".join(word[0] for word in re.findall(r"[^\W\d_]+", found["value"]) if word[0].isupper())
        if capitals == found["key"]:
            answer = " ".join(found["value"].split()).rstrip(".")
            yield (
                " ".join(line.split()),
                Candidate(f"What does {found['key']} stand for?", answer, SCORE, "stands for"),
            )


def _steps(lines: Sequence[str], title: str) -> Iterator[tuple[str, Candidate]]:
    """Yield what a step of a numbered list says, where the list is the only one of its text."""
    found = [match for line in lines if (match := _STEP.fullmatch(line))]
    numbers = [int(match["number"]) for match in found]
    if (
        len(numbers) < 3
        or len(set(numbers)) < len(numbers)
        or "_" in title
        or not re.search(r"[a-z]{3}", title)
    ):
        return
    for match in found:
        text = " ".join(match["text"].split())
        whole = re.match(r"(?P<first>[^.!?]+)[.!]", text)
        answer = whole["first"] if whole else ""
        if (
            3 <= len(answer.split()) <= LONGEST_ANSWER
            and is_verb(answer.split()[0])
            and not _CODE.search(text)
        ):
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
    named = next((key for key in record if _is_name(key, _RECORD_NAMES)), None)
    if named is None or (named == "title" and record[named][0] == 0):
        return  # the title of a whole file names no record
    at, name = record[named]
    for key, (number, value) in record.items():
        between = " ".join(" ".join(lines[min(at, number) : max(at, number) + 1]).split())
        quote = between if len(between.split()) <= LONGEST_QUOTE else " ".join(lines[number].split())
        if key != named:
            yield _Entry(name, key, value, quote)


def _is_name(key: str, names: frozenset[str] = _NAMES) -> bool:
    found = _words_of(key).split()
    return bool(found) and found[-1] in names and not set(found) & _NO_NAMES


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
    if not _is_header(header) or not _is_known(header):
        return
    naming = _naming_column(header, [row for _, row in rows])
    named = Counter(row[naming] for _, row in rows if naming < len(row))
    for line, row in rows:
        if naming >= len(row) or named[row[naming]] > 1 or row[naming].lower().startswith("total"):
            continue
        for at, (key, value) in enumerate(
            zip(header, row, strict=False)
        ):  # empty cells at the end are left out
            if at != naming and key and value:
                yield _Entry(row[naming], key, value, line, header[naming])


def _is_header(row: list[str]) -> bool:
    """Tell whether a row can be a header: short words, all different, in letters."""
    filled = [cell for cell in row if cell]
    return len(set(filled)) == len(filled) and all(
        len(cell.split()) <= 5 and re.search(r"[^\W\d_]", cell) for cell in filled
    )


def _is_known(header: list[str]) -> bool:
    """Tell whether a header is English: most of its columns end in a word that English has."""
    last = [_words_of(cell).split()[-1] for cell in header if _words_of(cell)]
    return sum(
        is_noun(word) or word.isdigit() or bool(_PARTICIPLE.fullmatch(word)) or word in _WHERE | _WHEN
        for word in last
    ) >= 0.6 * len(last)


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
