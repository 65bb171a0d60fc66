"""The metric against the official rules, written here a second time and plainly."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.evaluation.hotpotqa import (
    Gold,
    Predictions,
    joint,
    normalise,
    score_answer,
    score_facts,
    score_predictions,
)
from raft_core.evaluation.questions import read_gold

WORDS = st.sampled_from(
    [
        "yes",
        "no",
        "noanswer",
        "the",
        "a",
        "an",
        "The",
        "A.",
        "Oslo",
        "oslo,",
        "u.s.",
        "don't",
        "—",
        "\u0131",
        "\u0130",
    ]
)
HOSTILE = st.one_of(
    st.text(max_size=30),
    st.lists(WORDS, max_size=6).map(" ".join),
    st.lists(st.one_of(WORDS, st.text(max_size=4)), max_size=6).map("\u00a0".join),
)


def official_normalise(s: str) -> str:
    s = s.lower()
    s = "".join(ch for ch in s if ch not in set(string.punctuation))
    s = re.sub(r"\b(a|an|the)\b", " ", s)
    return " ".join(s.split())


def official_answer(prediction: str, gold: str) -> tuple[float, float, float, float]:
    p, g = official_normalise(prediction), official_normalise(gold)
    em = 1.0 if p == g else 0.0
    if p in ["yes", "no", "noanswer"] and p != g:
        return em, 0, 0, 0
    if g in ["yes", "no", "noanswer"] and p != g:
        return em, 0, 0, 0
    same = 0
    left = g.split()
    for token in p.split():
        if token in left:
            left.remove(token)
            same += 1
    if same == 0:
        return em, 0, 0, 0
    precision = 1.0 * same / len(p.split())
    recall = 1.0 * same / len(g.split())
    return em, (2 * precision * recall) / (precision + recall), precision, recall


def official_facts(prediction: list[Any], gold: list[Any]) -> tuple[float, float, float, float]:
    cur, right = set(map(tuple, prediction)), set(map(tuple, gold))
    tp = fp = fn = 0
    for e in cur:
        if e in right:
            tp += 1
        else:
            fp += 1
    for e in right:
        if e not in cur:
            fn += 1
    prec = 1.0 * tp / (tp + fp) if tp + fp > 0 else 0.0
    recall = 1.0 * tp / (tp + fn) if tp + fn > 0 else 0.0
    f1 = 2 * prec * recall / (prec + recall) if prec + recall > 0 else 0.0
    return (1.0 if fp + fn == 0 else 0.0), f1, prec, recall


def official_eval(gold: list[dict[str, Any]], prediction: dict[str, Any]) -> dict[str, float]:
    names = ["em", "f1", "prec", "recall"]
    metrics = dict.fromkeys(prefix + name for prefix in ("", "sp_", "joint_") for name in names)
    metrics = dict.fromkeys(metrics, 0.0)
    for record in gold:
        answer = facts = None
        if record["_id"] in prediction["answer"]:
            answer = official_answer(prediction["answer"][record["_id"]], record["answer"])
            for name, value in zip(names, answer, strict=True):
                metrics[name] += value
        if record["_id"] in prediction["sp"]:
            facts = official_facts(prediction["sp"][record["_id"]], record["supporting_facts"])
            for name, value in zip(names, facts, strict=True):
                metrics["sp_" + name] += value
        if answer and facts:
            prec, recall = answer[2] * facts[2], answer[3] * facts[3]
            f1 = 2 * prec * recall / (prec + recall) if prec + recall > 0 else 0.0
            for name, value in zip(names, (answer[0] * facts[0], f1, prec, recall), strict=True):
                metrics["joint_" + name] += value
    return {name: value / len(gold) for name, value in metrics.items()}


@given(HOSTILE, HOSTILE)
def test_answer_marks_equal_the_official_rules(prediction: str, gold: str) -> None:
    """EM, F1, precision and recall are those of the official script, whatever the strings."""
    marks = score_answer(prediction, gold)
    assert normalise(prediction) == official_normalise(prediction)
    assert tuple(marks) == official_answer(prediction, gold)


FACTS = st.lists(st.tuples(st.sampled_from(["A", "B &amp; C"]), st.integers(0, 2)), max_size=5)


@given(FACTS, FACTS)
def test_fact_marks_equal_the_official_rules(prediction: list[Any], gold: list[Any]) -> None:
    """Supporting facts are compared as sets, as the official script does."""
    assert tuple(score_facts(prediction, gold)) == official_facts(prediction, gold)


@pytest.mark.parametrize(
    ("prediction", "gold", "marks"),
    [
        ("The Beatles!", "beatles", (1, 1, 1, 1)),
        ("John Lennon and Yoko", "John Lennon", (0, pytest.approx(2 / 3), 0.5, 1)),
        ("yes, it is", "yes", (0, 0, 0, 0)),
        ("Yes.", "yes", (1, 1, 1, 1)),
        ("no", "no answer", (0, 0, 0, 0)),
        ("noanswer", "no", (0, 0, 0, 0)),
        ("the", "a", (1, 0, 0, 0)),
        ("", "", (1, 0, 0, 0)),
        ("to be to", "to", (0, 0.5, pytest.approx(1 / 3), 1)),
        ("Theresa", "resa", (0, 0, 0, 0)),
    ],
)
def test_known_answers(prediction: str, gold: str, marks: tuple[float, ...]) -> None:
    """The corners of the rules have these exact values."""
    assert tuple(score_answer(prediction, gold)) == marks


def test_joint_is_the_product() -> None:
    """A joint score multiplies precision, recall and EM before it takes F1."""
    answer = score_answer("John Lennon and Yoko", "John Lennon")
    facts = score_facts([("A", 0)], [("A", 0), ("B", 1)])
    assert tuple(joint(answer, facts)) == (0, 0.5, 0.5, 0.5)


def test_missing_predictions_score_zero_and_are_counted() -> None:
    """The mean divides by the number of gold records; strangers among the predictions are counted."""
    gold = [Gold("1", "Oslo"), Gold("2", "yes"), Gold("3", "no"), Gold("4", "x")]
    result = score_predictions(gold, Predictions({"1": "oslo", "9": "Rome"}))
    assert result == {
        "n": 4,
        "em": 0.25,
        "f1": 0.25,
        "prec": 0.25,
        "recall": 0.25,
        "missing": 3,
        "unexpected": 1,
    }


def test_real_records_score_as_the_official_script_does(real_data: Path) -> None:
    """On the real records, with answers and facts of every kind, all twelve means are the same."""
    path = real_data / "hotpotqa" / "dev_distractor_sample.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    answers, facts = {}, {}
    for number, record in enumerate(records):
        right = record["answer"]
        said = [right, right.upper() + "!", f"the {right} and more", "yes", right.split()[0], ""]
        if number % 7 != 6:
            answers[record["_id"]] = said[number % 6]
        if number % 5 != 4:
            facts[record["_id"]] = record["supporting_facts"][: number % 3] + [["Nowhere", number % 2]] * (
                number % 2
            )
    expected = official_eval(records, {"answer": answers, "sp": facts})
    pairs = {name: [(title, index) for title, index in value] for name, value in facts.items()}
    result = score_predictions(read_gold(path), Predictions(answers, pairs))
    assert result["n"] == 141 and 0 < expected["joint_f1"] < expected["sp_f1"] < 1
    assert {name: result[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert result["missing"] == len(records) - len(answers)


@given(st.lists(st.text(alphabet="ab ", max_size=6), min_size=1, max_size=5))
def test_gold_against_itself_is_perfect(answers: list[str]) -> None:
    """A file scored against itself has EM 1, and F1 1 but for answers that normalise to nothing."""
    gold = [Gold(str(number), answer) for number, answer in enumerate(answers)]
    result = score_predictions(gold, Predictions({record.id: record.answer for record in gold}))
    assert result["em"] == 1
    assert result["f1"] == sum(bool(Counter(normalise(a).split())) for a in answers) / len(answers)
