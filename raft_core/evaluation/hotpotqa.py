"""HotpotQA's metric, as its official script hotpot_evaluate_v1.py computes it.

    "The Beatles!" against "beatles"            EM 1, F1 1
    "John Lennon and Yoko" against "John Lennon" EM 0, precision 1/2, recall 1, F1 2/3
    "yes, it is" against "yes"                  F1 0: yes, no and noanswer count only when exact

Source: github.com/hotpotqa/hotpot (Yang et al. 2018).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Fact = tuple[str, int]
"""A supporting fact: the title of a paragraph and the index of a sentence in it."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_EXACT_ONLY = ("yes", "no", "noanswer")


@dataclass(frozen=True, slots=True)
class Marks:
    """EM, F1, precision and recall of one answer or one set of supporting facts, each between 0 and 1."""

    em: float = 0.0
    f1: float = 0.0
    prec: float = 0.0
    recall: float = 0.0


ZERO = Marks()


@dataclass(frozen=True, slots=True)
class Gold:
    """What the official script reads of a gold record."""

    id: str
    answer: str
    facts: tuple[Fact, ...] | None = None


@dataclass(frozen=True, slots=True)
class Predictions:
    """A prediction file: short answers and, where given, supporting facts, each by question id."""

    answers: Mapping[str, str]
    facts: Mapping[str, Collection[Fact]] | None = None


def normalise(text: str) -> str:
    """Lower-case, delete punctuation, drop a/an/the, collapse white space: in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def score_answer(prediction: str, gold: str) -> Marks:
    """Compare a short answer with the gold answer by normalised equality and token overlap."""
    said, right = normalise(prediction), normalise(gold)
    em = float(said == right)
    if said != right and (said in _EXACT_ONLY or right in _EXACT_ONLY):
        return ZERO
    said_tokens, right_tokens = said.split(), right.split()
    same = sum((Counter(said_tokens) & Counter(right_tokens)).values())
    if same == 0:  # two empty strings are equal, and yet their F1 is 0
        return Marks(em=em)
    prec, recall = same / len(said_tokens), same / len(right_tokens)
    return Marks(em, _f1(prec, recall), prec, recall)


def score_facts(prediction: Collection[Fact], gold: Collection[Fact]) -> Marks:
    """Compare supporting facts as sets."""
    said, right = set(prediction), set(gold)
    same = len(said & right)
    prec = same / len(said) if said else 0.0
    recall = same / len(right) if right else 0.0
    return Marks(float(said == right), _f1(prec, recall), prec, recall)


def joint(answer: Marks, facts: Marks) -> Marks:
    """Return the joint score: products of EM, precision and recall, and the F1 of those."""
    prec, recall = answer.prec * facts.prec, answer.recall * facts.recall
    return Marks(answer.em * facts.em, _f1(prec, recall), prec, recall)


def score_predictions(gold: Sequence[Gold], predictions: Predictions) -> dict[str, float | int]:
    """Return the means that the official script prints, and how many answers were missing.

    A question without a prediction scores 0: every mean divides by the number of gold records. The
    keys `sp_*` and `joint_*` appear where the predictions hold supporting facts.
    """
    answers, facts, joints = [], [], []
    for record in gold:
        said = predictions.answers.get(record.id)
        answer = ZERO if said is None else score_answer(said, record.answer)
        answers.append(answer)
        shown = predictions.facts.get(record.id) if predictions.facts is not None else None
        fact = ZERO if shown is None else score_facts(shown, record.facts or ())
        facts.append(fact)
        joints.append(ZERO if said is None or shown is None else joint(answer, fact))
    known = {record.id for record in gold}
    result: dict[str, float | int] = {"n": len(gold), **_means("", answers)}
    result["missing"] = sum(record.id not in predictions.answers for record in gold)
    result["unexpected"] = sum(identity not in known for identity in predictions.answers)
    if predictions.facts is not None:
        result |= _means("sp_", facts) | _means("joint_", joints)
        result["sp_missing"] = sum(record.id not in predictions.facts for record in gold)
    return result


def _means(prefix: str, marks: Sequence[Marks]) -> dict[str, float]:
    return {
        f"{prefix}{name}": sum(getattr(mark, name) for mark in marks) / len(marks)
        for name in ("em", "f1", "prec", "recall")
    }


def _f1(prec: float, recall: float) -> float:
    return 2 * prec * recall / (prec + recall) if prec + recall > 0 else 0.0
