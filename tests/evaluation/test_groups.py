"""Kinds of questions and refusals."""

from __future__ import annotations

import pytest

from raft_core.evaluation.groups import is_refusal, kind_of, length_of, split
from raft_core.evaluation.harness import Sample
from raft_core.records import ABSTENTION, Question


@pytest.mark.parametrize(
    "text",
    [
        ABSTENTION,
        "The documents do not say",
        "I don't know.",
        "I do not know the answer",
        "We cannot determine this.",
        "It cannot be determined from the context.",
        "The passage does not mention her birthplace.",
        "This is not mentioned? No information.",
        "Not enough information to answer",
        "noanswer",
        "Unanswerable.",
        "None of the documents answers this.",
    ],
)
def test_refusals(text: str) -> None:
    """An answer that says there is none, in the usual English words."""
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "Oslo",
        "Unknown Pleasures",
        "The Who",
        "I Know What You Did",
        "Doctor No",
        "nan",
        "The Documents",
    ],
)
def test_answers(text: str) -> None:
    """Short answers that only look like refusals."""
    assert not is_refusal(text)


def test_kinds() -> None:
    """Yes and no are a type of their own; a record without a type is untyped."""
    assert kind_of(Question("q", "Is it?", "Yes", (), "comparison")) == "yes/no"
    assert kind_of(Question("q", "Which?", "Oslo", (), "comparison")) == "comparison"
    assert kind_of(Question("q", "Which?", "Oslo", ())) == "untyped"


def test_lengths() -> None:
    """Gold answers by their words, articles aside."""
    answers = ["The Beatles", "new york", "a b c", "one two three four", "1 2 3 4 5", "1 2 3 4 5 6", "The"]
    assert [length_of(answer) for answer in answers] == [
        "1 word",
        "2 words",
        "2 words",
        "4 or 5 words",
        "4 or 5 words",
        "6 or more words",
        "1 word",
    ]


def test_tables() -> None:
    """Every question is once in each table; means are of the group's own, gold only where it is known."""

    def sample(kind: str, gold: str, f1: float, *, shown: bool | None) -> Sample:
        return Sample("q", "?", gold, "", "", f1, f1, f1, f1, False, True, 1, 0.1, kind, False, shown)

    samples = [
        sample("bridge", "Oslo", 1.0, shown=True),
        sample("bridge", "New York", 0.5, shown=False),
        sample("yes/no", "yes", 0.0, shown=True),
    ]
    tables = split(samples, seed=0)
    assert list(tables) == ["type", "length", "gold"]
    assert {name: (part.n, part.f1, part.em) for name, part in tables["type"].items()} == {
        "bridge": (2, 0.75, 0.75),
        "yes/no": (1, 0.0, 0.0),
    }
    assert {name: (part.n, part.f1) for name, part in tables["length"].items()} == {
        "1 word": (2, 0.5),
        "2 words": (1, 0.5),
    }
    assert {name: (part.n, part.f1) for name, part in tables["gold"].items()} == {
        "missing": (1, 0.5),
        "shown": (2, 0.5),
    }
    assert tables["type"]["bridge"].f1_low == 0.5 and tables["type"]["bridge"].f1_high == 1.0
    assert list(split([sample("x", "y", 1, shown=None)], 0)) == ["type", "length"]
