"""HotpotQA's context paragraphs as documents; its questions and answers stay out.

    {"_id": "5a76…", "question": "…", "answer": "…", "supporting_facts": [["Title", 0]],
     "context": [["Tunnels &amp; Trolls", ["First sentence.", " Second sentence."]], …], "type": "bridge"}

Format: https://hotpotqa.github.io (Yang et al. 2018), distractor setting, one JSON list a file.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raft_core.documents.content import clean
from raft_core.documents.readers import ID_LENGTH
from raft_core.errors import BadRecord, UnreadableDocument
from raft_core.records import PARAGRAPH, Document, Page


def read_paragraphs(path: Path, limit: int | None = None) -> list[Document]:
    """Return the unique context paragraphs in the file's order, at most `limit` of them.

    Raises:
        UnreadableDocument: the file is missing or no JSON list.
        BadRecord: a record looked at lacks its context or has it in another shape; names record and field.
    """
    documents: dict[str, Document] = {}
    for number, record in enumerate(_records(path)):
        for title, text in _context(record, number, str(path)):
            if limit is not None and len(documents) >= limit:
                return list(documents.values())
            if text:
                document = _document(title, text, path)
                documents.setdefault(document.id, document)
    return list(documents.values())


def _records(path: Path) -> list[Any]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableDocument(str(path), error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableDocument(
            str(path), f"it is no JSON ({error})", remedy="give a HotpotQA file in the official format"
        ) from error
    if not isinstance(records, list):
        raise BadRecord(str(path), "0", "", "the file must hold a list of records")
    return records


def _context(record: Any, number: int, path: str) -> Iterator[tuple[str, str]]:
    """Yield title and text of each paragraph of one record."""
    if not isinstance(record, dict):
        raise BadRecord(path, str(number), "", "a record must be an object")
    name = str(record.get("_id", number))
    context = record.get("context")
    if not isinstance(context, list):
        raise BadRecord(path, name, "context", "must be a list of [title, sentences] pairs")
    for index, pair in enumerate(context):
        match pair:
            case [str(title), [*sentences]] if all(isinstance(sentence, str) for sentence in sentences):
                words = (html.unescape(sentence).strip() for sentence in sentences)
                yield html.unescape(title).strip(), clean(" ".join(word for word in words if word))
            case _:
                raise BadRecord(
                    path, name, f"context[{index}]", "must be a pair of a title and a list of sentences"
                )


def _document(title: str, text: str, path: Path) -> Document:
    title = clean(title)
    sha256 = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()
    return Document(sha256[:ID_LENGTH], title, str(path), PARAGRAPH, sha256, (Page(text),))
