"""One junk document must not take other documents' chunks from the answers: recall against every vector compared."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy
import pytest
from langchain_core.embeddings import Embeddings

from raft_core.records import Chunk
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from raft_core.store.exact import Kept

SIZE = 96
K = 4


class SeededEmbeddings(Embeddings):
    """A direction a text; all junk at one place but for `spread`, a question near what it is about."""

    def __init__(self, spread: float = 0.0) -> None:
        self._spread = spread

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        kind, _, about = text.partition(" ")
        if kind == "junk":
            return list(_direction("junk") + self._spread * _direction(text))
        if kind == "about":
            return list(_direction(about) + 0.6 * _direction(text))
        return list(_direction(text))


def _direction(text: str) -> numpy.ndarray:
    return numpy.random.default_rng(zlib.crc32(text.encode())).normal(size=SIZE)


def chunk(document: str, index: int, text: str) -> Chunk:
    return Chunk(f"{document}-{index}", document, document, text, None, index, 0, 3)


def facts(count: int) -> list[Chunk]:
    return [chunk(f"d{number}", 0, f"fact {number}") for number in range(count)]


def junk(count: int) -> list[Chunk]:
    return [chunk("junk", number, f"junk {number}") for number in range(count)]


def recall(store: ChunkStore, embeddings: Embeddings, chunks: list[Chunk], questions: int) -> float:
    """The share of the K nearest chunks, every vector compared, that the store finds; of ties any will do."""
    rows = numpy.array(embeddings.embed_documents([each.text for each in chunks]))
    rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
    found = 0
    for number in range(questions):
        question = f"about fact {number}"
        near = rows @ numpy.array(embeddings.embed_query(question))
        similar = {each.id: similarity for each, similarity in zip(chunks, near, strict=True)}
        least = sorted(near)[-K] - 1e-6
        found += sum(similar[hit.chunk.id] >= least for hit in store.retrieve(question, K))
    return found / (K * questions)


@pytest.mark.parametrize("junk_first", [False, True])
def test_junk_leaves_a_small_collection_whole(junk_first: bool, tmp_path: Path) -> None:
    """491 chunks of the same vector: recall@4 of unrelated questions stays 1.00, reopened six times."""
    settings, embeddings = Settings(home=tmp_path), SeededEmbeddings()
    chunks = junk(491) + facts(60) if junk_first else facts(60) + junk(491)
    with ChunkStore(settings, "local", embeddings) as store:
        store.add(chunks)
    for _ in range(6):
        with ChunkStore(settings, "local", embeddings) as store:
            assert recall(store, embeddings, chunks, 20) == 1.0


def test_junk_leaves_a_large_collection_whole(tmp_path: Path) -> None:
    """The index of collections too large for exact search is built so that nearly the same chunks hide nothing."""
    settings, embeddings = Settings(home=tmp_path, exact_search_chunks=0), SeededEmbeddings(spread=1e-3)
    chunks = junk(500) + facts(2500)
    with ChunkStore(settings, "local", embeddings) as store:
        store.add(chunks)
    for _ in range(6):
        with ChunkStore(settings, "local", embeddings) as store:
            assert recall(store, embeddings, chunks, 50) == 1.0


def test_what_others_add_and_remove_is_seen(tmp_path: Path) -> None:
    """By a store that was asked before; removed and added again as well."""
    settings, embeddings = Settings(home=tmp_path), SeededEmbeddings()

    def found() -> set[str]:
        return {hit.chunk.id for hit in reader.retrieve("about fact 1", 3)}

    with ChunkStore(settings, "local", embeddings) as reader:
        assert found() == set()
        with ChunkStore(settings, "local", embeddings) as writer:
            writer.add(facts(2))
            assert found() == {"d0-0", "d1-0"}
            writer.remove("d1")
            writer.add([chunk("d7", 0, "fact 7")])
            assert found() == {"d0-0", "d7-0"}
            writer.add(facts(2))
            assert found() == {"d0-0", "d1-0", "d7-0"}
            assert reader.retrieve("about fact 1", 1)[0].chunk.id == "d1-0"


def test_only_new_vectors_are_fetched(tmp_path: Path) -> None:
    """The others are kept between questions, as long as there is room for them."""
    settings, embeddings = Settings(home=tmp_path), SeededEmbeddings()
    kept = Kept(max_bytes=SIZE * 4 * 10)
    with (
        ChunkStore(settings, "one", embeddings) as store,
        ChunkStore(settings, "two", embeddings) as other,
    ):
        store.add(facts(5))
        other.add(facts(8))
        first = kept.of(store._collection)
        assert kept.of(store._collection) is first
        store.add(facts(6))
        assert kept.of(store._collection).ids[:5] == first.ids
        assert len(kept.of(other._collection).ids) == 8
        assert kept.of(store._collection) is not first
        assert len(kept._kept) == 1


def test_other_documents_are_near_exactly(tmp_path: Path) -> None:
    """The nearest chunks of other documents, with the junk of one's own left out."""
    settings, embeddings = Settings(home=tmp_path), SeededEmbeddings()
    chunks = junk(300) + facts(3)
    with ChunkStore(settings, "local", embeddings) as store:
        store.add(chunks)
        assert {each.document_id for each in store.nearest(chunks[0], 5)} == {"d0", "d1", "d2"}
