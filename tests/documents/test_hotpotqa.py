"""Paragraphs of records written here, and of the real sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raft_core.documents.hotpotqa import read_paragraphs
from raft_core.errors import BadRecord, UnreadableDocument

RECORDS = [
    {
        "_id": "r1",
        "question": "QUESTION",
        "answer": "ANSWER",
        "context": [["Tom &amp; Jerry", ["It is a film.", " It is old."]], ["Empty", ["", " "]]],
    },
    {
        "_id": "r2",
        "context": [["Tom &amp; Jerry", ["It is a film.", "It is old."]], ["B", ["Second &lt;b&gt;."]]],
    },
]


def write(folder: Path, records: object) -> Path:
    path = folder / "hotpot.json"
    path.write_text(json.dumps(records))
    return path


def test_paragraphs_become_documents(tmp_path: Path) -> None:
    """Titles lose their HTML entities, sentences are joined, doubles and empty paragraphs left out."""
    path = write(tmp_path, RECORDS)
    documents = read_paragraphs(path, None)
    assert [(document.title, document.text) for document in documents] == [
        ("Tom & Jerry", "It is a film. It is old."),
        ("B", "Second <b>."),
    ]
    assert all(len(document.id) == 16 and document.sha256.startswith(document.id) for document in documents)
    assert read_paragraphs(path, 1) == documents[:1]


def test_the_limit_counts_unique_paragraphs(real_data: Path) -> None:
    """The real sample gives exactly the number asked for, none twice, and no question."""
    path = real_data / "hotpotqa" / "dev_distractor_sample.json"
    documents = read_paragraphs(path, 100)
    assert len({document.id for document in documents}) == len(documents) == 100
    assert documents[0].title == "Constantin Medien"
    questions = {record["question"] for record in json.loads(path.read_text())}
    assert not questions & {document.text for document in documents}
    everything = read_paragraphs(path, None)
    assert everything[:100] == documents
    assert any(document.title == "List of Key & Peele episodes" for document in everything)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({"a": 1}, "record 0, field '': the file must hold a list of records"),
        (["x"], "record 0, field '': a record must be an object"),
        ([{"_id": "a7"}], "record a7, field 'context': must be a list"),
        ([{"_id": "a7", "context": {"title": []}}], "record a7, field 'context': must be a list"),
        (
            [{"_id": "a7", "context": [["T", ["s"]], ["T", "s"]]}],
            r"record a7, field 'context\[1\]': must be a pair",
        ),
        ([{"context": [["T", ["s", 1]]]}], r"record 0, field 'context\[0\]': must be a pair"),
    ],
)
def test_a_malformed_record_is_named(tmp_path: Path, records: object, message: str) -> None:
    """The error has the record's id, or its number, and the field."""
    with pytest.raises(BadRecord, match=message):
        read_paragraphs(write(tmp_path, records), None)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """So are a missing file, bytes that are no text, and bottomless nesting."""
    path = tmp_path / "x.json"
    with pytest.raises(UnreadableDocument, match="No such file"):
        read_paragraphs(path, None)
    for data in (b"{", b"\xff\xfe\x00", b"[" * 100_000):
        path.write_bytes(data)
        with pytest.raises(UnreadableDocument, match="it is no JSON"):
            read_paragraphs(path, None)
