"""Sources fitted to a model's context: the last ones are dropped until prompt and answer have room.

The server counts. A prompt that is surely short enough is not counted at all; one that may be too long is
counted by a request for a single token. Where a server does not say how long its context is, its refusal does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from raft_core.errors import EndpointError, PromptTooLong

if TYPE_CHECKING:
    from raft_core.records import Source, Turn

Write = Callable[[Sequence["Source"]], list[dict[str, str]]]
"""Sources → the chat that shows them."""
Count = Callable[[str, list[dict[str, str]]], int]
"""(model, chat) → its tokens; raises PromptTooLong where they exceed the context."""

SURE_BYTES = 2.0
"""Text has more bytes a token than this, in every language that a tokenizer was made for."""
ANSWER_SHARE = 4
"""A quarter of a small context is kept for the answer."""
LEAST_ANSWER = 16
"""Tokens: an answer that may not even have so many is none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a model is asked with: sources, earlier turns, and the most tokens that its answer may have."""

    sources: tuple[Source, ...]
    history: tuple[Turn, ...]
    max_new_tokens: int

    def shorter(self, refusal: PromptTooLong) -> Attempt | None:
        """Return what to ask with after a refusal: the last source is dropped first; None where all is dropped."""
        if refusal.limit is not None and refusal.tokens is not None:
            room = refusal.limit - refusal.tokens
            if answer_room(refusal.limit, self.max_new_tokens) <= room < self.max_new_tokens:
                return replace(self, max_new_tokens=room)
        if self.sources:
            return replace(self, sources=self.sources[:-1])
        if self.history:
            return replace(self, history=self.history[1:])
        if self.max_new_tokens > LEAST_ANSWER:
            return replace(self, max_new_tokens=max(self.max_new_tokens // 2, LEAST_ANSWER))
        return None


def answer_room(context: int, max_new_tokens: int) -> int:
    """Return how many tokens of a context are kept for the answer."""
    return max(min(max_new_tokens, context // ANSWER_SHARE), 1)


def fit(
    sources: Sequence[Source],
    write: Write,
    contexts: Mapping[str, int],
    max_new_tokens: int,
    count: Count,
) -> tuple[Source, ...]:
    """Return the first sources that fit into the context of every model; `contexts` are in tokens, by model."""
    fitting = tuple(sources)
    for model, context in contexts.items():
        room = context - answer_room(context, max_new_tokens)
        fitting = _fit_one(fitting, write, room, lambda chat, model=model: count(model, chat))  # type: ignore[misc]  # mypy cannot infer it
    return fitting


def _fit_one(
    sources: tuple[Source, ...], write: Write, room: int, count: Callable[[list[dict[str, str]]], int]
) -> tuple[Source, ...]:
    bytes_a_token = SURE_BYTES
    while sources:
        chat = write(sources)
        length = sum(len(message["content"].encode(errors="replace")) for message in chat)
        if length / bytes_a_token <= room:
            return sources
        if bytes_a_token == SURE_BYTES:  # what was counted once need not be counted again
            try:
                tokens = count(chat)
            except PromptTooLong as refusal:
                tokens = refusal.tokens or 0
            except EndpointError:  # the answer itself will say what is wrong
                return sources
            if 0 < tokens <= room:
                return sources
            bytes_a_token = length / tokens if tokens else bytes_a_token
        sources = sources[:-1]
    return sources
