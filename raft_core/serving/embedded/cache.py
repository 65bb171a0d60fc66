"""Keys and values of the running answers, allocated ahead, and attention over them.

Row i of the batch has slot i. Per layer, (slots, heads, width, tokens) of keys and (slots, heads, tokens, width) of
values: transposed keys let all rows' scores be one batched product of long rows, which for few queries takes half
the time of PyTorch's own attention on a CPU. Query heads that share a key/value head are the rows of one product, so
that nothing is repeated in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

ROUND_TOKENS = 64
"""Slots hold a multiple of this many tokens."""
BLANK_TOKENS = 256
"""So many tokens ahead a slot is blanked at once."""


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
    """The slots. They grow when needed; `budget` bounds the tokens of all together."""

    def __init__(self, budget: int) -> None:
        self.slots = 0
        self.tokens = 0
        self._budget = budget
        self._keys: dict[int, torch.Tensor] = {}
        self._values: dict[int, torch.Tensor] = {}
        self._clean: dict[int, int] = {}
        """Up to which token a slot holds nothing but what its row wrote, and zeros."""

    def reserve(self, slots: int, tokens: int, *, held: int) -> None:
        """Make room for so many slots of so many tokens; the first `held` slots keep what they hold."""
        if slots <= self.slots and tokens <= self.tokens:
            return
        tokens = -(-tokens // ROUND_TOKENS) * ROUND_TOKENS
        slots = max(slots, min(2 * slots, self._budget // tokens))
        for layer in list(self._keys):
            self._keys[layer] = _resized(self._keys[layer], slots, tokens, held, dim=3)
            self._values[layer] = _resized(self._values[layer], slots, tokens, held, dim=2)
        self.slots, self.tokens = slots, tokens

    def occupy(self, slot: int) -> None:
        """Note that another row has a slot from now on."""
        self._clean.pop(slot, None)

    def blank(self, lengths: Sequence[int]) -> None:
        """Write zeros behind the rows, in slots 0, 1, …, as far as the longest: a value there is multiplied by 0.

        Memory that nobody has written to may hold NaN, which stays NaN.
        """
        total = max(lengths) + 1
        for slot, length in enumerate(lengths):
            clean = self._clean.get(slot, 0)
            if length + 1 < total and clean < total:
                stop = min(self.tokens, total + BLANK_TOKENS)
                for values in self._values.values():
                    values[slot, :, max(clean, length) : stop] = 0
                self._clean[slot] = stop

    def move(self, source: int, target: int, tokens: int) -> None:
        """Copy the first tokens of one slot to another, in all layers, for the row that has it from now on."""
        self.occupy(target)
        for layer in self._keys:
            self.copy(layer, source, target, tokens)

    def copy(self, layer: int, source: int, target: int, tokens: int) -> None:
        """Copy the first tokens of one slot to another, in one layer."""
        keys, values = self._keys[layer], self._values[layer]
        keys[target, :, :, :tokens] = keys[source, :, :, :tokens]
        values[target, :, :tokens] = values[source, :, :tokens]

    def of(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a layer's keys and values; made when its first (tokens, heads, width) are at hand."""
        if layer not in self._keys:
            heads, width = key.shape[1:]
            self._keys[layer] = key.new_empty(self.slots, heads, width, self.tokens)
            self._values[layer] = value.new_empty(self.slots, heads, self.tokens, value.shape[-1])
        return self._keys[layer], self._values[layer]


def _resized(old: torch.Tensor, slots: int, tokens: int, held: int, *, dim: int) -> torch.Tensor:
    shape = [slots, *old.shape[1:]]
    shape[dim] = tokens
    new = old.new_empty(shape)
    if held:
        kept = min(tokens, old.shape[dim])
        new[:held].narrow(dim, 0, kept).copy_(old[:held].narrow(dim, 0, kept))
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
            if segment.source is not None:
                self._cache.copy(layer, segment.source, segment.slot, segment.start)
            k, v = key[segment.tokens], value[segment.tokens]
            keys[segment.slot, :, :, segment.start : stop] = k.permute(1, 2, 0)
            values[segment.slot, :, segment.start : stop] = v.transpose(0, 1)
            q = query[segment.tokens]
            if segment.start or (window is not None and stop > window):
                there = keys[segment.slot, :, :, :stop], values[segment.slot, :, :stop]
                found.append(_attended(q, *there, segment.start, scaling, window))
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
    """Return what a row's tokens from `start` on attend to, in keys (heads, width, tokens) of it and those before."""
    count, heads, width = query.shape
    groups, _, total = keys.shape
    q = (query * scaling).transpose(0, 1).reshape(groups, heads // groups * count, width)
    scores = torch.bmm(q, keys).view(heads, count, total)
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
        self._total = max(lengths) + 1
        self._same = len(set(lengths)) == 1
        self._lengths = torch.tensor(lengths, device=device)
        self._index = torch.arange(self._rows, device=device)
        self._hidden: dict[int | None, torch.Tensor | None] = {}

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
        rows, total = self._rows, self._total
        keys, values = self._cache.of(layer, key, value)
        if self._same:
            keys[:rows, :, :, total - 1] = key
            values[:rows, :, total - 1] = value
        else:
            keys[self._index, :, :, self._lengths] = key
            values[self._index, :, self._lengths] = value
        heads, groups = query.shape[1], key.shape[1]
        q = (query * scaling).reshape(rows * groups, heads // groups, -1)
        scores = torch.bmm(q, keys[:rows].flatten(0, 1)[:, :, :total])
        hidden = self._mask(window)
        if hidden is not None:
            scores.view(rows, heads, total).masked_fill_(hidden, -torch.inf)
        attended = torch.bmm(scores.softmax(-1), values[:rows].flatten(0, 1)[:, :total])
        return attended.view(rows, heads, -1)

    def _mask(self, window: int | None) -> torch.Tensor | None:
        """Return what each row does not attend to, (rows, 1, tokens); None where it attends to everything."""
        if window is not None and window >= self._total:
            window = None
        if window not in self._hidden:
            columns, own = (
                torch.arange(self._total, device=self._lengths.device),
                self._lengths[:, None, None],
            )
            hidden = None if self._same and window is None else columns > own
            if hidden is not None and window is not None:
                hidden |= columns <= own - window
            self._hidden[window] = hidden
        return self._hidden[window]
