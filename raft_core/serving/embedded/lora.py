"""LoRA adapters for batches in which every row may have its own.

PEFT's mixed batch (`adapter_names=`) gathers and scatters rows by index in each layer. Here rows with
the same adapter stand side by side, so that each adapter works on a slice, in place, and rows of the
base cost nothing.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from raft_core.serving.adapter_files import AdapterFiles, linear_layers, read_adapter_files, shape_of
from raft_core.serving.embedded.model import BaseModel

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter's weights: for each linear layer A transposed and B transposed times the scaling."""

    name: str
    path: str
    sha256: str
    pairs: dict[str, Pair] = field(repr=False)


def read_adapter(name: str, folder: Path, base: BaseModel) -> Adapter:
    """Read a LoRA adapter that PEFT saved.

    Raises:
        ModelError: as `read_adapter_files`.
    """
    files = read_adapter_files(name, folder, shape_of(base.name, base.path, base.model))
    layers = linear_layers(base.model)
    pairs = {layer: _pair(layer, layers[layer], both, files, base) for layer, both in files.matrices.items()}
    return Adapter(name, str(folder), files.sha256, pairs)


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


@dataclass(frozen=True)
class _Run:
    rows: slice
    pairs: dict[str, Pair]


class _Applied(threading.local):
    """What applies in the forward pass of this thread."""

    def __init__(self) -> None:
        self.runs: list[_Run] = []


class LoraRows:
    """Adds each row's own adapter to what the linear layers of a model return.

    The layers' `forward` is replaced rather than hooked: PyTorch's path through hooks costs as much as
    the small matrices do.
    """

    def __init__(self, model: Any) -> None:
        self._applied = _Applied()
        for name, module in linear_layers(model).items():
            module.forward = self._with_adapters(name, module.forward)

    @contextmanager
    def applied(self, adapters: Sequence[Adapter | None]) -> Iterator[None]:
        """Give row i `adapters[i]` (None: the base) in the forward passes within; equal ones adjoin."""
        start = 0
        for adapter, rows in groupby(adapters):
            stop = start + sum(1 for _ in rows)
            if adapter is not None:
                self._applied.runs.append(_Run(slice(start, stop), adapter.pairs))
            start = stop
        try:
            yield
        finally:
            self._applied.runs.clear()

    def _with_adapters(
        self, layer: str, plain: Callable[[torch.Tensor], torch.Tensor]
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def forward(x: torch.Tensor) -> torch.Tensor:
            output = plain(x)
            for run in self._applied.runs:
                pair = run.pairs.get(layer)
                if pair is not None:
                    a, b = pair
                    output[run.rows].flatten(0, 1).addmm_(x[run.rows].flatten(0, 1) @ a, b)
            return output

        return forward
