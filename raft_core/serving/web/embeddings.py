"""The endpoint that embeds texts, beside whatever answers."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from raft_core.serving.web.protocol import MAX_INPUT_CHARACTERS, MAX_INPUTS, ApiError, EmbeddingsRequest

Embed = Callable[[list[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors; called outside the event loop, and loads its model when first called."""


class Embeddings:
    """One embedding model under its name; None where there is none."""

    def __init__(self, embed: Embed | None, name: str) -> None:
        self._embed = embed
        self._name = name
        # One at a time: batches side by side only take memory, and the answers' threads must not wait for them.
        self.threads = ThreadPoolExecutor(1, thread_name_prefix="embeddings")

    async def answer(self, asked: EmbeddingsRequest) -> dict[str, Any]:
        """Return vectors for texts."""
        if self._embed is None:
            raise ApiError(400, "this server has no embeddings")
        if asked.model != self._name:
            raise ApiError(
                404,
                f"no embeddings {asked.model!r}; known: {self._name}",
                param="model",
                code="model_not_found",
            )
        texts = [asked.input] if isinstance(asked.input, str) else list(asked.input)
        self._check(texts)
        vectors = await asyncio.get_running_loop().run_in_executor(self.threads, self._embed, texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, asked.encoding_format)}
            for index, vector in enumerate(vectors)
        ]
        # The embedder does not tell its tokens; words are what can be counted without its tokenizer.
        words = sum(len(text.split()) for text in texts)
        return {
            "object": "list",
            "data": data,
            "model": asked.model,
            "usage": {"prompt_tokens": words, "total_tokens": words},
        }

    def _check(self, texts: Sequence[str]) -> None:
        if not 1 <= len(texts) <= MAX_INPUTS:
            raise ApiError(400, f"give 1 to {MAX_INPUTS} texts, there are {len(texts)}", param="input")
        longest = max(map(len, texts))
        if longest > MAX_INPUT_CHARACTERS:
            reason = f"a text of {longest:,} characters is too long to embed: {MAX_INPUT_CHARACTERS:,} are the limit"
            raise ApiError(400, reason, param="input", code="context_length_exceeded")


def _encoded(vector: Sequence[float], encoding: str) -> list[float] | str:
    if encoding == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
