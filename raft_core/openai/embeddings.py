"""Texts → vectors from an OpenAI-compatible server: by their `index`, in batches that the server takes.

How many texts a server takes at once is learned from its refusals and remembered for its URL and model.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Sequence
from typing import Any

from raft_core.errors import EndpointError
from raft_core.openai.client import request
from raft_core.openai.errors import Advice, ServerError
from raft_core.openai.parameters import parameters_of
from raft_core.urls import shown_url

BATCH = 256
"""Texts a request, until a server wants fewer."""
TIMEOUT_S = 120.0
TRIES = 5
_CHECK = "check RAFTBOT_EMBEDDINGS, RAFTBOT_EMBEDDINGS_MODEL, RAFTBOT_EMBEDDINGS_KEY and that the server runs"
ADVICE = Advice(
    url_setting="RAFTBOT_EMBEDDINGS",
    key_setting="RAFTBOT_EMBEDDINGS_KEY",
    unreachable=_CHECK,
    refused=_CHECK,
    too_long="set RAFTBOT_CHUNK_TOKENS lower, or take an embedding model with a longer context",
    longest_wait_s=60.0,
)
_LIMIT = re.compile(
    r"batch|too many|at most|max|limit|exceed|larger|more than|up to|<=|\u2264", re.IGNORECASE
)
_TOO_LARGE = re.compile(rf"{_LIMIT.pattern}|too (?:large|long|big)|tokens|invalid", re.IGNORECASE)

_batches: dict[tuple[str, str], int] = {}
_dimensions: dict[tuple[str, str], int] = {}


class Embedder:
    """One embedding model at a URL that ends in /v1."""

    def __init__(self, url: str, model: str, key: str | None = None, *, advice: Advice = ADVICE) -> None:
        self.url, self.model = url.rstrip("/"), model
        self._key, self._advice = key, advice
        self._where = (self.url, model)
        self._parameters = parameters_of(self.url, model)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in the texts' order.

        Raises:
            EndpointError: the server is down, refuses, or returns vectors that are none or too few.
        """
        vectors: list[list[float]] = []
        while len(vectors) < len(texts):
            size = _batches.get(self._where, BATCH)
            batch = list(texts[len(vectors) : len(vectors) + size])
            try:
                vectors += self._batch(batch, len(vectors))
            except EndpointError as error:
                if (smaller := _smaller(len(batch), error)) is not None:
                    _batches[self._where] = smaller
                elif not self._learn(error):
                    raise
        return vectors

    def _batch(self, texts: list[str], first: int) -> list[list[float]]:
        body = self._parameters.fit({"model": self.model, "input": texts, "encoding_format": "float"})
        response = request(
            *("POST", self.url, "/embeddings", self._key, body),
            timeout_s=TIMEOUT_S,
            advice=self._advice,
            tries=TRIES,
        )
        try:
            data = response.json()["data"]
        except (ValueError, KeyError, TypeError) as error:
            remedy = f"check that {self._advice.url_setting} ends in /v1"
            reason = "answered with something that is no list of vectors"
            where, status = shown_url(self.url), response.status_code
            raise EndpointError(where, reason, remedy=remedy, status=status) from error
        if not isinstance(data, list) or len(data) != len(texts):
            found = len(data) if isinstance(data, list) else 0
            raise self._bad(f"returned {found} vectors for {len(texts)} texts")
        vectors: list[list[float]] = [[]] * len(texts)
        for place, item in zip(self._places(data), data, strict=True):
            vectors[place] = self._vector(item, first + place, texts[place])
        return vectors

    def _places(self, data: list[Any]) -> list[int]:
        """Return which text each vector belongs to; where none says so, they come in the texts' order."""
        in_order = list(range(len(data)))
        said = [str(item.get("index")) if isinstance(item, dict) else "None" for item in data]
        if len(data) == 1 or set(said) == {"None"}:
            return in_order
        if sorted(said) != sorted(map(str, in_order)):
            raise _WrongIndex(shown_url(self.url), f"numbers its vectors {', '.join(said[:4])}")
        return list(map(int, said))

    def _learn(self, error: EndpointError) -> bool:
        cause = error.__cause__
        sent = self._parameters.fit({"encoding_format": "float"})
        return isinstance(cause, ServerError) and self._parameters.learn(sent, cause)

    def _vector(self, item: Any, number: int, text: str) -> list[float]:
        value = item.get("embedding") if isinstance(item, dict) else item
        shown = f"text {number + 1} (“{' '.join(text.split())[:40]}”)"
        vector = _decoded(value) if isinstance(value, str) else value
        if vector is None:
            raise self._bad(f"returned no vector for {shown}")
        if not isinstance(vector, list) or not vector or not all(map(_is_number, vector)):
            raise self._bad(f"returned a vector with something else than numbers for {shown}")
        if not any(vector):
            raise self._bad(f"returned a vector of zeros for {shown}")
        expected = _dimensions.setdefault(self._where, len(vector))
        if len(vector) != expected:
            raise self._bad(
                f"returned a vector of {len(vector)} numbers for {shown}, and of {expected} before"
            )
        return [float(each) for each in vector]

    def _bad(self, reason: str) -> EndpointError:
        remedy = "see the server's log: its model may be no embedding model"
        return EndpointError(shown_url(self.url), reason, remedy=remedy)


class _WrongIndex(EndpointError):
    """Its vectors do not say whose they are: one text at a time they need not."""


def _smaller(size: int, error: EndpointError) -> int | None:
    """Return how many texts to send where so many were refused; None where their number is not the reason."""
    if size == 1:
        return None
    if isinstance(error, _WrongIndex):
        return 1
    cause = error.__cause__
    if not isinstance(cause, ServerError) or not (cause.is_refusal or cause.status == 500):
        return None
    if cause.status != 413 and not _TOO_LARGE.search(cause.message):
        return None
    named = (
        re.findall(r"(?<![\w.])\d{1,6}(?![\w]|\.\d)", cause.message) if _LIMIT.search(cause.message) else []
    )
    return max((int(number) for number in named if 0 < int(number) < size), default=size // 2)


def _decoded(value: str) -> list[float] | None:
    """Return the numbers of a vector in base64, which some servers send unasked."""
    try:
        packed = base64.b64decode(value, validate=True)
        return list(struct.unpack(f"<{len(packed) // 4}f", packed))
    except (binascii.Error, struct.error):
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
