"""Kinds of questions, and what counts as a refusal: the tables beside a score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raft_core.evaluation.hotpotqa import PERFECT, Marks, normalise, score_best
from raft_core.evaluation.significance import mean_interval
from raft_core.records import ABSTENTION, NO_ANSWER, Part, Question

if TYPE_CHECKING:
    from raft_core.evaluation.harness import Sample

YES_NO = "yes/no"
UNTYPED = "untyped"
LENGTHS = ((1, "1 word"), (2, "2 words"), (3, "3 words"), (5, "4 or 5 words"))
LONGEST = "6 or more words"

_SAYS_NOTHING = frozenset({normalise(ABSTENTION), "noanswer", "no answer", "unknown", "unanswerable", "na"})
_REFUSAL = re.compile(
    r"\b(?:i|we) (?:do not|dont|cannot|can not|cant|could not|couldnt|am unable to|am not able to) "
    r"(?:know|answer|find|determine|tell|say)\b"
    r"|\b(?:cannot|can not|cant|could not) be (?:answered|determined|found|known)\b"
    r"|\b(?:documents?|contexts?|passages?|texts?|information)\b.{0,40}\b(?:do|does|is|are) not "
    r"(?:say|mention|mentioned|contain|provide|provided|state|stated|specify|specified|answer)\b"
    r"|\bno (?:information|mention|answer)\b|\bnot enough information\b|\bnone of documents\b"
)


def kind_of(question: Question) -> str:
    """Return yes/no where that is the answer, else the record's type: bridge, comparison, single …"""
    return YES_NO if normalise(question.answer) in {"yes", "no"} else question.type or UNTYPED


def is_refusal(prediction: str) -> bool:
    """Return whether a short answer says that there is none, in the usual English words."""
    said = normalise(prediction)
    return said in _SAYS_NOTHING or _REFUSAL.search(said) is not None


def score_reply(prediction: str, answers: Sequence[str]) -> Marks:
    """Compare a model's short answer with the right ones: the nearest counts.

    To a question without an answer a refusal is the right reply, in whatever words. For all other questions these
    are the official script's marks.
    """
    if answers[0] == NO_ANSWER and is_refusal(prediction):
        return PERFECT
    return score_best(prediction, answers)


def length_of(gold: str) -> str:
    """Return the group of a gold answer by its number of words, articles aside."""
    words = len(normalise(gold).split())
    return next((name for most, name in LENGTHS if words <= most), LONGEST)


def split(samples: Sequence[Sample], seed: int) -> dict[str, dict[str, Part]]:
    """Return F1 by type, by length of the gold answer, and by whether the gold paragraphs were shown."""
    tables: dict[str, dict[str, list[Sample]]] = {"type": {}, "length": {}, "gold": {}}
    for sample in samples:
        tables["type"].setdefault(sample.type or UNTYPED, []).append(sample)
        tables["length"].setdefault(length_of(sample.gold), []).append(sample)
        if sample.gold_shown is not None:
            tables["gold"].setdefault("shown" if sample.gold_shown else "missing", []).append(sample)
    order = [*(name for _, name in LENGTHS), LONGEST]
    tables["length"] = {name: tables["length"][name] for name in order if name in tables["length"]}
    for name in ("type", "gold"):
        tables[name] = dict(sorted(tables[name].items()))
    return {
        table: {name: _part(group, seed) for name, group in groups.items()}
        for table, groups in tables.items()
        if groups
    }


def _part(samples: Sequence[Sample], seed: int) -> Part:
    f1 = mean_interval([sample.f1 for sample in samples], seed=seed)
    em = sum(sample.em for sample in samples) / len(samples)
    return Part(len(samples), f1.mean, f1.low, f1.high, em)
