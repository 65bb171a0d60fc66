"""Real Chroma with small made-up embeddings; the real model is in test_embeddings.py."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from raft_core.errors import StoreError
from raft_core.progress import Progress
from raft_core.records import Chunk
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore, collection_name


class WordEmbeddings(Embeddings):
    """One dimension a hashed word, and a count of the texts embedded."""

    def __init__(self) -> None:
        self.embedded = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += len(texts)
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * 64
        for word in text.lower().split():
            vector[hashlib.sha256(word.encode()).digest()[0] % 64] += 1.0
        length = math.sqrt(sum(value * value for value in vector)) or 1.0
        return [value / length for value in vector]


def chunk(document: str, index: int, text: str, page: int | None = None) -> Chunk:
    return Chunk(f"{document}-{index}", document, document.title(), text, page, index, index * 10, 3)


CHUNKS = [
    chunk("oslo", 0, "oslo is the capital of norway", page=1),
    chunk("oslo", 1, "oslo lies at the fjord", page=2),
    chunk("rome", 0, "rome is the capital of italy"),
    chunk("bread", 0, "flour water salt yeast"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def embeddings() -> WordEmbeddings:
    return WordEmbeddings()


@pytest.fixture
def store(settings: Settings, embeddings: WordEmbeddings) -> Iterator[ChunkStore]:
    with ChunkStore(settings, "local", embeddings) as opened:
        yield opened


def test_what_is_added_comes_back_whole_and_in_order(store: ChunkStore) -> None:
    """`all` returns equal records by document id and index, whatever the order of adding."""
    assert store.add(list(reversed(CHUNKS))) == 4
    assert store.all() == [CHUNKS[3], CHUNKS[0], CHUNKS[1], CHUNKS[2]]


def test_adding_again_embeds_nothing(store: ChunkStore, embeddings: WordEmbeddings) -> None:
    """A chunk is known by its id: only what is missing is embedded."""
    store.add(CHUNKS[:3])
    assert store.add([*CHUNKS, CHUNKS[3]]) == 1
    assert embeddings.embedded == 4
    assert store.add([]) == 0


def test_retrieve_scores_by_cosine(store: ChunkStore) -> None:
    """The chunk with the question's own words has similarity 1, strangers 0; the best comes first."""
    store.add(CHUNKS)
    hits = store.retrieve("flour water salt yeast", 10)
    assert len(hits) == 4
    assert hits[0].chunk == CHUNKS[3]
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
    assert all(abs(hit.score) < 1e-5 for hit in hits[1:])


def test_an_empty_store_has_no_hits(store: ChunkStore) -> None:
    """Asking before adding is no error."""
    assert store.retrieve("anything", 3) == []
    assert store.all() == []
    assert store.nearest(CHUNKS[0], 3) == []


def test_nearest_looks_in_other_documents_only(store: ChunkStore) -> None:
    """The sister chunk of the same document is not among the nearest; an unknown chunk is embedded."""
    store.add(CHUNKS)
    assert store.nearest(CHUNKS[0], 1) == [CHUNKS[2]]
    assert set(store.nearest(CHUNKS[0], 9)) == {CHUNKS[2], CHUNKS[3]}
    assert store.nearest(chunk("new", 0, "salt and flour"), 1) == [CHUNKS[3]]


def test_removing_a_document_removes_its_chunks(store: ChunkStore) -> None:
    """Only that document's chunks go; removing again finds none."""
    store.add(CHUNKS)
    assert store.count("oslo") == 2
    assert store.remove("oslo") == 2
    assert store.remove("oslo") == 0
    assert [found.document_id for found in store.all()] == ["bread", "rome"]


def test_guilds_do_not_see_each_other(
    settings: Settings, store: ChunkStore, embeddings: WordEmbeddings
) -> None:
    """Each guild has a collection of its own."""
    store.add(CHUNKS)
    with ChunkStore(settings, "other", embeddings) as other:
        assert other.all() == []
    assert len(store.all()) == 4  # closing one store leaves the others open


def test_chunks_outlive_the_process(settings: Settings, embeddings: WordEmbeddings) -> None:
    """A store opened again on the same folder has the chunks and can search them."""
    with ChunkStore(settings, "local", embeddings) as first:
        first.add(CHUNKS)
    with ChunkStore(settings, "local", embeddings) as second:
        assert second.retrieve("rome", 1)[0].chunk == CHUNKS[2]


def test_threads_open_and_close_the_same_folder(settings: Settings, embeddings: WordEmbeddings) -> None:
    """Many questions at once in one process: each opens the store for itself, and none closes another's."""

    def look(number: int) -> int:
        with ChunkStore(settings, f"guild {number % 3}", embeddings) as store:
            return len(store.retrieve("red apples", 2))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(look, range(64))) == [0] * 64


def test_other_embeddings_are_refused(settings: Settings, embeddings: WordEmbeddings) -> None:
    """Vectors of two models never mix; reading and removing still work, and then a new model may begin."""
    with ChunkStore(settings, "local", embeddings) as store:
        store.add(CHUNKS[:1])
    other = settings.model_copy(update={"embeddings": "http://127.0.0.1:9/v1", "embeddings_model": "m"})
    with ChunkStore(other, "local", embeddings) as store:
        for refused in (
            lambda: store.add(CHUNKS),
            lambda: store.retrieve("a", 1),
            lambda: store.nearest(CHUNKS[0], 1),
        ):
            with pytest.raises(
                StoreError, match="embedded with all-MiniLM-L6-v2@53aa51172d14, not with endpoint:m"
            ):
                refused()
        assert store.all() == CHUNKS[:1]
        assert store.remove("oslo") == 1
        assert store.add(CHUNKS) == 4


def test_progress_is_reported(store: ChunkStore) -> None:
    """The first report comes before the first batch, the last when all is done."""
    seen: list[Progress] = []
    store.add([chunk("long", index, f"text {index}") for index in range(300)], seen.append)
    assert [(update.done, update.total) for update in seen] == [
        (0, 300),
        (128, 300),
        (256, 300),
        (300, 300),
    ]


def test_large_stores_are_read_in_pages(store: ChunkStore) -> None:
    """More chunks than Chroma takes at a time are added, listed and removed."""
    chunks = [chunk("long", index, f"text {index}") for index in range(5100)]
    assert store.add(chunks) == 5100
    assert store.add(chunks) == 0
    assert store.all() == chunks
    assert store.remove("long") == 5100


def test_collection_names_are_safe_and_distinct() -> None:
    """Any guild name gives a name that Chroma takes, and different guilds different ones."""
    names = [collection_name(guild) for guild in ("a_", "a-", "a", "ä/../x" * 100, "")]
    assert len(set(names)) == 5
    assert all(3 <= len(name) <= 512 and name[-1].isalnum() and name.isascii() for name in names)


def test_an_unreachable_server_is_named() -> None:
    """A server that does not answer gives its address and what to do."""
    settings = Settings(chroma_url="http://127.0.0.1:9")
    with pytest.raises(
        StoreError, match=r"Chroma at http://127\.0\.0\.1:9 failed: Could not connect"
    ) as caught:
        ChunkStore(settings, "local")
    assert "chroma run" in caught.value.remedy


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://"])
def test_a_wrong_address_is_named(url: str) -> None:
    """What is no address of a server is said to be none, before anything is tried."""
    with pytest.raises(StoreError):
        ChunkStore(Settings(chroma_url=url), "local")


def test_a_broken_folder_is_named(settings: Settings) -> None:
    """A database that is none gives the folder."""
    settings.chroma_dir.mkdir(parents=True)
    (settings.chroma_dir / "chroma.sqlite3").write_text("garbage" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        ChunkStore(settings, "local")
