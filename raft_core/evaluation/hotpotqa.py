"""HotpotQA's metric, as its official script hotpot_evaluate_v1.py computes it.

    "The Beatles!" against "beatles"            EM 1, F1 1
    "John Lennon and Yoko" against "John Lennon" EM 0, precision 1/2, recall 1, F1 2/3
    "yes, it is" against "yes"                  F1 0: yes, no and noanswer count only when exact

Source: github.com/hotpotqa/hotpot (Yang et al. 2018).
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Fact = tuple[str, int]
"""A supporting fact: the title of a paragraph and the index of a sentence in it."""

_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_LOWER = bytes(range(256)).lower()
_PUNCTUATION = string.punctuation.encode()
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_EXACT_ONLY = (["yes"], ["no"], ["noanswer"])


class Marks(NamedTuple):
    """EM, F1, precision and recall of one answer or one set of supporting facts, each between 0 and 1."""

    em: float = 0.0
    f1: float = 0.0
    prec: float = 0.0
    recall: float = 0.0


ZERO = Marks()
PERFECT = Marks(1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Gold:
    """What the official script reads of a gold record, and other right answers: the best one counts."""

    id: str
    answer: str
    facts: tuple[Fact, ...] | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Predictions:
    """A prediction file: short answers and, where given, supporting facts, each by question id."""

    answers: Mapping[str, str]
    facts: Mapping[str, Collection[Fact]] | None = None


def normalise(text: str) -> str:
    """Lower-case, delete punctuation, drop a/an/the, collapse white space: in this order."""
    return " ".join(_tokens(text))


def score_answer(prediction: str, gold: str) -> Marks:
    """Compare a short answer with the gold answer by normalised equality and token overlap."""
    said, right = _tokens(prediction), _tokens(gold)
    if said == right:
        return PERFECT if said else Marks(em=1.0)  # two empty strings are equal, and yet their F1 is 0
    if said in _EXACT_ONLY or right in _EXACT_ONLY:
        return ZERO
    common = set(said).intersection(right)
    if not common:
        return ZERO
    same = sum(min(said.count(token), right.count(token)) for token in common)
    prec, recall = same / len(said), same / len(right)
    return Marks(0.0, _f1(prec, recall), prec, recall)


def score_best(prediction: str, answers: Iterable[str]) -> Marks:
    """Compare a short answer with several right ones and return the marks of the nearest, as SQuAD and MuSiQue do."""
    return max((score_answer(prediction, answer) for answer in answers), key=lambda marks: marks[:2])


def score_facts(prediction: Collection[Fact], gold: Collection[Fact]) -> Marks:
    """Compare supporting facts as sets."""
    said, right = set(prediction), set(gold)
    if said == right:
        return PERFECT if said else Marks(em=1.0)
    same = len(said & right)
    if same == 0:
        return ZERO
    prec, recall = same / len(said), same / len(right)
    return Marks(0.0, _f1(prec, recall), prec, recall)


def joint(answer: Marks, facts: Marks) -> Marks:
    """Return the joint score: products of EM, precision and recall, and the F1 of those."""
    if answer is PERFECT:
        return facts
    if answer is ZERO or facts is ZERO:
        return ZERO
    prec, recall = answer.prec * facts.prec, answer.recall * facts.recall
    return Marks(answer.em * facts.em, _f1(prec, recall), prec, recall)


def score_predictions(gold: Sequence[Gold], predictions: Predictions) -> dict[str, float | int]:
    """Return the means that the official script prints, and how many answers were missing.

    A question without a prediction scores 0: every mean divides by the number of gold records. The
    keys `sp_*` and `joint_*` appear where the predictions hold supporting facts and gold records do; the
    records that do not are counted as `without_facts` and left out of them.
    """
    said = predictions.answers
    named = predictions.facts if any(record.facts is not None for record in gold) else None
    answers: list[float] = []  # four numbers a record: many small objects would keep the collector busy
    facts: list[float] = []
    both: list[float] = []
    for record in gold:
        right = (record.answer, *record.aliases)
        answer = score_best(said[record.id], right) if record.id in said else ZERO
        answers += answer
        if named is not None and record.facts is not None:
            shown = score_facts(named[record.id], record.facts) if record.id in named else ZERO
            facts += shown
            both += joint(answer, shown)
    known = {record.id for record in gold}
    result: dict[str, float | int] = {"n": len(gold), **_means("", answers)}
    result["missing"] = sum(record.id not in said for record in gold)
    result["unexpected"] = sum(identity not in known for identity in said)
    if predictions.facts is not None and (without := sum(record.facts is None for record in gold)):
        result["without_facts"] = without
    if named is not None:
        result |= _means("sp_", facts) | _means("joint_", both)
        result["sp_missing"] = sum(record.id not in named for record in gold if record.facts is not None)
    return result


def _tokens(text: str) -> list[str]:
    """Return the normalised words of a text.

    Printable ASCII, which is nearly all there is, takes a short cut: bytes are translated at once, and
    without punctuation the regular expression's words are those between spaces.
    """
    if text.isascii() and text.isprintable():
        words = text.encode().translate(_LOWER, _PUNCTUATION).decode().split()
        return words if _ARTICLES.isdisjoint(words) else [word for word in words if word not in _ARTICLES]
    return _ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _means(prefix: str, marks: Sequence[float]) -> dict[str, float]:
    names = Marks._fields
    n = len(marks) // len(names)
    return {f"{prefix}{name}": sum(marks[first :: len(names)]) / n for first, name in enumerate(names)}


def _f1(prec: float, recall: float) -> float:
    return 2 * prec * recall / (prec + recall) if prec + recall > 0 else 0.0
