"""Keys and values of a batch whose rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

SPARE = 64
"""Tokens of room made at once; DynamicLayer copies the whole cache for every token."""


class SpareLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers' hook for subclasses is untyped
    """One layer's keys and values, (rows, heads, tokens, width), with room for what comes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers' own is untyped
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in what came; returns all keys and values."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        stop = start + key_states.shape[-2]
        if self._buffers is None or self._buffers[0].shape[-2] < stop:
            keys, values = self._held()
            self._buffers = _grown(keys, key_states, start), _grown(values, value_states, start)
        buffered_keys, buffered_values = self._buffers
        buffered_keys[:, :, start:stop] = key_states
        buffered_values[:, :, start:stop] = value_states
        self.keys, self.values = buffered_keys[:, :, :stop], buffered_values[:, :, :stop]
        return self.keys, self.values

    def select(self, rows: torch.Tensor, first: int) -> None:
        """Keep these rows, in this order, and the tokens from `first` on."""
        keys, values = self._held()
        self._replace(keys[rows, :, first:], values[rows, :, first:])

    def extend(self, others: Sequence[SpareLayer]) -> None:
        """Add other layers' rows below; what is narrower is padded on the left."""
        held = [layer._held() for layer in (self, *others)]
        width = max(keys.shape[-2] for keys, _ in held)
        self._replace(
            torch.cat([_widened(keys, width) for keys, _ in held]),
            torch.cat([_widened(values, width) for _, values in held]),
        )

    def _held(self) -> tuple[torch.Tensor, torch.Tensor]:
        if self.keys is None or self.values is None:
            raise RuntimeError("this layer of the cache was never filled")
        return self.keys, self.values

    def _replace(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys, self.values, self._buffers = keys, values, None


def _grown(old: torch.Tensor, new: torch.Tensor, start: int) -> torch.Tensor:
    rows, heads, more, width = new.shape
    buffer = new.new_empty(rows, heads, start + more + SPARE, width)
    if start:
        buffer[:, :, :start] = old
    return buffer


def _widened(cached: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.pad(cached, (0, 0, width - cached.shape[-2], 0))
