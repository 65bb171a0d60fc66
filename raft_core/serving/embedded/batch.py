"""The running batch: rows join between steps, each with its own adapter, and leave when finished."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache

from raft_core.serving.embedded.cache import SpareLayer
from raft_core.serving.embedded.generation import Row
from raft_core.serving.embedded.lora import LoraRows
from raft_core.serving.embedded.model import BaseModel


class Batch:
    """Rows that step together. Shorter rows are padded on the left, by `_pads[i]` tokens."""

    def __init__(self, base: BaseModel, lora: LoraRows, rows: Sequence[Row]) -> None:
        self._base = base
        self._lora = lora
        self.rows = list(rows)
        layers = base.model.config.get_text_config().num_hidden_layers
        self._layers = [SpareLayer() for _ in range(layers)]
        self._cache = Cache(layers=list(self._layers))
        self._width = 0
        self._pads: list[int] = []

    def prefill(self) -> torch.Tensor:
        """Read the prompts; returns the logits of each row's next token, (rows, vocabulary)."""
        prompts = [row.generation.prompt for row in self.rows]
        longest = max(map(len, prompts))
        self._pads = [longest - len(prompt) for prompt in prompts]
        padded = [[0] * pad + prompt for pad, prompt in zip(self._pads, prompts, strict=True)]
        return self._forward(torch.tensor(padded, device=self._base.device))

    def step(self) -> torch.Tensor:
        """Feed each row's last token; returns the logits of its next, (rows, vocabulary)."""
        return self._forward(torch.tensor([[row.last] for row in self.rows], device=self._base.device))

    def _forward(self, ids: torch.Tensor) -> torch.Tensor:
        device = self._base.device
        total = self._width + ids.shape[1]
        pads = torch.tensor(self._pads, device=device)[:, None]
        columns = torch.arange(total, device=device)
        with self._lora.applied([row.generation.adapter for row in self.rows]):
            logits: torch.Tensor = self._base.model(
                input_ids=ids,
                attention_mask=(columns >= pads).long() if any(self._pads) else None,
                position_ids=(columns[self._width :] - pads).clamp(min=0),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits
        self._width = total
        return logits[:, -1]

    def keep(self, wanted: list[int]) -> None:
        """Keep the rows with these indices, in this order, and cut padding that no row needs."""
        if wanted == list(range(len(self.rows))):
            return
        self.rows = [self.rows[index] for index in wanted]
        pads = [self._pads[index] for index in wanted]
        spare = min(pads, default=0)
        self._pads = [pad - spare for pad in pads]
        self._width -= spare
        index = torch.tensor(wanted, dtype=torch.long, device=self._base.device)
        for layer in self._layers:
            layer.select(index, spare)

    def merge(self, others: Sequence[Batch]) -> None:
        """Take over the rows of other batches, and put equal adapters side by side."""
        for index, layer in enumerate(self._layers):
            layer.extend([other._layers[index] for other in others])
        batches = (self, *others)
        width = max(batch._width for batch in batches)
        self._pads = [pad + width - batch._width for batch in batches for pad in batch._pads]
        self._width = width
        self.rows = [row for batch in batches for row in batch.rows]
        self.keep(sorted(range(len(self.rows)), key=lambda index: id(self.rows[index].generation.adapter)))
