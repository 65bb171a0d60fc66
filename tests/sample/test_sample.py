"""The sample community and its exam hold what their README promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import Any, get_args

import pytest

from raft_core.documents.readers import read_document
from raft_core.evaluation.questions import read_questions
from raft_core.records import Document
from raft_core.sample import Split, documents_folder, questions

SPLITS: tuple[Split, ...] = get_args(Split)
SIZES = {"development": 100, "reporting": 200}
UNANSWERABLE = {"development": 13, "reporting": 27}
TWO_DOCUMENTS = {"development": 34, "reporting": 67}
RUN = 5
"""Words in a row that a question may not share with a document."""


@cache
def documents() -> dict[str, Document]:
    """Return each document by its title, as the product reads it."""
    read = [read_document(path) for path in sorted(documents_folder().iterdir())]
    titled = {document.title: document for document in read}
    assert len(titled) == len(read), "two documents have one title"
    return titled


@cache
def texts() -> dict[str, str]:
    """Return each document's text by title, with single spaces: a PDF's lines end anywhere."""
    return {title: " ".join(document.text.split()) for title, document in documents().items()}


@cache
def records(split: Split) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(questions(split).read_text(encoding="utf-8"))
    return loaded


def everything() -> list[dict[str, Any]]:
    return [record for split in SPLITS for record in records(split)]


def support(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (title, sentence) of each supporting fact."""
    context = dict(record["context"])
    return [(title, context[title][index]) for title, index in record["supporting_facts"]]


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.lower())
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}


def test_documents_are_many_of_every_kind_and_small() -> None:
    """84 documents, more than 15,000 words, three or more of each of nine formats, under 1.5 MB."""
    paths = list(documents_folder().iterdir())
    kinds = Counter(path.suffix for path in paths)
    assert len(paths) == len(documents()) == 84
    assert set(kinds) == {".md", ".txt", ".html", ".docx", ".pptx", ".xlsx", ".csv", ".json", ".pdf"}
    assert min(kinds.values()) >= 3
    assert sum(len(text.split()) for text in texts().values()) >= 15_000
    assert sum(path.stat().st_size for path in paths) < 1_500_000


@pytest.mark.parametrize("split", SPLITS)
def test_each_half_has_the_same_mix(split: Split) -> None:
    """A third of the questions needs two documents, and 13 of 100 have no answer."""
    types = Counter(record["type"] for record in records(split))
    assert len(records(split)) == len(read_questions(questions(split))) == SIZES[split]
    assert types["unanswerable"] == UNANSWERABLE[split]
    assert types["bridge"] + types["comparison"] == TWO_DOCUMENTS[split]
    assert set(types) == {"single", "bridge", "comparison", "unanswerable"}
    assert {"yes", "no"} <= {record["answer"] for record in records(split)}


def test_supporting_sentences_stand_in_the_documents() -> None:
    """Every sentence of every context is verbatim in the document whose title it has."""
    wrong = [
        (record["question"], title, sentence)
        for record in everything()
        for title, sentences in record["context"]
        for sentence in sentences
        if sentence not in texts().get(title, "")
    ]
    assert wrong == []


def test_answers_stand_in_their_supporting_sentences() -> None:
    """So does every answer but yes, no and the outcome of a comparison; what has no answer has no support."""
    wrong = [
        record["question"]
        for record in everything()
        if record["answer"] not in ("yes", "no") and record["type"] in ("single", "bridge")
        if not any(record["answer"].lower() in sentence.lower() for _, sentence in support(record))
    ]
    assert wrong == []
    without = [record for record in everything() if not record["supporting_facts"]]
    assert {record["answer"] for record in without} == {"noanswer"}
    assert {record["type"] for record in without} == {"unanswerable"}
    assert len(without) == 40


def test_supporting_documents_are_as_many_as_the_type_says() -> None:
    """One for a single question, two or more for a bridge or a comparison, near misses beside them."""
    wrong = []
    for record in everything():
        titles = {title for title, _ in record["supporting_facts"]}
        least = {"unanswerable": 0, "single": 1}.get(record["type"], 2)
        fits = len(titles) == least if least < 2 else len(titles) >= 2
        if not fits or len(record["context"]) < len(titles) + 2:
            wrong.append(record["question"])
    assert wrong == []


def test_questions_use_words_of_their_own() -> None:
    """No question shares five words in a row with a document, and answers have at most six words."""
    written = set().union(*(runs(text) for text in texts().values()))
    assert [record["question"] for record in everything() if runs(record["question"]) & written] == []
    assert max(len(record["answer"].split()) for record in everything()) <= 6


def test_no_question_and_no_fact_is_in_both_halves() -> None:
    """Ids and questions are unique; no answer is asked in both halves of the same sentence."""
    for field in ("_id", "question"):
        assert max(Counter(str(record[field]).lower() for record in everything()).values()) == 1
    development, reporting = (
        {
            (record["answer"].lower(), fact)
            for record in records(split)
            for fact in support(record)
            if record["answer"].lower() in fact[1].lower()
        }
        for split in SPLITS
    )
    assert development & reporting == set()
