"""One answer in the making: what was asked for, what came so far, how the next token is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from raft_core.errors import ModelError
from raft_core.serving.embedded.lora import Adapter
from raft_core.serving.embedded.text import TextStream

GREEDY_BELOW = 1e-4
"""Below this temperature the likeliest token is certain, and dividing by it leaves the range of float32."""


@dataclass(frozen=True, slots=True)
class Piece:
    """New text of an answer and its tokens so far; the last one says why it ended: "stop" or "length"."""

    text: str
    tokens: int
    finish_reason: str | None = None


NOWHERE = 1 << 60
"""Beyond the end of any prompt."""

Sink = Callable[["Piece | Exception"], None]
"""Where pieces go, called in the engine's thread; an exception ends the answer."""


@dataclass(eq=False, slots=True)
class Generation:
    """A request to the engine. `stop_ids` end the answer and stay out of it, the end token among them."""

    prompt: list[int]
    adapter: Adapter | None
    max_tokens: int
    sink: Sink = field(repr=False)
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_ids: frozenset[int] = frozenset()
    live: bool = False
    skip_special: bool = True
    cancelled: bool = False
    """Set from any thread; the engine drops the answer before its next step."""

    @property
    def reserved(self) -> int:
        """The tokens this answer may come to hold in memory."""
        return len(self.prompt) + self.max_tokens


class Row:
    """One row of the running batch."""

    def __init__(self, generation: Generation, tokenizer: Any, device: torch.device) -> None:
        self.generation = generation
        self.last = generation.prompt[-1]
        self.finished = False
        start = generation.adapter.starts(generation.prompt) if generation.adapter else None
        self.adapter = None if start is None else generation.adapter
        """The adapter that acts on it: none where an activated one is not invoked by the prompt."""
        self.acts_from = NOWHERE if start is None else start
        self._tokens = 0
        self._text = TextStream(
            tokenizer, generation.stop, live=generation.live, skip_special=generation.skip_special
        )
        self._random: torch.Generator | None = None
        if generation.temperature >= GREEDY_BELOW:
            self._random = torch.Generator(device)
            if generation.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(generation.seed)

    @property
    def held(self) -> int:
        """The tokens whose keys and values are held: all but the last one."""
        return len(self.generation.prompt) + max(0, self._tokens - 1)

    def push(self, token: int) -> None:
        """Take the next token, and send on what is new."""
        asked = self.generation
        self.last = token
        self._tokens += 1
        reason = "length" if self._tokens >= asked.max_tokens else None
        if token in asked.stop_ids:
            reason = "stop"
        else:
            self._text.push(token)
            reason = "stop" if self._text.stopped else reason
        self.finished = reason is not None
        if self.finished or asked.live:
            text = self._text.take(last=self.finished)
            if text or self.finished:
                asked.sink(Piece(text, self._tokens, reason))

    def sample(self, logits: torch.Tensor) -> int:
        """Sample a token from finite logits of shape (vocabulary,) by temperature and top-p."""
        scaled = (logits - logits.max()) / self.generation.temperature
        probabilities = torch.softmax(scaled, dim=-1)
        if self.generation.top_p < 1:
            ordered, order = probabilities.sort(descending=True)
            beyond = ordered.cumsum(-1) - ordered >= self.generation.top_p
            beyond[0] = False  # the first always stays, also where top-p is 0 in float32
            probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(beyond, 0))
        return int(torch.multinomial(probabilities, 1, generator=self._random).item())


def choose(logits: torch.Tensor, rows: Sequence[Row]) -> list[int | ModelError]:
    """Return each row's next token from logits of shape (rows, vocabulary), or why this row has none."""
    best = logits.max(-1)  # not finite where any of the row's logits is NaN
    tokens: list[int | ModelError] = best.indices.tolist()
    for index, (row, finite) in enumerate(zip(rows, best.values.isfinite().tolist(), strict=True)):
        if not finite:
            tokens[index] = ModelError(
                "the model's output is not finite: its weights or the adapter's are broken"
            )
        elif row.generation.temperature >= GREEDY_BELOW:
            tokens[index] = row.sample(logits[index].float())
    return tokens
