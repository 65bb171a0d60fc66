"""Reads data sets made elsewhere: rows in the official raft, completion and chat formats, JSONL, JSON or Parquet.

A chat row's user message holds documents and question, in the official markup or as "Question: …", "Context:" and
sections headed "[name]", as public sets do. A row that cannot be learnt from is left out with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raft_core.dataset import checks, files
from raft_core.dataset.files import Rejected
from raft_core.errors import BadRow, DatasetError
from raft_core.markup import find_quotes, short_answer, tidy_answer
from raft_core.openai.replies import other_parts, plain_text
from raft_core.openai.thoughts import split_thoughts
from raft_core.records import DatasetInfo, RaftExample

_DOCUMENT = re.compile(r"<DOCUMENT>(.*?)</DOCUMENT>\n?", re.DOTALL)
_SECTION = re.compile(r"^\[([^\]\n]+)\][ \t]*\n", re.MULTILINE)
_CONTEXT = re.compile(r"^Context(?: information)?[^\n:]*:[ \t]*\n", re.MULTILINE)
_CLOSING = re.compile(r"\n\n(?:Please|Now|Answer|Provide|Using|Based)\b[^\n]*\s*\Z")
"""What a prompt says after its last document, which is no part of it."""


def import_file(path: Path, datasets: Path, guild: str) -> DatasetInfo:
    """Read a file into a data set of its own; the same rows give the same data set.

    Raises:
        BadRow: not one row can be used; names the file, the first row and its fault.
        DatasetError: the file cannot be read.
    """
    rows, rejected = read_rows(path)
    content = files.rows_hash(rows)
    folder = datasets / f"ds-{content[:8]}"
    if files.is_complete(folder):
        return files.load_info(folder)
    info = DatasetInfo(
        id=folder.name,
        guild=guild,
        rows=len(rows),
        rejected=len(rejected),
        content_hash=content,
        tokens=0,
        cost_usd=0.0,
        generator="imported",
        settings={"file": path.name},
        documents=(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    files.save(folder, info, rows, rejected)
    return info


def read_rows(path: Path) -> tuple[list[RaftExample], list[Rejected]]:
    """Return the rows of a file that can be used, and those that cannot.

    Raises:
        BadRow: none can be used.
        DatasetError: the file cannot be read.
    """
    rows: list[RaftExample] = []
    rejected: list[Rejected] = []
    first_bad = 0
    for number, value in enumerate(_read_file(path), 1):
        try:
            row = _parse(_value(value), number)
            fault = checks.answer_fault(
                row.cot_answer, [*row.documents, row.oracle_context], quote_needed=False
            )
            if fault:
                raise _FaultError(fault, row)
            rows.append(row)
        except _FaultError as error:
            first_bad = first_bad or number
            question, answer = (error.row.question, error.row.cot_answer) if error.row else ("", "")
            rejected.append(Rejected(f"{path.name}, row {number}", error.reason, question, answer))
    if not rows:
        raise BadRow(str(path), first_bad, rejected[0].reason if rejected else "the file has no rows")
    return rows, rejected


class _FaultError(Exception):
    """Why a row cannot be used, and what there was of it."""

    def __init__(self, reason: str, row: RaftExample | None = None) -> None:
        super().__init__(reason)
        self.reason, self.row = reason, row


def _read_file(path: Path) -> Iterator[Any]:
    """Yield the rows of a file, a JSON Lines file's as bytes."""
    try:
        data = path.read_bytes()
        if path.suffix == ".parquet" or data[:4] == b"PAR1":
            import pyarrow as pa
            import pyarrow.parquet as pq

            yield from pq.read_table(pa.BufferReader(data)).to_pylist()
        elif data.lstrip()[:1] == b"[":
            yield from json.loads(data)
        else:
            yield from (line for line in data.split(b"\n") if line.strip())
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise DatasetError(f"cannot read {path}: {' '.join(str(error).split())}") from error


def _value(row: Any) -> Any:
    if not isinstance(row, bytes):
        return row
    try:
        return json.loads(row)
    except (ValueError, RecursionError) as error:
        raise _FaultError(f"not JSON: {error}") from error


def _parse(row: Any, number: int) -> RaftExample:
    if not isinstance(row, Mapping):
        raise _FaultError("not a JSON object")
    if "messages" in row:
        return _from_chat(row, number)
    if "prompt" in row and "completion" in row:
        return _from_prompt(_text(row, "prompt"), _text(row, "completion"), f"row-{number}")
    return _from_raft(row, number)


def _from_raft(row: Mapping[str, Any], number: int) -> RaftExample:
    context = row.get("context")
    if not isinstance(context, Mapping):
        raise _FaultError("field 'context' is missing or is no object")
    documents = _strings(context, "sentences")
    titles = _strings(context, "title") if context.get("title") else ()
    answer = _answer(_text(row, "cot_answer"))
    return RaftExample(
        id=str(row.get("id") or f"row-{number}"),
        question=_text(row, "question"),
        documents=documents,
        titles=titles if len(titles) == len(documents) else ("",) * len(documents),
        oracle_context=_text(row, "oracle_context"),
        cot_answer=answer,
        answer=short_answer(answer)[0],
        type=str(row.get("type") or "general"),
    )


def _from_chat(row: Mapping[str, Any], number: int) -> RaftExample:
    messages = row["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        raise _FaultError("field 'messages' is no list of objects")
    said: dict[str, str] = {}
    for message in messages:
        if found := other_parts(message.get("content")):
            raise _FaultError(f"a message holds parts that are no text: {', '.join(found)}")
        if text := plain_text(message.get("content")).strip():  # an empty system message says nothing
            said[str(message.get("role"))] = text
    if "user" not in said or "assistant" not in said:
        raise _FaultError("field 'messages' lacks a user or an assistant message with text")
    prompt = said["user"]
    instructions = said.get("system") or said.get("developer")
    if instructions and not _take_apart(prompt)[1]:  # the documents may stand there
        prompt = f"{instructions}\n{prompt}"
    metadata = row.get("metadata")
    given = row.get("id") or (metadata.get("id") if isinstance(metadata, Mapping) else None)
    return _from_prompt(prompt, said["assistant"], str(given or f"row-{number}"))


def _from_prompt(prompt: str, answer: str, row_id: str) -> RaftExample:
    """Take a prompt apart into documents and question; the oracle is the document that most quotes stand in."""
    answer = _answer(answer)
    titles, documents, question = _take_apart(prompt)
    if not documents:
        raise _FaultError("no documents found in the prompt")
    if not question:
        raise _FaultError("no question found in the prompt")
    sources = [quote.source for quote in find_quotes(answer, documents) if quote.source is not None]
    oracle = (
        documents[max(set(sources), key=lambda source: (sources.count(source), -source)) - 1]
        if sources
        else ""
    )
    return RaftExample(row_id, question, documents, titles, oracle, answer, short_answer(answer)[0])


def _answer(text: str) -> str:
    """Return what is learnt from: no thoughts, and nothing behind the answer."""
    return tidy_answer(split_thoughts(text)[0])


def _take_apart(prompt: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    documents = tuple(_DOCUMENT.findall(prompt))
    if documents:
        rest = _DOCUMENT.sub("", prompt).strip()
        asked = re.findall(r"^Question:[ \t]*(.+)$", rest, re.MULTILINE)
        return ("",) * len(documents), documents, asked[-1].strip() if asked else rest
    prompt = _CLOSING.sub("", prompt)
    context = _CONTEXT.search(prompt)
    asked = re.findall(
        r"^Question:[ \t]*(.+)$", prompt[: context.start()] if context else prompt, re.MULTILINE
    )
    if context is None:
        return (), (), asked[-1].strip() if asked else ""
    headings = list(_SECTION.finditer(prompt, context.end()))
    ends = [heading.start() for heading in headings[1:]] + [len(prompt)]
    texts = tuple(prompt[heading.end() : end].strip() for heading, end in zip(headings, ends, strict=True))
    return tuple(heading.group(1) for heading in headings), texts, asked[-1].strip() if asked else ""


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise _FaultError(f"field {field!r} is missing, empty or no text")
    return value


def _strings(context: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """Return the strings of [[…]]; a flat list is taken too."""
    value = context.get(field)
    lists = value if isinstance(value, list) and all(isinstance(item, list) for item in value) else [value]
    flat = [item for items in lists if isinstance(items, list) for item in items]
    if not flat or not all(isinstance(item, str) for item in flat):
        raise _FaultError(f"field 'context.{field}' is not [[text, …]]")
    return tuple(flat)
