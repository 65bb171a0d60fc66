"""What the commands of /docs ask for. All of it blocks: it runs in a thread, by `services.run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.replies.documents import Shown
from raft_core.errors import StoreError
from raft_core.registry.documents import LearntFrom, Provenance

if TYPE_CHECKING:
    from bot.services import Services
    from raft_core.jobs.removal import Removal
    from raft_core.records import Chunk, DocumentInfo, Hit

FIRST_CHUNKS = 3


def read_shown(services: Services, guild: str, document_id: str, *, with_text: bool) -> Shown:
    """Return all that is known of a document; its text only where Chroma can be asked.

    Raises:
        UnknownDocument: the guild has no such document.
    """
    info, provenance, learnt = read_card(services, guild, document_id)
    return Shown(info, provenance, learnt, _first(services, guild, info.id) if with_text else None)


def read_card(
    services: Services, guild: str, document_id: str
) -> tuple[DocumentInfo, Provenance, LearntFrom]:
    """Return what the registry knows of a document.

    Raises:
        UnknownDocument: the guild has no such document.
    """
    shelf = services.registry.documents
    info = shelf.get(guild, document_id)
    return info, shelf.provenance(guild, info.id), shelf.learnt_from(guild, info.id)


def search(services: Services, guild: str, query: str, k: int) -> Sequence[Hit]:
    """Return the chunks nearest to a query.

    Raises:
        StoreError: Chroma or the embeddings fail.
    """
    from raft_core.store.chunks import ChunkStore

    with ChunkStore(services.settings, guild, services.embeddings()) as store:
        return store.retrieve(query, k)


def remove(services: Services, guild: str, document_id: str) -> Removal:
    """Remove a document.

    Raises:
        UnknownDocument: the guild has no such document.
        StoreError: Chroma fails; the document is then still listed.
    """
    from raft_core.jobs.removal import remove_document

    return remove_document(services.settings, guild, document_id)


def _first(services: Services, guild: str, document_id: str) -> Sequence[Chunk] | None:
    from raft_core.store.chunks import ChunkStore

    try:
        with ChunkStore(services.settings, guild, services.embeddings()) as store:
            return store.of_document(document_id, FIRST_CHUNKS)
    except StoreError:
        return None
