"""What makes products fast on a CPU: few rows with large matrices turned around, threads that are not in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import linear, pad

FEW = 4
"""So many rows the product is turned around for at once."""
NARROW = 1024
"""Layers of up to so many inputs gain by it with twice as many rows too, half of them after the other."""
LARGE_BYTES = 2**20
"""From this size on a matrix does not stay in a core's cache, and reading it is what takes the time."""


def hasten_few_rows(model: Any) -> None:
    """Have the large linear layers of a float32 model on a CPU compute W·xᵀ where x has few rows.

    MKL reads W in one thread for x·Wᵀ with one row, and takes twice as long for two; for W·xᵀ it shares W among
    threads and takes as long for four rows as for two (measured: docs/log.md). An odd row goes with an empty one.
    """
    for module in model.modules():
        if type(module) is torch.nn.Linear and _is_large(module.weight):
            setattr(module, "forward", _hastened(module))  # noqa: B010  # mypy takes a method for no attribute


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in this thread alone, so that OpenMP makes no team of threads for it.

    With more threads than cores libgomp lets none of them wait awake: every product in the engine's thread would take
    half as long again, for as long as the process lives (measured: docs/log.md).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_large(weight: torch.Tensor) -> bool:
    return (weight.device.type, weight.dtype) == ("cpu", torch.float32) and weight.nbytes >= LARGE_BYTES


def _hastened(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    most = 2 * FEW if layer.in_features <= NARROW else FEW

    def forward(x: torch.Tensor) -> torch.Tensor:
        rows = x.numel() // layer.in_features
        if not 0 < rows <= most:
            return linear(x, layer.weight, layer.bias)
        flat = pad(x.reshape(rows, layer.in_features), (0, 0, 0, rows % 2))
        turned = [torch.mm(layer.weight, some.t()).t() for some in torch.split(flat, FEW)]
        product = torch.cat(turned)[:rows]
        if layer.bias is not None:
            product += layer.bias
        return product.reshape(*x.shape[:-1], layer.out_features)

    return forward
