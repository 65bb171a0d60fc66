"""The endpoint that embeds texts, beside whatever answers."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any

from raft_core.serving.web.protocol import ApiError, EmbeddingsRequest

Embed = Callable[[list[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors; called outside the event loop, and loads its model when first called."""


class Embeddings:
    """One embedding model under its name; None where there is none."""

    def __init__(self, embed: Embed | None, name: str) -> None:
        self._embed = embed
        self._name = name

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
        vectors = await asyncio.to_thread(self._embed, texts)
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


def _encoded(vector: Sequence[float], encoding: str) -> list[float] | str:
    if encoding == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
