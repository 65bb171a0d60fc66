"""Paragraphs of questions as documents, of records written here and of the real sample."""

from __future__ import annotations

import json
from pathlib import Path

from raft_core.documents.hotpotqa import paragraph_documents
from raft_core.evaluation.questions import read_contexts

PARAGRAPHS = [
    ("Tom &amp; Jerry", ("It is a film.", " It is old.")),
    ("Empty", ("", " ")),
    ("Tom &amp; Jerry", ("It is a film.", "It is old.")),
    ("B", ("Second &lt;b&gt;.\ud800",)),
]


def test_paragraphs_become_documents() -> None:
    """Titles and sentences lose their HTML entities, doubles and empty paragraphs are left out."""
    documents = paragraph_documents(PARAGRAPHS, "hotpot.json")
    assert [(document.title, document.text, document.source) for document in documents] == [
        ("Tom & Jerry", "It is a film. It is old.", "hotpot.json"),
        ("B", "Second <b>.\ufffd", "hotpot.json"),
    ]
    assert all(len(document.id) == 16 and document.sha256.startswith(document.id) for document in documents)
    assert paragraph_documents(PARAGRAPHS, "hotpot.json", 1) == documents[:1]


def test_the_limit_counts_unique_paragraphs(real_data: Path) -> None:
    """The real sample gives exactly the number asked for, none twice, and no question."""
    path = real_data / "hotpotqa" / "dev_distractor_sample.json"
    documents = paragraph_documents(read_contexts(path), str(path), 100)
    assert len({document.id for document in documents}) == len(documents) == 100
    assert documents[0].title == "Constantin Medien"
    questions = {record["question"] for record in json.loads(path.read_text())}
    assert not questions & {document.text for document in documents}
    everything = paragraph_documents(read_contexts(path), str(path))
    assert everything[:100] == documents
    assert any(document.title == "List of Key & Peele episodes" for document in everything)
