"""The settings of the paper: which paragraphs are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.errors import EvaluationError
from raft_core.evaluation.contexts import gold_shown, pool, recall_at, with_distractors
from raft_core.records import Question

CONTEXT = tuple((f"T{number}", (f"Text {number}.",)) for number in range(10))
QUESTION = Question("q", "Who?", "x", CONTEXT, "bridge", (("T3", 0), ("T7", 1), ("T7", 0)))


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 99))
def test_fewer_distractors_are_among_the_more(few: int, many: int, seed: int) -> None:
    """The gold paragraphs stay, in the record's order; a dial of distractors only adds to what was there."""
    few, many = sorted((few, many))
    less, more = with_distractors(QUESTION, few, seed), with_distractors(QUESTION, many, seed)
    assert len(less.context) == 2 + min(few, 8)
    assert set(less.context) <= set(more.context)
    assert list(more.context) == [each for each in CONTEXT if each in more.context]
    assert gold_shown(less) is True


def test_the_oracle_alone() -> None:
    """No distractors leave the paragraphs of the supporting facts."""
    assert [title for title, _ in with_distractors(QUESTION, 0, 0).context] == ["T3", "T7"]


def test_records_without_supporting_facts_have_no_distractors() -> None:
    """Without supporting facts nobody knows what a distractor is: an error that names the record."""
    with pytest.raises(EvaluationError, match="record 'q' does not name"):
        with_distractors(Question("q", "Who?", "x", CONTEXT), 0, 0)
    assert gold_shown(Question("q", "Who?", "x", CONTEXT)) is None


def test_gold_that_is_not_shown() -> None:
    """One of two gold paragraphs is not enough."""
    assert gold_shown(Question("q", "Who?", "x", CONTEXT[:5], "bridge", QUESTION.supporting_facts)) is False


def test_the_pool_holds_every_paragraph_once() -> None:
    """Paragraphs of several questions are one document; the gold ones are known by number."""
    other = Question("r", "Where?", "y", (CONTEXT[3], ("T3", ("Another.",))), "bridge", (("T3", 0),))
    everything = pool([QUESTION, other])
    assert everything.paragraphs == (*CONTEXT, ("T3", ("Another.",)))
    assert everything.gold(QUESTION) == {3, 7}
    assert everything.gold(other) == {3, 10}


def test_recall_at_k() -> None:
    """The mean share of gold paragraphs among the first k; questions without gold do not count."""
    found = [(4, 3, 7), (1, 2, 0), (5, 5, 5)]
    gold = [frozenset({3, 7}), frozenset({0}), frozenset[int]()]
    assert recall_at(found, gold) == {"1": 0.0, "2": 0.25, "3": 1.0}
    assert recall_at([(1,)], [frozenset()]) == {}
