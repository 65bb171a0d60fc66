"""Earlier turns of a conversation, kept short.

A model is given them as turns of a chat, before the question with its documents: the last few questions,
each with its short answer and without its documents. Documents are searched twice, by the question alone
and by the question behind the turn before it: "How high is it?" finds nothing by itself, and a new topic
nothing by the old one. Both is done without another call of a model, so that it serves small models too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from raft_core.records import Turn

TURNS = 3
TURN_CHARACTERS = 300
"""Of a question and of an answer: together at most some 500 tokens, which small contexts have room for."""
T = TypeVar("T")


def recent(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the last turns, each cut to a bounded length; those without an answer are left out."""
    answered = [turn for turn in turns if turn.question.strip() and turn.answer.strip()]
    return tuple(Turn(_short(turn.question), _short(turn.answer)) for turn in answered[-TURNS:])


def searches(question: str, turns: Sequence[Turn]) -> list[str]:
    """Return what to search documents for: the question, and the question with what it may refer to."""
    if not turns:
        return [question]
    last = turns[-1]
    return [f"{last.question} {last.answer} {question}", question]


def interleave(found: Sequence[Sequence[T]], limit: int) -> list[T]:
    """Return the first of each, then the second of each, and so on, each thing once, at most `limit`."""
    longest = max(map(len, found), default=0)
    in_turns = [each[place] for place in range(longest) for each in found if place < len(each)]
    return [item for at, item in enumerate(in_turns) if item not in in_turns[:at]][:limit]


def _short(text: str) -> str:
    return " ".join(text.split())[:TURN_CHARACTERS]
