"""Chunks and their vectors in Chroma: one collection a guild, cosine distance.

Metadata of a chunk: document_id, title, page (left out where there are no pages), index, start, tokens.
Metadata of a collection: guild, and the embeddings that made its vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from raft_core.errors import StoreError
from raft_core.files import content_hash
from raft_core.progress import Progress, Report, silent
from raft_core.records import Chunk, Hit
from raft_core.settings import Settings
from raft_core.store.embeddings import embeddings_name, load_embeddings
from raft_core.store.exact import Kept
from raft_core.urls import authorization

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from langchain_chroma import Chroma
    from langchain_core.documents import Document as Found
    from langchain_core.embeddings import Embeddings

BATCH = 128
"""Chunks embedded and written at a time: large enough to batch well, small enough to show progress."""
PAGE = 5000
"""Rows asked of Chroma at a time."""
T = TypeVar("T")
INDEX: CreateHNSWConfiguration = {
    "space": "cosine",
    "ef_construction": 400,
    "max_neighbors": 48,
    "ef_search": 800,
}
"""Of collections too large for exact search; chosen by recall@4 among 2,500 random directions and 500 chunks of
junk at one place, added first or last, reopened three times each: 0.97 to 0.99 with Chroma's own parameters
(100, 16, 100), 0.995 with 400, 32 and 400, 1.00 with these. A question then takes 5 ms and not 2."""
_VECTORS = Kept()
_OPENING = Lock()
"""Chroma's clients on one folder share what the first opens and the last closes, and guard neither from other threads."""


class ChunkStore:
    """Keep one guild's chunks in Chroma and find those nearest to a question.

    Chroma is the server at `settings.chroma_url`, or runs in this process on `settings.chroma_dir`.
    `embeddings` stands in for the settings' own, to share one loaded model between stores.
    """

    def __init__(self, settings: Settings, guild: str, embeddings: Embeddings | None = None) -> None:
        self._settings = settings
        self._guild = guild
        self._embeddings = embeddings or load_embeddings(settings)
        self._name = collection_name(guild)
        self._client = _connect(settings)

    def add(self, chunks: Sequence[Chunk], report: Report = silent) -> int:
        """Embed and keep the chunks that are not there yet; return how many these were.

        Raises:
            StoreError: Chroma or the embeddings fail, or other embeddings made the collection.
        """
        with self._translated():
            self._check_embeddings()
            unique = {chunk.id: chunk for chunk in chunks}
            present = {chunk_id for ids in _batches(list(unique), PAGE) for chunk_id in self._chroma.get(ids=ids, include=[])["ids"]}  # fmt: skip
            missing = [chunk for chunk_id, chunk in unique.items() if chunk_id not in present]
            for start, batch in enumerate(_batches(missing, BATCH)):
                report(Progress("embedding", start * BATCH, len(missing), "chunks"))
                self._chroma.add_texts(
                    [chunk.text for chunk in batch],
                    [_metadata(chunk) for chunk in batch],
                    [chunk.id for chunk in batch],
                )
            if missing:
                report(Progress("embedding", len(missing), len(missing), "chunks"))
            return len(missing)

    def all(self) -> list[Chunk]:
        """Return every chunk, by document id and index."""
        with self._translated():
            pages = range(0, self._collection.count(), PAGE)
            found = [self._chroma.get(limit=PAGE, offset=offset) for offset in pages]
            return sorted(_got_chunks(*found), key=lambda chunk: (chunk.document_id, chunk.index))

    def of_document(self, document_id: str, first: int | None = None) -> list[Chunk]:
        """Return the chunks of one document in their order, all or only the `first` ones."""
        where: dict[str, Any] = {"document_id": document_id}
        if first is not None:
            where = {"$and": [where, {"index": {"$lt": first}}]}
        with self._translated():
            found = self._chroma.get(where=where)
            return sorted(_got_chunks(found), key=lambda chunk: chunk.index)

    def count(self, document_id: str) -> int:
        """Return how many chunks of one document are there."""
        with self._translated():
            return len(self._ids(document_id))

    def retrieve(self, question: str, k: int) -> list[Hit]:
        """Return the `k` chunks nearest to a question, the nearest first; fewer where there are fewer."""
        with self._translated():
            self._check_embeddings()
            return self._nearest(self._embeddings.embed_query(question), k)

    def nearest(self, chunk: Chunk, k: int) -> list[Chunk]:
        """Return the `k` chunks of other documents nearest to a chunk, the nearest first."""
        with self._translated():
            self._check_embeddings()
            stored = self._chroma.get(ids=[chunk.id], include=["embeddings"])["embeddings"]
            vector = list(stored[0]) if len(stored) else self._embeddings.embed_documents([chunk.text])[0]
            return [hit.chunk for hit in self._nearest(vector, k, but=chunk.document_id)]

    def _nearest(self, vector: Sequence[float], k: int, *, but: str = "") -> list[Hit]:
        """Return the `k` chunks nearest to a vector, none of the document `but`: exactly, where they are few."""
        if self._collection.count() > self._settings.exact_search_chunks:
            others: dict[str, Any] | None = {"document_id": {"$ne": but}} if but else None
            found = self._chroma.similarity_search_by_vector_with_relevance_scores(
                list(vector), k, filter=others
            )
            return [Hit(_found_chunk(document), 1.0 - distance) for document, distance in found]
        scored = _VECTORS.of(self._collection).nearest(vector, k, but=but)
        got = self._chroma.get(ids=[chunk_id for chunk_id, _ in scored]) if scored else {"ids": []}
        chunks = {chunk.id: chunk for chunk in _got_chunks(got)} if scored else {}
        return [Hit(chunks[chunk_id], score) for chunk_id, score in scored if chunk_id in chunks]

    def remove(self, document_id: str) -> int:
        """Forget the chunks of one document; return how many there were."""
        with self._translated():
            ids = self._ids(document_id)
            for batch in _batches(ids, PAGE):
                self._chroma.delete(ids=list(batch))
            return len(ids)

    def close(self) -> None:
        """Let go of Chroma's folder; the client of a server stays for the next store."""
        if not self._settings.chroma_url:
            with _OPENING:
                self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _ids(self, document_id: str) -> list[str]:
        ids: list[str] = self._chroma.get(where={"document_id": document_id}, include=[])["ids"]
        return ids

    @cached_property
    def _chroma(self) -> Chroma:
        from langchain_chroma import Chroma

        return Chroma(
            self._name,
            self._embeddings,
            client=self._client,
            collection_metadata={"guild": self._guild, "embeddings": embeddings_name(self._settings)},
            collection_configuration={"hnsw": INDEX},
        )

    @property
    def _collection(self) -> Collection:
        return self._chroma._collection  # the wrapper has no public way to its metadata and count

    def _check_embeddings(self) -> None:
        """Refuse to mix vectors of two models; an empty collection is made anew for the new one."""
        collection = self._collection
        made_with = (collection.metadata or {}).get("embeddings")
        wanted = embeddings_name(self._settings)
        if made_with == wanted:
            return
        if collection.count() == 0:
            self._chroma.reset_collection()
            return
        raise StoreError(
            f"the documents of guild {self._guild!r} were embedded with {made_with}, not with {wanted}",
            remedy="set RAFTBOT_EMBEDDINGS back, or remove the documents and add them again",
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with _translated_errors(self._settings):
            yield


def collection_name(guild: str) -> str:
    """Return Chroma's name for a guild's collection: letters and digits of its own, and a hash."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", guild).strip("-")[:64]
    return f"raftbot-{slug}-{content_hash(guild)}"


@contextmanager
def _translated_errors(settings: Settings) -> Iterator[None]:
    """Turn what Chroma raises into a StoreError that says where Chroma was looked for."""
    import httpx
    from chromadb.errors import AuthorizationError, ChromaAuthError, ChromaError

    try:
        yield
    except (ChromaAuthError, AuthorizationError) as error:
        where = f"at {settings.chroma_url} refuses the key"
        raise StoreError(f"Chroma {where}", remedy="set RAFTBOT_CHROMA_KEY to the server's key") from error
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        where, remedy = f"in {settings.chroma_dir}", "check the folder's disk and its permissions"
        if settings.chroma_url:
            where, remedy = (
                f"at {settings.chroma_url}",
                "start it with `chroma run`, or unset RAFTBOT_CHROMA_URL",
            )
        raise StoreError(f"Chroma {where} failed: {error}", remedy=remedy) from error


def _connect(settings: Settings) -> Client:
    import chromadb
    from chromadb.config import Settings as Options

    with _translated_errors(settings):
        if not settings.chroma_url:
            options = Options(anonymized_telemetry=False)
            settings.chroma_dir.mkdir(parents=True, exist_ok=True)
            with _OPENING:
                return cast("Client", chromadb.PersistentClient(str(settings.chroma_dir), settings=options))
        url = urlsplit(settings.chroma_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise StoreError(
                f"{settings.chroma_url} is no address of a Chroma server",
                remedy="set RAFTBOT_CHROMA_URL to http://host:port",
            )
        secure = url.scheme == "https"
        key = settings.chroma_key.get_secret_value() if settings.chroma_key else None
        return _over_http(url.hostname, url.port or (443 if secure else 8000), secure, key)


@cache
def _over_http(host: str, port: int, secure: bool, key: str | None) -> Client:
    """Return this process's client of a Chroma server: making one takes 50 ms, and threads may share it."""
    import chromadb
    from chromadb.config import Settings as Options

    options = Options(anonymized_telemetry=False)
    headers = authorization(key)
    return cast(
        "Client", chromadb.HttpClient(host=host, port=port, ssl=secure, settings=options, headers=headers)
    )


def _metadata(chunk: Chunk) -> dict[str, str | int]:
    fields: dict[str, str | int] = {
        "document_id": chunk.document_id,
        "title": chunk.title,
        "index": chunk.index,
        "start": chunk.start,
        "tokens": chunk.tokens,
    }
    return fields if chunk.page is None else {**fields, "page": chunk.page}


def _chunk(chunk_id: str, text: str, metadata: Mapping[str, Any]) -> Chunk:
    return Chunk(
        id=chunk_id,
        document_id=metadata["document_id"],
        title=metadata["title"],
        text=text,
        page=metadata.get("page"),
        index=metadata["index"],
        start=metadata["start"],
        tokens=metadata["tokens"],
    )


def _got_chunks(*results: Mapping[str, Any]) -> Iterator[Chunk]:
    for result in results:
        yield from map(_chunk, result["ids"], result["documents"], result["metadatas"])


def _found_chunk(found: Found) -> Chunk:
    return _chunk(found.id or "", found.page_content, found.metadata)


def _batches(items: Sequence[T], size: int) -> Iterable[list[T]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))
