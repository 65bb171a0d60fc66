"""Finds evaluation questions that a model may have seen in training.

    question  exact: the same after HotpotQA's normalisation (case, punctuation, articles, white space)
              near:  the same answer, the same names and numbers, and 70 % of all words in common
    context   exact: a paragraph stands in a training document, both normalised
              near:  half of a paragraph's sequences of eight words stand in one training document

Names and numbers are the words with a capital letter or a digit, the first word of a question aside. A
question in wholly other words is not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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

    `datasets` were looked through; of the models `unknown` the training data is not at hand. `checked`
    questions were looked at; those with a leak were left out, or asked all the same where `kept`.
    """

    datasets: tuple[str, ...]
    unknown: tuple[str, ...]
    checked: int
    kept: bool
    leaks: tuple[Leak, ...]

    @property
    def questions(self) -> int:
        """How many questions have a leak."""
        return len({leak.id for leak in self.leaks})
