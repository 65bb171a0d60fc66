"""The documents shown beside the oracle, or instead of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from raft_core.markup import find_quotes
from raft_core.records import Chunk


class Nearest(Protocol):
    """What finds hard distractors."""

    def __call__(self, chunk: Chunk, k: int) -> list[Chunk]:
        """Return the `k` chunks nearest to `chunk`, from other documents."""


def distinct(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks whose text no earlier chunk has, white space aside."""
    found: dict[str, Chunk] = {}
    for chunk in chunks:
        found.setdefault(" ".join(chunk.text.split()), chunk)
    return list(found.values())


class Distractors:
    """Picks distractors: at random, or the nearest first, topped up at random where there are too few."""

    def __init__(self, pool: Sequence[Chunk], nearest: Nearest | None = None) -> None:
        self._pool, self._nearest = pool, nearest

    def pick(self, oracle: Chunk, cot_answer: str, count: int, rng: random.Random) -> list[Chunk]:
        """Return `count` chunks, or fewer where there are no more: all different, none the oracle, none
        holding what the answer quotes (as overlapping chunks do), for that one would be a second oracle."""
        picked: list[Chunk] = []
        seen = {" ".join(oracle.text.split())}
        for chunk in self._offered(oracle, count, rng):
            if len(picked) == count:
                break
            text = " ".join(chunk.text.split())
            if text not in seen and not any(
                quote.source is not None for quote in find_quotes(cot_answer, [text])
            ):
                seen.add(text)
                picked.append(chunk)
        return picked

    def _offered(self, oracle: Chunk, count: int, rng: random.Random) -> Iterator[Chunk]:
        if self._nearest is not None:
            yield from self._nearest(oracle, 2 * count)
        yield from rng.sample(self._pool, min(len(self._pool), 4 * count + 4))
        yield from self._pool  # more than enough, save where nearly all chunks hold the quote
