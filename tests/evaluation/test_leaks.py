"""What counts as seen in training, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.evaluation.leaks import Seen
from raft_core.evaluation.questions import read_questions
from raft_core.records import Question
from raft_core.sample import questions as exam

OSLO = "Oslo is the capital of Norway. It lies at the head of the Oslofjord and has 700,000 inhabitants."


def asked(question: str, answer: str = "Oslo", *paragraphs: str) -> Question:
    return Question("q", question, answer, tuple((f"T{n}", (text,)) for n, text in enumerate(paragraphs)))


@pytest.fixture
def seen() -> Seen:
    seen = Seen()
    seen.add(
        "ds-1",
        "row-1",
        "What is the capital of Norway?",
        "Oslo",
        [f"Norway\n{OSLO} More follows.", "Bergen."],
    )
    seen.add("ds-1", "row-2", "In what year was the Sarn Bridge of Marl built?", "1923", [OSLO])
    return seen


def test_the_same_question_is_found(seen: Seen) -> None:
    """Case, punctuation, articles and white space make no other question, nor does another gold answer."""
    (leak,) = seen.find(asked("what is  capital of norway", "Bergen"))
    assert (leak.kind, leak.how, leak.similarity, leak.dataset, leak.row) == (
        "question",
        "exact",
        1.0,
        "ds-1",
        "row-1",
    )


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [
        ("In which year was the Sarn Bridge of Marl built?", "1923", True),
        ("In which year was the Sarn Bridge of Marl built?", "1924", False),
        ("In what year was the Sarn Bridge of Dorth built?", "1923", False),
        ("What is the capital city of Norway?", "Oslo", True),
        ("What is the capital of Sweden?", "Oslo", False),
        ("Which town at a fjord is Norway's seat of government?", "Oslo", False),
    ],
)
def test_a_reworded_question_is_found(seen: Seen, question: str, answer: str, *, found: bool) -> None:
    """A few other words do not hide it; another name, another answer or wholly other words are another question."""
    assert [leak.how for leak in seen.find(asked(question, answer))] == ["near"] * found


def test_paragraphs_are_found(seen: Seen) -> None:
    """Verbatim within a training document, or half of it; a paragraph with other names is not found."""
    half = "Oslo is the capital of Norway. It lies at the head of the Oslofjord, and is old."
    other = OSLO.replace("Oslo", "Dorth").replace("Norway", "Marl").replace("700,000", "12")
    leaks = seen.find(asked("Who?", "x", OSLO.upper(), half, other, "Bergen!", "", "Bergen is wet."))
    assert [(leak.kind, leak.how) for leak in leaks] == [
        ("context", "exact"),
        ("context", "near"),
        ("context", "exact"),
    ]
    assert 0.5 <= leaks[1].similarity < 1
    assert leaks[2].seen == "Bergen."


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_whatever_was_trained_on_is_found(question: str, answer: str, documents: list[str]) -> None:
    """Any row's question and every document of its that has a word are found, exactly."""
    seen = Seen()
    seen.add("ds", "row", question, answer, documents)
    from raft_core.evaluation.hotpotqa import normalise

    leaks = seen.find(asked(question, answer, *documents))
    assert leaks[0].kind == "question"
    assert len(leaks) == 1 + sum(bool(normalise(document)) for document in documents)
    assert all(leak.how == "exact" for leak in leaks)


def test_the_halves_of_the_sample_exam_share_no_question() -> None:
    """Settings chosen on its development questions have not seen the reporting ones, not even reworded."""
    seen = Seen()
    for question in read_questions(exam("development")):
        seen.add("development", question.id, question.question, question.answer, [])
    assert [leak for question in read_questions(exam("reporting")) for leak in seen.find(question)] == []


def test_real_train_and_dev_records(real_data: Path) -> None:
    """Of HotpotQA's own train sample nothing near a dev question is found that is not the same text."""
    train = read_questions(real_data / "hotpotqa" / "train_sample.json")
    dev = read_questions(real_data / "hotpotqa" / "dev_distractor_sample.json")
    seen = Seen()
    for question in train:
        seen.add(
            "train",
            question.id,
            question.question,
            question.answer,
            ["".join(s) for _, s in question.context],
        )
    leaks = [leak for question in dev for leak in seen.find(question)]
    assert {leak.kind for leak in leaks} <= {"context"}
    assert all(leak.similarity == 1 for leak in leaks if leak.how == "exact"), json.dumps(
        [leak.text for leak in leaks]
    )
