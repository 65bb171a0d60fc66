"""Vectors from an endpoint: whose they are, how many at once, and what is none."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

import pytest

from raft_core.errors import EndpointError
from raft_core.openai.embeddings import Embedder
from tests.openai.scripted import Says, scripted

TEXTS = [f"text {number}" for number in range(70)]


def vector(text: str) -> list[float]:
    return [float(len(text)), float(text.rsplit(maxsplit=1)[-1]), 1.0]


def answer(texts: list[str]) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": vector(text)} for index, text in enumerate(texts)
    ]
    return {"object": "list", "model": "m", "data": data}


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], Says]:
    """Answer rightly, but for a change."""

    def reply(body: dict[str, Any]) -> Says:
        whole = answer(body["input"])
        change(whole)
        return Says(whole)

    return reply


def each(whole: dict[str, Any], **fields: Any) -> None:
    for item in whole["data"]:
        item.update(fields)


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole["data"].reverse(),
        lambda whole: [item.pop("index") for item in whole["data"]],
        lambda whole: each(whole, index=None),
        lambda whole: each(whole, index=0),
        lambda whole: [item.update(index=item["index"] + 1) for item in whole["data"]],
        lambda whole: [item.update(index=str(item["index"])) for item in whole["data"]] and whole["data"].reverse(),
        lambda whole: [item.update(embedding=base64.b64encode(struct.pack("<3f", *item["embedding"])).decode()) for item in whole["data"]],
    ],
    ids=["reversed", "without index", "null index", "all 0", "from 1", "reversed strings", "base64"],
)  # fmt: skip
def test_vectors_belong_to_their_texts(change: Callable[[dict[str, Any]], object]) -> None:
    """In whatever order they come; where the index is of no use, one text is sent at a time."""
    with scripted(changed(change)) as server:
        assert Embedder(server.url, "m").embed(TEXTS[:5]) == [vector(text) for text in TEXTS[:5]]


@pytest.mark.parametrize(
    ("status", "message", "most"),
    [
        (413, "batch size {n} > maximum allowed batch size 32", 32),
        (400, "batch size is invalid, it should not be larger than 10.", 10),
        (422, "inputs: List should have at most 25 items after validation, not {n}", 25),
        (400, "Too many inputs. The max number of inputs is 16.", 16),
        (413, "Request Entity Too Large", 17),
        (400, "'$.input' is invalid. Please check the API reference.", 17),
        (500, "input is too large to process", 17),
    ],
)
def test_batch_limits_are_learned(status: int, message: str, most: int) -> None:
    """From the number that the server names, or by halving; and remembered for the next texts."""

    def reply(body: dict[str, Any]) -> Says:
        fits = len(body["input"]) <= most
        return (
            Says(answer(body["input"]))
            if fits
            else Says({"error": {"message": message.format(n=len(body["input"]))}}, status)
        )

    with scripted(reply) as server:
        for _ in range(2):
            assert Embedder(server.url, "m").embed(TEXTS) == [vector(text) for text in TEXTS]
        sizes = [len(body["input"]) for body in server.requests]
    assert max(sizes[len(sizes) // 2 :]) <= most


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda whole: whole["data"].pop(), "returned 2 vectors for 3 texts"),
        (lambda whole: whole["data"].append(whole["data"][0]), "returned 4 vectors for 3 texts"),
        (lambda whole: whole.update(data=[]), "returned 0 vectors for 3 texts"),
        (lambda whole: whole.update(data=None), "returned 0 vectors for 3 texts"),
        (lambda whole: whole["data"][1].update(embedding=None), "returned no vector for text 2 .“text 1”."),
        (lambda whole: whole["data"][1].update(embedding=[]), "something else than numbers for text 2"),
        (lambda whole: whole["data"][1].update(embedding=[1.0, None, 2.0]), "something else than numbers for text 2"),
        (lambda whole: whole["data"][1].update(embedding=[[1.0], [2.0], [3.0]]), "something else than numbers for text 2"),
        (lambda whole: whole["data"][1].update(embedding=[0.0, 0.0, 0.0]), "a vector of zeros for text 2"),
        (lambda whole: whole["data"][1].update(embedding="!!"), "no vector for text 2"),
        (lambda whole: whole["data"][1].update(embedding=[1.0]), "a vector of 1 numbers for text 2 .“text 1”., and of 3 before"),
        (lambda whole: whole.pop("data"), "no list of vectors"),
    ],
)  # fmt: skip
def test_what_are_no_vectors_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """Too few, null, of another length, not numbers: an error that names the server and the text."""
    with scripted(changed(change)) as server, pytest.raises(EndpointError, match=words) as caught:
        Embedder(server.url, "m").embed(TEXTS[:3])
    assert server.url in str(caught.value) and caught.value.remedy


def test_not_finite_numbers_are_refused() -> None:
    """NaN is no number."""
    nan = Says('{"data": [{"index": 0, "embedding": [1.0, NaN]}]}')
    with scripted(lambda _: nan) as server, pytest.raises(EndpointError, match="something else than numbers"):
        Embedder(server.url, "m").embed(["text 0"])


def test_a_busy_server_is_waited_for_and_a_chat_server_is_named() -> None:
    """503 passes; a server without embeddings is told in its own words, at once."""
    answers = [Says({"error": "busy"}, 503, {"Retry-After": "0.01"}), Says(answer(TEXTS[:1]))]
    with scripted(lambda _: answers.pop(0)) as server:
        assert Embedder(server.url, "m").embed(TEXTS[:1]) == [vector(TEXTS[0])]
    missing, words = Says({"detail": "Not Found"}, 404), r"no such path \(404: Not Found\)"
    with scripted(lambda _: missing) as server, pytest.raises(EndpointError, match=words):
        Embedder(server.url, "m").embed(TEXTS)
    assert len(server.requests) == 1


def test_a_refused_encoding_is_left_out() -> None:
    """Servers that do not know `encoding_format` embed all the same."""
    refusal = Says(
        {"detail": [{"loc": ["body", "encoding_format"], "msg": "Extra inputs are not permitted"}]}, 422
    )
    with scripted(
        lambda body: refusal if "encoding_format" in body else Says(answer(body["input"]))
    ) as server:
        assert Embedder(server.url, "m").embed(TEXTS[:2]) == [vector(text) for text in TEXTS[:2]]
