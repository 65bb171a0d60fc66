"""The running batch: rows join between steps, each with its own adapter, and leave when finished."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from raft_core.serving.embedded.cache import Attend, KeyValues, Reading, Segment, Stepping
from raft_core.serving.embedded.generation import Row
from raft_core.serving.embedded.lora import Adapter, Applied
from raft_core.serving.embedded.model import BaseModel

SHARED_TOKENS = 32
"""From so many tokens on, the beginning of a prompt is copied from a row that holds the same, not computed again."""


class Batch:
    """Rows that step together; row i has slot i of the cache."""

    def __init__(self, base: BaseModel) -> None:
        self._base = base
        self._cache = KeyValues(base.max_batch_tokens)
        self.rows: list[Row] = []

    def join(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read these rows' prompts and take them in; returns the logits of their next tokens, (rows, vocabulary).

        Where it fails the batch stays as it was.
        """
        held = len(self.rows)
        everyone = [*self.rows, *rows]
        self._cache.reserve(len(everyone), max(row.held for row in everyone) + 1, held=held)
        ids: list[int] = []
        positions: list[int] = []
        acting: list[Adapter | None] = []
        segments: list[Segment] = []
        for slot, row in enumerate(rows, held):
            source, start = _shared(everyone[:slot], row)
            prompt, first = row.generation.prompt, len(ids)
            ids += prompt[start:]
            positions += range(start, len(prompt))
            acting += [row.adapter if at >= row.acts_from else None for at in range(start, len(prompt))]
            segments.append(Segment(slot, slice(first, len(ids)), start, source))
        last = [segment.tokens.stop - 1 for segment in segments]
        logits = self._decode(ids, positions, Reading(self._cache, segments), acting, rows, last)
        self.rows = everyone
        return logits

    def step(self) -> torch.Tensor:
        """Feed each row's last token; returns the logits of its next, (rows, vocabulary)."""
        lengths = [row.held for row in self.rows]
        self._cache.reserve(len(lengths), max(lengths) + 1, held=len(lengths))
        attend = Stepping(self._cache, lengths, self._base.device)
        acting = [row.adapter for row in self.rows]
        return self._decode([row.last for row in self.rows], lengths, attend, acting, self.rows)

    def keep(self, wanted: Sequence[int]) -> None:
        """Keep the rows with these numbers, in ascending order; the last ones take the places of those that leave."""
        staying = set(wanted)
        free = [place for place in range(len(wanted)) if place not in staying]
        moving = [place for place in wanted if place >= len(wanted)]
        for target, source in zip(free, moving, strict=True):
            self._cache.move(source, target)
            self.rows[target] = self.rows[source]
        del self.rows[len(wanted) :]

    def _decode(
        self,
        ids: list[int],
        positions: list[int],
        attend: Attend,
        acting: list[Adapter | None],
        rows: Sequence[Row],
        last: list[int] | None = None,
    ) -> torch.Tensor:
        device = self._base.device
        return self._base.decoder(
            torch.tensor(ids, device=device),
            torch.tensor(positions, device=device),
            attend,
            Applied(acting, [row.adapter for row in rows], device),
            None if last is None else torch.tensor(last, device=device),
        )


def _shared(others: Sequence[Row], row: Row) -> tuple[int | None, int]:
    """Return the slot that holds the longest beginning of a row's prompt, and how many tokens; (None, 0) for none."""
    best: tuple[int | None, int] = (None, 0)
    for slot, other in enumerate(others):
        size = _alike(other.generation.prompt, row.generation.prompt[:-1])  # the last token gives the logits
        if other.adapter is not row.adapter or other.acts_from != row.acts_from:
            size = min(size, other.acts_from, row.acts_from)  # up to there the base computes both
        if size >= max(SHARED_TOKENS, best[1] + 1):
            best = slot, size
    return best


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    size = min(len(one), len(other))
    if one[:SHARED_TOKENS] != other[:SHARED_TOKENS]:
        return 0
    return next((at for at in range(size) if one[at] != other[at]), size)
