"""Which paragraphs a model is shown with a question: the settings of the RAFT paper.

distractor   those of the record, or the gold ones and a number of its others
oracle       the gold ones, on which the answer rests
closed-book  none: what the weights know
retrieval    the nearest to the question among all paragraphs of the data
documents    the nearest to the question among the chunks of the guild's own documents, as members are answered
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from raft_core.errors import EvaluationError
from raft_core.records import NO_ANSWER, Paragraph, Question

Setting = Literal["distractor", "oracle", "closed-book", "retrieval", "documents"]
SETTINGS: tuple[Setting, ...] = ("distractor", "oracle", "closed-book", "retrieval", "documents")
RETRIEVING: tuple[Setting, ...] = ("retrieval", "documents")

PROMPTS = ("rag", "raft")
CLOSED = {"rag": "closed", "raft": "closed_raft"}
"""What stands in for a prompt where there are no documents to answer from."""


@dataclass(frozen=True, slots=True)
class Pool:
    """All different paragraphs of the data, in its order, each findable by itself."""

    paragraphs: tuple[Paragraph, ...]
    numbers: dict[Paragraph, int]

    def gold(self, question: Question) -> frozenset[int]:
        """Return the numbers of the paragraphs that the answer rests on; none where the data names none."""
        return frozenset(self.numbers[each] for each in question.context if each[0] in question.gold_titles)


def supporting_sentences(question: Question) -> tuple[str, ...]:
    """Return the sentences that the answer rests on; none where the record does not name them."""
    by_title = dict(question.context)
    return tuple(
        by_title[title][number].strip()
        for title, number in question.supporting_facts
        if number < len(by_title.get(title, ()))
    )


def pool(questions: Sequence[Question]) -> Pool:
    """Gather the paragraphs of all questions."""
    numbers: dict[Paragraph, int] = {}
    for question in questions:
        for paragraph in question.context:
            numbers.setdefault(paragraph, len(numbers))
    return Pool(tuple(numbers), numbers)


def with_distractors(question: Question, count: int, seed: int) -> Question:
    """Keep the gold paragraphs and `count` others, or all where there are fewer, in the record's order.

    The others are chosen by seed, so that fewer are always among the more. A question without an answer has no
    gold paragraph and keeps one other at least.

    Raises:
        EvaluationError: the record does not name its gold paragraphs.
    """
    gold = question.gold_titles & {title for title, _ in question.context}
    if not gold and question.answer == NO_ANSWER:
        count = max(count, 1)
    elif not gold:
        raise EvaluationError(
            f"record {question.id!r} does not name the paragraphs that its answer rests on",
            remedy="give records with supporting_facts, or take the distractor setting as it is",
        )
    others = [number for number, (title, _) in enumerate(question.context) if title not in gold]
    random.Random(f"{seed}-{question.id}").shuffle(others)
    dropped = set(others[count:])
    return replace(
        question,
        context=tuple(each for number, each in enumerate(question.context) if number not in dropped),
    )


def gold_shown(question: Question) -> bool | None:
    """Tell whether all gold paragraphs are in a question's context; None where the data names none."""
    if not question.gold_titles:
        return None
    return question.gold_titles <= {title for title, _ in question.context}


def recall_at(retrieved: Sequence[Sequence[int]], gold: Sequence[frozenset[int]]) -> dict[str, float]:
    """Return the mean share of a question's gold paragraphs among the first k retrieved, by k as text.

    Questions without gold paragraphs are left out; empty where that is all of them.
    """
    known = [(list(found), right) for found, right in zip(retrieved, gold, strict=True) if right]
    deepest = max((len(found) for found, _ in known), default=0)
    return {
        str(k): sum(len(right.intersection(found[:k])) / len(right) for found, right in known) / len(known)
        for k in range(1, deepest + 1)
    }
