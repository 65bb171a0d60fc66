"""Reads files in HotpotQA's official format, and prediction files; every fault is named exactly.

A gold file is a list of records, or has one record a line (paragraphs may be fewer than ten, sentences
may be empty):

    {"_id": "5a76…", "question": "…?", "answer": "Oslo", "type": "bridge",
     "supporting_facts": [["Norway", 0]], "context": [["Norway", ["Oslo is its capital. ", "…"]], …]}

A prediction file is one object:

    {"answer": {"5a76…": "Oslo"}, "sp": {"5a76…": [["Norway", 0]]}}

Source: github.com/hotpotqa/hotpot. Titles hold HTML entities, which are resolved for reading; the
metric compares titles as they stand, as the official script does.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raft_core.errors import BadRecord, EvaluationError
from raft_core.evaluation.hotpotqa import Fact, Gold, Predictions
from raft_core.records import Question


def read_questions(path: Path) -> list[Question]:
    """Return the records of a file as questions with their paragraphs.

    Raises:
        BadRecord: a record lacks a field or has one of a wrong type; names both.
        EvaluationError: the file is not readable, or not a list of records.
    """
    return [_Record(path, position, value).question() for position, value in _records(path)]


def read_gold(path: Path) -> list[Gold]:
    """Return what scoring needs of each record: id, answer and, where there are, supporting facts.

    Raises:
        BadRecord: a record lacks a field or has one of a wrong type; names both.
        EvaluationError: the file is not readable, or not a list of records.
    """
    return [_Record(path, position, value).gold() for position, value in _records(path)]


def read_predictions(path: Path) -> Predictions:
    """Return the answers and supporting facts of a prediction file.

    Raises:
        BadRecord: an answer is no string, or a supporting fact no [title, index] pair.
        EvaluationError: the file is not readable, or not an object with "answer".
    """
    value = _load(path)
    answers = value.get("answer") if isinstance(value, dict) else None
    if not isinstance(answers, dict):
        raise EvaluationError(
            f'{path} is no prediction file: it has no object "answer"',
            remedy='write {"answer": {"<id>": "<short answer>"}}',
        )
    for identity, answer in answers.items():
        if not isinstance(answer, str):
            raise BadRecord(str(path), identity, "answer", f"is {_kind(answer)}, not a string")
    if "sp" not in value:
        return Predictions(answers)
    if not isinstance(value["sp"], dict):
        raise EvaluationError(f'{path} is no prediction file: "sp" is {_kind(value["sp"])}, not an object')
    facts = {identity: _facts(path, identity, "sp", given) for identity, given in value["sp"].items()}
    return Predictions(answers, facts)


def to_record(question: Question) -> dict[str, object]:
    """Return a question in the official format, without supporting facts where they are not known."""
    record: dict[str, object] = {
        "_id": question.id,
        "question": question.question,
        "answer": question.answer,
        "type": question.type,
        "context": [[title, list(sentences)] for title, sentences in question.context],
    }
    if question.supporting_facts:
        record["supporting_facts"] = [list(fact) for fact in question.supporting_facts]
    return record


def paragraphs(question: Question) -> tuple[str, ...]:
    """Return the texts of a question's paragraphs, as they are shown to a model: without titles."""
    return tuple("".join(sentences).strip() for _, sentences in question.context)


class _Record:
    """One record of a gold file, and how its faults are told."""

    def __init__(self, path: Path, position: int, value: Any) -> None:
        self.path = path
        self.value = value
        self.name = f"number {position}"
        if not isinstance(value, dict):
            raise BadRecord(str(path), self.name, "_id", f"the record is {_kind(value)}, not an object")
        self.id = self.text("_id")
        self.name = f"{self.id!r} (number {position})"

    def question(self) -> Question:
        context = tuple(self._paragraph(number, item) for number, item in enumerate(self.items("context"), 1))
        if not context:
            raise self.bad("context", "has no paragraphs")
        kind = self.text("type") if "type" in self.value else ""
        return Question(self.id, self.text("question"), self.text("answer"), context, kind, self._facts())

    def _facts(self) -> tuple[Fact, ...]:
        """Return the supporting facts under the titles that are shown."""
        facts = _facts(self.path, self.name, "supporting_facts", self.value.get("supporting_facts", []))
        return tuple((html.unescape(title), index) for title, index in facts)

    def gold(self) -> Gold:
        facts = None
        if "supporting_facts" in self.value:
            facts = _facts(self.path, self.name, "supporting_facts", self.value["supporting_facts"])
        return Gold(self.id, self.text("answer"), facts)

    def text(self, field: str) -> str:
        value = self._get(field)
        if not isinstance(value, str):
            raise self.bad(field, f"is {_kind(value)}, not a string")
        return self._encodable(field, value)

    def items(self, field: str) -> list[Any]:
        value = self._get(field)
        if not isinstance(value, list):
            raise self.bad(field, f"is {_kind(value)}, not a list")
        return value

    def bad(self, field: str, reason: str) -> BadRecord:
        return BadRecord(str(self.path), self.name, field, reason)

    def _get(self, field: str) -> Any:
        if field not in self.value:
            hub = field == "_id" and "id" in self.value
            raise self.bad(field, "is missing" + (": this is the hub's layout, not the official" * hub))
        return self.value[field]

    def _paragraph(self, number: int, item: Any) -> tuple[str, tuple[str, ...]]:
        match item:
            case [str(title), [*sentences]] if all(isinstance(sentence, str) for sentence in sentences):
                self._encodable("context", title + "".join(sentences))
                return html.unescape(title), tuple(sentences)
        raise self.bad("context", f"paragraph {number} is not [title, [sentence, …]]")

    def _encodable(self, field: str, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.bad(field, "holds half a surrogate pair, which is no text") from None
        return text


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    value = _load(path)
    if isinstance(value, dict) and "_id" in value:
        value = [value]  # a file of one line
    if not isinstance(value, list) or not value:
        what = "an empty list" if value == [] else _kind(value)
        raise EvaluationError(f"{path} is no HotpotQA file: it holds {what}, not a list of records")
    seen: dict[str, int] = {}
    for position, record in enumerate(value, 1):
        identity = record.get("_id") if isinstance(record, dict) else None
        if isinstance(identity, str) and seen.setdefault(identity, position) != position:
            raise BadRecord(
                str(path),
                f"number {position}",
                "_id",
                f"{identity!r} is also that of number {seen[identity]}",
            )
        yield position, record


def _facts(path: Path, record: str, field: str, value: Any) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    for item in value if isinstance(value, list) else [value]:
        match item:
            case [str(title), int(index)] if not isinstance(index, bool):
                facts.append((title, index))
            case _:
                raise BadRecord(str(path), record, field, "is not a list of [title, sentence index] pairs")
    return tuple(facts)


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror}", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is no JSON in UTF-8: {error}") from error
    if not text.strip():
        raise EvaluationError(f"{path} is empty")
    try:
        return _parse(path, text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return _lines(path, text)
        raise _no_json(path, error, error.lineno) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a list in a list in …
        raise EvaluationError(f"{path} is no JSON that can be read: {str(error)[:100]}") from error


def _lines(path: Path, text: str) -> list[Any]:
    """Return the values of a file with one JSON value a line; blank lines are none."""
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            values += [_parse(path, line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise _no_json(path, error, number) from error
    return values


def _parse(path: Path, text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise EvaluationError(f"{path} has {twice!r} twice in one object: which one counts?")
        return value

    return json.loads(text, object_pairs_hook=once)


def _no_json(path: Path, error: json.JSONDecodeError, line: int) -> EvaluationError:
    return EvaluationError(
        f"{path} is no JSON: {error.msg} in line {line}, column {error.colno}",
        remedy="the file may be cut off: fetch it again",
    )


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"
