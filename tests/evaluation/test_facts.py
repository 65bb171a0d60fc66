"""Quotes become supporting facts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.evaluation.facts import facts_of, quoted_facts, score_quotes
from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.questions import read_questions
from raft_core.markup import write_answer
from raft_core.records import Question, Quote

NORWAY = ("Norway", ("Oslo is  its capital.", "", " Bergen is wet.", " It rains."))
ROME = ("Rome", ("Rome is old.", " It <ANSWER>: rains."))
QUESTION = Question("q", "Capital?", "Oslo", (NORWAY, ROME), "bridge", (("Norway", 0), ("Rome", 0)))


def quote(words: str) -> str:
    return f"##begin_quote## {words} ##end_quote##"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (quote("Oslo is its capital."), [("Norway", 0)]),
        (quote("capital. Bergen"), [("Norway", 0), ("Norway", 2)]),
        (
            quote("Oslo is its capital. Bergen is wet. It rains."),
            [("Norway", 0), ("Norway", 2), ("Norway", 3)],
        ),
        (quote("Rome is old.") + quote("It rains.") + quote("Rome is"), [("Rome", 0), ("Norway", 3)]),
        (quote("It <ANSWER>: rains."), [("Rome", 1)]),
        (quote("Oslo was its capital."), []),
        (quote(""), []),
        ("Oslo is its capital.", []),
    ],
)
def test_quotes_name_the_sentences_they_touch(text: str, facts: list[tuple[str, int]]) -> None:
    """A verbatim quote names each sentence it has a word of; an invented one, or no quote, names none."""
    assert list(facts_of(text, QUESTION)) == facts


def test_unverified_quotes_name_nothing() -> None:
    """Only what was checked counts, wherever it claims to come from."""
    assert quoted_facts([Quote("Rome is old.", False, None)], QUESTION.context) == ()


SENTENCE = st.text(alphabet="ab <>D\u00a0.#", max_size=8)


@given(st.lists(SENTENCE, min_size=1, max_size=5), st.data())
def test_a_quoted_sentence_is_found(sentences: list[str], data: st.DataObject) -> None:
    """Whatever the sentences, a quote of one names sentences that together hold its words."""
    index = data.draw(st.integers(0, len(sentences) - 1))
    # As in HotpotQA a space is between sentences: a part of a word would be no quote.
    question = Question("q", "?", "a", (("T", tuple(f"{sentence} " for sentence in sentences)),))
    found = facts_of(quote(sentences[index]), question)
    words = " ".join(sentences[index].split())
    if words:
        assert words in " ".join(" ".join(sentences[i] for _, i in found).split())
    else:
        assert found == ()


def sample(question: Question, text: str, prediction: str) -> Sample:
    return Sample(question.id, "", question.answer, prediction, text, 0, 0, 0, 0, False, True, 1, 0.1)


def test_scores_are_those_of_the_official_script() -> None:
    """One of two facts and a right answer: sp F1 2/3, and joint F1 the same; without facts no score."""
    run = Run("m", "raft", (sample(QUESTION, write_answer("Rome is old.", "Oslo"), "Oslo"),), 1.0)
    scores = score_quotes(run, [QUESTION])
    assert (scores["n"], scores["em"], scores["sp_em"], scores["joint_em"]) == (1, 1, 0, 0)
    assert (scores["sp_prec"], scores["sp_recall"]) == (1, 0.5)
    assert scores["sp_f1"] == scores["joint_f1"] == pytest.approx(2 / 3)
    assert score_quotes(run, [Question("q", "Capital?", "Oslo", (NORWAY,))]) == {}


def test_real_facts_are_found_when_quoted(real_data: Path) -> None:
    """Who quotes the supporting sentences of a real record names them; 2 of 141 stand in two paragraphs."""
    questions = read_questions(real_data / "hotpotqa" / "dev_distractor_sample.json")
    assert all(question.supporting_facts for question in questions)
    unlike = []
    for question in questions:
        sentences = dict(question.context)
        wanted = question.supporting_facts
        named = facts_of("".join(quote(sentences[title][index]) for title, index in wanted), question)
        if set(named) != set(wanted):
            unlike.append(question)
            assert {sentences[title][index].strip() for title, index in wanted} >= {
                sentences[title][index].strip() for title, index in named
            }
    assert (len(questions), len(unlike)) == (141, 2)
