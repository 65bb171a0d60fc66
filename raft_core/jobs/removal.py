"""A document leaves its guild: vectors, text and row; what learnt from it is marked and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raft_core.artifacts import Artifacts
from raft_core.documents.library import Library
from raft_core.jobs.catalogue import open_registry
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore

if TYPE_CHECKING:
    from raft_core.records import DocumentInfo
    from raft_core.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed, and the ids of what had learnt from it."""

    removed: str
    title: str
    chunks: int
    datasets: tuple[str, ...]
    adapters: tuple[str, ...]


def remove_document(settings: Settings, guild: str, document_id: str) -> Removal:
    """Remove a document by its id or the beginning of it; cut off half-way, the same call does the rest.

    Raises:
        UnknownDocument: no document's id begins so.
        DocumentError: more than one document's id begins so.
        StoreError: Chroma fails; the document is then still listed.
    """
    with open_registry(settings, guild) as registry, ChunkStore(settings, guild) as store:
        info = registry.documents.get(guild, document_id)
        return remove_from(settings, guild, registry, store, info)


def remove_from(
    settings: Settings, guild: str, registry: Registry, store: ChunkStore, info: DocumentInfo
) -> Removal:
    """Remove a document whose id is known from open stores, as `remove_document` does."""
    learnt = registry.documents.begin_removal(guild, info.id)
    chunks = store.remove(info.id)
    folder = settings.guild_dir(guild) / "documents"
    Artifacts(settings).remove(folder / info.id)
    Library(folder).remove(info.id)
    registry.documents.remove(guild, info.id)  # last: as long as it has it, the command can be run again
    return Removal(info.id, info.title, chunks, learnt.datasets, learnt.adapters)
