"""Exact search in a small collection: its vectors are kept in this process and all compared with the question.

An approximate index cannot leave a crowd of the same vectors, which one junk document makes: of unrelated
questions it then finds a tenth of what is near. Comparing 10,000 vectors takes a millisecond.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from chromadb import Collection
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

IDS_AT_ONCE = 20_000
"""Listing ids is cheap: 5,000 take 10 ms."""
VECTORS_AT_ONCE = 1000
MAX_BYTES = 256 * 2**20
"""Of vectors kept in a process: 16 collections of 10,000 vectors of 384 numbers."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The chunks of a collection: ids, their documents' ids, and as rows their vectors of length one."""

    ids: tuple[str, ...]
    documents: tuple[str, ...]
    rows: Floats

    def nearest(self, vector: Sequence[float], k: int, *, but: str = "") -> list[tuple[str, float]]:
        """Return ids and cosine similarities of the `k` nearest, the nearest first; none of the document `but`."""
        import numpy

        if not self.ids:
            return []
        similarity = self.rows @ _unit(numpy.array([vector], dtype=numpy.float32))[0]
        if but:
            similarity[numpy.array([document == but for document in self.documents])] = -numpy.inf
        order = numpy.argsort(-similarity, kind="stable")[:k]
        return [
            (self.ids[place], float(similarity[place])) for place in order if similarity[place] > -numpy.inf
        ]


class Kept:
    """The vectors of the collections that were last asked, as many as fit into MAX_BYTES; threads may share it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def of(self, collection: Collection) -> Vectors:
        """Return all vectors of a collection as they are now.

        The ids are asked for each time, since other processes add and remove; a chunk's id stands for its
        text, so only the vectors of new ids are fetched.
        """
        key = str(collection.id)
        with self._lock:
            before = self._kept.get(key)
        now = _updated(collection, before)
        with self._lock:
            self._kept[key] = now
            self._kept.move_to_end(key)
            while (
                len(self._kept) > 1
                and sum(each.rows.nbytes for each in self._kept.values()) > self._max_bytes
            ):
                self._kept.popitem(last=False)
        return now


def _updated(collection: Collection, before: Vectors | None) -> Vectors:
    import numpy

    ids: list[str] = []
    while len(page := collection.get(include=[], limit=IDS_AT_ONCE, offset=len(ids))["ids"]) == IDS_AT_ONCE:
        ids += page
    ids += page
    if before is not None and before.ids == tuple(ids):
        return before
    known = {} if before is None else {each: place for place, each in enumerate(before.ids)}
    found: dict[str, tuple[str, Any]] = {}
    missing = [each for each in ids if each not in known]
    for start in range(0, len(missing), VECTORS_AT_ONCE):
        got = collection.get(
            ids=missing[start : start + VECTORS_AT_ONCE], include=["embeddings", "metadatas"]
        )
        metadatas, vectors = got["metadatas"], got["embeddings"]
        if metadatas is None or vectors is None:  # never: they were asked for
            continue
        for chunk_id, metadata, vector in zip(got["ids"], metadatas, vectors, strict=True):
            found[chunk_id] = (str(metadata["document_id"]), vector)
    there = [each for each in ids if each in known or each in found]  # one may be removed just now
    documents, rows = [], []
    for each in there:
        if before is not None and each in known:
            documents.append(before.documents[known[each]])
            rows.append(before.rows[known[each]])
        else:
            document, vector = found[each]
            documents.append(document)
            rows.append(_unit(numpy.array([vector], dtype=numpy.float32))[0])
    stacked = numpy.stack(rows) if rows else numpy.zeros((0, 0), dtype=numpy.float32)
    return Vectors(tuple(there), tuple(documents), stacked)


def _unit(rows: Floats) -> Floats:
    """Return rows of length one; a row of zeros, which is near to nothing, stays."""
    import numpy

    lengths = numpy.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / numpy.maximum(lengths, 1e-12)
    return scaled
