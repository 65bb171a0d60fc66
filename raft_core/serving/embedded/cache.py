"""Keys and values of the running answers, allocated ahead, and attention over them.

Row i of the batch has slot i: per layer (slots, heads, tokens, width) of keys and of values. Query heads that share a
key/value head are the rows of one product, so that nothing is repeated in memory, and the products are over whole
slots, masked, as batched products of a part of each slot copy it first. With few queries a row this takes half the
time of PyTorch's own attention on a CPU. Slots are therefore not much longer than the longest row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

ROUND_TOKENS = 64
"""Slots hold a multiple of this many tokens."""
SPARE_TOKENS = 256
"""Slots that are by so much longer than the longest row are shortened."""


class Attend(Protocol):
    """Attention of one forward pass, for whichever layer asks: what it is given becomes part of the cache."""

    def __call__(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        scaling: float,
        window: int | None = None,
    ) -> torch.Tensor:
        """Return (tokens, heads, width) for query (tokens, heads, width) and key, value (tokens, key heads, width)."""


class KeyValues:
    """The slots. Values behind a row's own are zeros: they are multiplied by 0, which NaN would survive."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        """The tokens of all slots together, beyond which no slot is made ahead."""
        self.slots = 0
        self.tokens = 0
        self._keys: dict[int, torch.Tensor] = {}
        self._values: dict[int, torch.Tensor] = {}

    def reserve(self, slots: int, tokens: int, *, held: int) -> None:
        """Make room for so many slots of so many tokens; the first `held` slots keep what they hold."""
        tokens = -(-tokens // ROUND_TOKENS) * ROUND_TOKENS
        if slots <= self.slots and tokens <= self.tokens < tokens + SPARE_TOKENS:
            return
        if slots > self.slots:
            slots = max(slots, min(2 * self.slots, self._budget // tokens))
        slots = max(slots, self.slots)
        for held_here in (self._keys, self._values):
            for layer, old in held_here.items():
                held_here[layer] = _resized(old, slots, tokens, held)
        self.slots, self.tokens = slots, tokens

    def of(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a layer's keys and values; made when its first (tokens, heads, width) are at hand."""
        if layer not in self._keys:
            for held, new in ((self._keys, key), (self._values, value)):
                held[layer] = new.new_empty(self.slots, new.shape[1], self.tokens, new.shape[2])
        return self._keys[layer], self._values[layer]

    def move(self, source: int, target: int) -> None:
        """Copy one slot to another, in all layers."""
        for held in (*self._keys.values(), *self._values.values()):
            held[target] = held[source]


def _resized(old: torch.Tensor, slots: int, tokens: int, held: int) -> torch.Tensor:
    new = old.new_empty(slots, old.shape[1], tokens, old.shape[3])
    kept = min(tokens, old.shape[2])
    new[:held, :, :kept] = old[:held, :, :kept]
    new[:held, :, kept:] = 0
    return new


@dataclass(frozen=True, slots=True)
class Segment:
    """The tokens of one row within a pass that reads prompts, at positions from `start` on in `slot`.

    What lies before `start` is copied from `source`, a slot that is filled already or earlier in the same pass.
    """

    slot: int
    tokens: slice
    start: int = 0
    source: int | None = None


class Reading:
    """Attention of a pass that reads prompts, laid one behind the other without padding."""

    def __init__(self, cache: KeyValues, segments: Sequence[Segment]) -> None:
        self._cache = cache
        self._segments = segments

    def __call__(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        scaling: float,
        window: int | None = None,
    ) -> torch.Tensor:
        """Attend, as `Attend` says."""
        keys, values = self._cache.of(layer, key, value)
        found = []
        for segment in self._segments:
            stop = segment.start + segment.tokens.stop - segment.tokens.start
            slot, start = segment.slot, segment.start
            if segment.source is not None:
                keys[slot, :, :start] = keys[segment.source, :, :start]
                values[slot, :, :start] = values[segment.source, :, :start]
            q, k, v = query[segment.tokens], key[segment.tokens], value[segment.tokens]
            keys[slot, :, start:stop] = k.transpose(0, 1)
            values[slot, :, start:stop] = v.transpose(0, 1)
            values[slot, :, stop:] = 0
            if start or (window is not None and stop > window):
                there = keys[slot, :, :stop], values[slot, :, :stop]
                found.append(_attended(q, *there, start, scaling, window))
            else:
                found.append(_causal(q, k, v, scaling))
        return torch.cat(found)


def _causal(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """Return what a whole prompt attends to in itself."""
    q, k, v = (part.transpose(0, 1)[None] for part in (query, key, value))
    grouped = query.shape[1] != key.shape[1]
    attended = scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=grouped)
    return attended[0].transpose(0, 1)


def _attended(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    start: int,
    scaling: float,
    window: int | None,
) -> torch.Tensor:
    """Return what a row's tokens from `start` on attend to, in keys (heads, tokens, width) of it and those before."""
    count, heads, width = query.shape
    groups, total, _ = keys.shape
    q = (query * scaling).transpose(0, 1).reshape(groups, heads // groups * count, width)
    scores = torch.bmm(q, keys.transpose(1, 2)).view(heads, count, total)
    columns = torch.arange(total, device=query.device)
    own = columns[start:, None]
    hidden = columns > own
    if window is not None:
        hidden |= columns <= own - window
    weights = scores.masked_fill_(hidden, -torch.inf).softmax(-1).view(groups, -1, total)
    return torch.bmm(weights, values).view(heads, count, -1).transpose(0, 1)


class Stepping:
    """Attention of a pass with one token a row: row i is slot i and holds `lengths[i]` tokens before it."""

    def __init__(self, cache: KeyValues, lengths: Sequence[int], device: torch.device) -> None:
        self._cache = cache
        self._rows = len(lengths)
        self._lengths = torch.tensor(lengths, device=device)
        self._index = torch.arange(self._rows, device=device)
        self._columns = torch.arange(cache.tokens, device=device)
        self._hidden: dict[int | None, torch.Tensor] = {}

    def __call__(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        scaling: float,
        window: int | None = None,
    ) -> torch.Tensor:
        """Attend, as `Attend` says."""
        rows, total = self._rows, len(self._columns)
        keys, values = self._cache.of(layer, key, value)
        keys[self._index, :, self._lengths] = key
        values[self._index, :, self._lengths] = value
        heads, groups = query.shape[1], key.shape[1]
        q = (query * scaling).reshape(rows * groups, heads // groups, -1)
        scores = torch.bmm(q, keys[:rows].flatten(0, 1).transpose(1, 2))
        scores.view(rows, heads, total).masked_fill_(self._mask(window), -torch.inf)
        return torch.bmm(scores.softmax(-1), values[:rows].flatten(0, 1)).view(rows, heads, -1)

    def _mask(self, window: int | None) -> torch.Tensor:
        """Return what each row does not attend to, (rows, 1, tokens)."""
        if window not in self._hidden:
            own = self._lengths[:, None, None]
            hidden = self._columns > own
            if window is not None:
                hidden |= self._columns <= own - window
            self._hidden[window] = hidden
        return self._hidden[window]
