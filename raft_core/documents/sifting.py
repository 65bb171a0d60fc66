"""Chunks of one document → those worth storing: not the same passage twice, none without words.

One file of 491 copies of the same passage pushes everything else out of an approximate index, and a passage
without words is near to no question. Both are counted, so that people see what was left out.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from raft_core.documents.content import counted
from raft_core.records import Chunk

WORDS_PER_CHANGE = 100
"""A passage that differs from an earlier one in at most one word of so many is stored once.

Passages that are shorter must have the same words: one word may be all that they say.
"""
_SHINGLE = 3
"""Neighbouring words that are compared together, so that their order counts."""
_SKETCH = 16
"""Smallest hashes of a passage's shingles; two that are nearly the same share most of these."""
_CANDIDATES = 32

# Scripts written without spaces count by the character; no word is longer than 40.
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W_{_NO_SPACES}]{{1,40}}")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{100,}")
"""No word and no path has so many: data in Base64, a key, a line of hexadecimal digits."""
_ENCODED_SHARE = 0.9
_LONG = 200
"""Characters from which on a text of so few different ones, or words, says nothing."""
_FEWEST_CHARACTERS = 5
_FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Sifted:
    """The chunks to store, numbered from 0, and how many others there were."""

    chunks: tuple[Chunk, ...]
    repeated: int
    wordless: int

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out, for people: ("490 repeated passages", "1 passage without words")."""
        wordless = f"{self.wordless:,} passage{'s' * (self.wordless > 1)} without words"
        return counted({"repeated passage": self.repeated}) + ((wordless,) if self.wordless else ())


def sift(chunks: Sequence[Chunk]) -> Sifted:
    """Return the chunks of one document without repeated passages and those without words.

    Numbers are words too, so that the rows of a table stay: more than one word in a hundred differs there.
    """
    kept: list[Chunk] = []
    earlier = _Earlier()
    repeated = wordless = 0
    for chunk in chunks:
        if says_nothing(chunk.text):
            wordless += 1
        elif earlier.has(chunk.text):
            repeated += 1
        else:
            kept.append(replace(chunk, index=len(kept)))
    return Sifted(tuple(kept), repeated, wordless)


def says_nothing(text: str) -> bool:
    """Return whether a text has no words: signs only, the same few characters or words on and on, encoded data."""
    words = _WORD.findall(text.casefold())
    if not words:
        return True
    if len(text) < _LONG:
        return False
    if len(set("".join(words))) < _FEWEST_CHARACTERS or len(set(words)) < _FEWEST_WORDS:
        return True
    encoded = sum(len(run) for run in _ENCODED.findall(text))
    return encoded > _ENCODED_SHARE * sum(map(len, text.split()))


class _Earlier:
    """The passages so far, found again by any of the smallest hashes of their shingles."""

    def __init__(self) -> None:
        self._shingles: list[frozenset[int]] = []
        self._by_hash: defaultdict[int, list[int]] = defaultdict(list)

    def has(self, text: str) -> bool:
        """Return whether nearly the same passage was here before; remember this one where not."""
        words = _WORD.findall(text.casefold())
        shingles = _shingles(words)
        sketch = sorted(shingles)[:_SKETCH]
        changes = _SHINGLE * (len(words) // WORDS_PER_CHANGE)
        places = {place for each in sketch for place in self._by_hash[each][-_CANDIDATES:]}
        for place in places:
            other = self._shingles[place]
            if len(shingles - other) <= changes and len(other - shingles) <= changes:
                return True
        for each in sketch:
            self._by_hash[each].append(len(self._shingles))
        self._shingles.append(shingles)
        return False


def _shingles(words: Sequence[str]) -> frozenset[int]:
    """Return a hash of each run of neighbouring words."""
    last = max(len(words) - _SHINGLE, 0)
    runs = ("\0".join(words[start : start + _SHINGLE]) for start in range(last + 1))
    return frozenset(zlib.crc32(run.encode()) for run in runs)
