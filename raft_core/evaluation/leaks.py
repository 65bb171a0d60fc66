"""Finds evaluation questions that a model may have seen in training.

    question  exact: the same after HotpotQA's normalisation (case, punctuation, articles, white space)
              near:  the same answer, the same names and numbers, and 70 % of all words in common
    context   exact: a paragraph stands in a training document, both normalised
              near:  half of a paragraph's sequences of eight words stand in one training document

Names and numbers are the words with a capital letter or a digit, the first word of a question aside. A
question in wholly other words is not found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from raft_core.evaluation.hotpotqa import normalise
from raft_core.records import Question

SHINGLE = 8
"""Words in a row that two texts hardly share by chance."""
NEAR_QUESTION = 0.7
NEAR_CONTEXT = 0.5
SHOWN = 200
"""Characters of a text in a report."""
_AROUND = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True, slots=True)
class Leak:
    """One evaluation question, what of it stands in a training row, and how alike the two are, up to 1."""

    id: str
    kind: Literal["question", "context"]
    how: Literal["exact", "near"]
    similarity: float
    text: str
    dataset: str
    row: str
    seen: str


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What was found of the training data in the evaluation data.

    `datasets` were looked through; of the models `unknown` the training data is not at hand. Of `checked`
    questions that many `questions` have a leak: they were left out, or asked all the same where `kept`.
    `leaks` holds the first of them.
    """

    datasets: tuple[str, ...]
    unknown: tuple[str, ...]
    checked: int
    questions: int
    kept: bool
    leaks: tuple[Leak, ...]


class Seen:
    """The questions and documents of training data, to be looked up."""

    def __init__(self) -> None:
        self._questions: dict[str, _Row] = {}
        self._by_answer: dict[str, list[_Row]] = {}
        self._documents: list[_Row] = []
        self._shingles: dict[int, list[int]] = {}
        self._known: set[str] = set()

    def add(self, dataset: str, row: str, question: str, answer: str, documents: Iterable[str]) -> None:
        """Add a training row: its question with the short answer, and every document shown in it."""
        asked = _Row(dataset, row, question)
        self._questions.setdefault(normalise(question), asked)
        self._by_answer.setdefault(normalise(answer), []).append(asked)
        for document in documents:
            words = normalise(document)
            if words and words not in self._known:
                self._known.add(words)
                number = len(self._documents)
                self._documents.append(_Row(dataset, row, document))
                for shingle in _shingles(words):
                    self._shingles.setdefault(shingle, []).append(number)

    def find(self, question: Question) -> list[Leak]:
        """Return what of a question stands in the training data: at most one leak for it and each paragraph."""
        leaks = [] if (leak := self._question(question)) is None else [leak]
        for _, sentences in question.context:
            if (leak := self._context(question.id, "".join(sentences).strip())) is not None:
                leaks.append(leak)
        return leaks

    def _question(self, question: Question) -> Leak | None:
        exact = self._questions.get(normalise(question.question))
        if exact is not None:
            return exact.leak(question.id, "question", "exact", 1.0, question.question)
        near = [
            (_alike(question.question, row.text), row)
            for row in self._by_answer.get(normalise(question.answer), [])
        ]
        similarity, row = max(near, key=lambda pair: pair[0], default=(0.0, None))
        if row is None or similarity < NEAR_QUESTION:
            return None
        return row.leak(question.id, "question", "near", similarity, question.question)

    def _context(self, identity: str, paragraph: str) -> Leak | None:
        words = normalise(paragraph)
        shingles = _shingles(words)
        shared = Counter(number for shingle in shingles for number in self._shingles.get(shingle, ()))
        if not shared:
            return None
        number, count = max(shared.items(), key=lambda pair: (pair[1], -pair[0]))
        row, similarity = self._documents[number], count / len(shingles)
        if f" {words} " in f" {normalise(row.text)} ":
            return row.leak(identity, "context", "exact", 1.0, paragraph)
        if similarity < NEAR_CONTEXT:
            return None
        return row.leak(identity, "context", "near", similarity, paragraph)


@dataclass(frozen=True, slots=True)
class _Row:
    dataset: str
    id: str
    text: str

    def leak(
        self,
        identity: str,
        kind: Literal["question", "context"],
        how: Literal["exact", "near"],
        similarity: float,
        text: str,
    ) -> Leak:
        return Leak(
            identity, kind, how, round(similarity, 3), text[:SHOWN], self.dataset, self.id, self.text[:SHOWN]
        )


def _shingles(words: str) -> set[int]:
    """Return the hashes of all sequences of eight words; of a shorter text its only one."""
    tokens = words.split()
    if not tokens:
        return set()
    starts = range(max(len(tokens) - SHINGLE + 1, 1))
    return {crc32(" ".join(tokens[start : start + SHINGLE]).encode("utf-8", "replace")) for start in starts}


def _alike(question: str, seen: str) -> float:
    """Return the share of words that two questions have in common; 0 where names or numbers differ."""
    if _names(question) != _names(seen):
        return 0.0
    ours, theirs = set(normalise(question).split()), set(normalise(seen).split())
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0


def _names(question: str) -> set[str]:
    """Return the words with a capital letter or a digit; a question's first word has one anyway."""
    bare = [_AROUND.sub("", word) for word in question.split()]
    return {
        normalise(word)
        for number, word in enumerate(bare)
        if any(character.isdigit() for character in word) or (number > 0 and word[:1].isupper())
    } - {""}
