"""LoRA adapters for batches in which every row may have its own.

PEFT's mixed batch (`adapter_names=`) wraps each layer and gathers and scatters rows by index. Here the tokens of an
adapter are a slice wherever they stand side by side, and those of the base cost nothing.

An activated adapter (PEFT's `alora_invocation_tokens`, https://arxiv.org/abs/2504.12397) acts from the last place of
its invocation tokens in the prompt on: what lies before is computed as the base does, and can be shared with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from raft_core.serving.adapter_files import AdapterFiles, linear_layers, read_adapter_files, shape_of

if TYPE_CHECKING:
    from raft_core.serving.embedded.model import BaseModel

Pair = tuple[torch.Tensor, torch.Tensor]
Where = slice | torch.Tensor
"""Which tokens of a pass: a slice, or their numbers where they do not stand side by side."""


@dataclass(frozen=True, slots=True)
class _Joined:
    """One A for several layers of the same inputs, and for each its ranks, its outputs' columns, and B."""

    a: torch.Tensor
    parts: list[tuple[slice, slice, torch.Tensor]]


def _join(pairs: Mapping[str, Pair], layers: tuple[str, ...], widths: Sequence[int]) -> _Joined | None:
    ranks, columns = 0, 0
    matrices, parts = [], []
    for layer, width in zip(layers, widths, strict=True):
        if layer in pairs:
            a, b = pairs[layer]
            matrices.append(a)
            parts.append((slice(ranks, ranks + a.shape[1]), slice(columns, columns + width), b))
            ranks += a.shape[1]
        columns += width
    return _Joined(torch.cat(matrices, 1), parts) if parts else None


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter's weights: for each linear layer A transposed and B transposed times the scaling."""

    name: str
    path: str
    sha256: str
    pairs: dict[str, Pair] = field(repr=False)
    invocation: tuple[int, ...] = ()
    """The tokens from which on an activated adapter acts; an ordinary one, without any, acts everywhere."""
    _joined: dict[tuple[str, ...], _Joined | None] = field(default_factory=dict, repr=False)

    def joined(self, layers: tuple[str, ...], widths: Sequence[int]) -> _Joined | None:
        """Return its matrices for layers whose outputs stand side by side; None where it changes none of them."""
        if layers not in self._joined:
            self._joined[layers] = _join(self.pairs, layers, widths)
        return self._joined[layers]

    def starts(self, prompt: Sequence[int]) -> int | None:
        """Return from which token of a prompt on it acts; None where an activated adapter is not invoked."""
        size = len(self.invocation)
        places = range(len(prompt) - size, -1, -1)
        if not size:
            return 0
        return next((at for at in places if tuple(prompt[at : at + size]) == self.invocation), None)


def read_adapter(name: str, folder: Path, base: BaseModel) -> Adapter:
    """Read a LoRA adapter that PEFT saved.

    Raises:
        ModelError: as `read_adapter_files`.
    """
    files = read_adapter_files(name, folder, shape_of(base.name, base.path, base.model), activated=True)
    layers = linear_layers(base.model)
    pairs = {layer: _pair(layer, layers[layer], both, files, base) for layer, both in files.matrices.items()}
    return Adapter(name, str(folder), files.sha256, pairs, files.invocation)


def _pair(layer: str, module: Any, both: Pair, files: AdapterFiles, base: BaseModel) -> Pair:
    a, b = both
    scaled = b.float() * _scaling(layer, a.shape[0], files.config)
    weight = module.weight.dtype
    dtype = weight if weight.is_floating_point else base.dtype  # 4-bit weights are packed in bytes
    return a.t().contiguous().to(base.device, dtype), scaled.t().contiguous().to(base.device, dtype)


def _scaling(layer: str, rank: int, config: Mapping[str, Any]) -> float:
    """Return alpha / r (alpha / √r for rsLoRA) with PEFT's per-layer patterns (`get_pattern_key`)."""
    patterns = config.get("alpha_pattern") or {}
    key = next((key for key in patterns if re.match(rf"(.*\.)?({key})$", layer)), None)
    alpha = patterns[key] if key is not None else config.get("lora_alpha", 8)
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)


class Applied:
    """Which adapter acts on which tokens in one forward pass, and on which rows of the last layer."""

    def __init__(
        self, tokens: Sequence[Adapter | None], rows: Sequence[Adapter | None], device: torch.device
    ) -> None:
        self._tokens = _places(tokens, device)
        self._rows = self._tokens if tokens is rows else _places(rows, device)

    def add(
        self,
        layers: tuple[str, ...],
        widths: Sequence[int],
        x: torch.Tensor,
        output: torch.Tensor,
        *,
        last: bool = False,
    ) -> None:
        """Add what the adapters make of x, (tokens, inputs), to the output of layers that stand side by side in it."""
        for adapter, where in self._rows if last else self._tokens:
            joined = adapter.joined(layers, widths)
            if joined is None:
                continue
            inner = x[where] @ joined.a
            for ranks, columns, b in joined.parts:
                if isinstance(where, slice):
                    output[where, columns].addmm_(inner[:, ranks], b)
                else:
                    output[:, columns].index_add_(0, where, inner[:, ranks] @ b)


def _places(adapters: Sequence[Adapter | None], device: torch.device) -> list[tuple[Adapter, Where]]:
    """Return each adapter and its places."""
    found: dict[Adapter, list[int]] = {}
    for place, adapter in enumerate(adapters):
        if adapter is not None:
            found.setdefault(adapter, []).append(place)
    return [(adapter, _where(places, device)) for adapter, places in found.items()]


def _where(places: list[int], device: torch.device) -> Where:
    first, last = places[0], places[-1]
    return slice(first, last + 1) if last - first + 1 == len(places) else torch.tensor(places, device=device)
