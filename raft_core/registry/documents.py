"""The documents of all guilds: what the library holds, who added it, and what learnt from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from raft_core.errors import DocumentError, UnknownDocument
from raft_core.records import DocumentInfo
from raft_core.registry.database import Database
from raft_core.registry.queries import (
    add_guild,
    count_of,
    matching,
    newest_like,
    now,
    of_guild,
    record,
    upsert,
)
from raft_core.registry.tables import Adapter, DatasetDocument, Document

READY = "ready"
REMOVING = "removing"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who added a document, whether it may be trained on, and whether it is `ready` or `removing`."""

    added_by: str
    consent: bool
    status: str


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """The ids of what learnt from a document."""

    datasets: tuple[str, ...]
    adapters: tuple[str, ...]


class Documents:
    """Keep what is known of documents; their text and vectors are elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, guild: str, infos: Sequence[DocumentInfo], *, by: str, consent: bool) -> None:
        """Register documents that are whole. The first who added one stays; what learnt from it is unmarked."""
        with self._database.write() as session:
            add_guild(session, guild)
            register_documents(session, guild, infos, by=by, consent=consent)

    def list(self, guild: str) -> list[DocumentInfo]:
        """Return a guild's documents, the oldest first."""
        with self._database.read() as session:
            return [record(DocumentInfo, row) for row in of_guild(session, Document, guild, "added_at")]

    def count(self, guild: str) -> int:
        """Return how many a guild has."""
        with self._database.read() as session:
            return count_of(session, Document, guild)

    def search(self, guild: str, text: str, limit: int) -> Sequence[DocumentInfo]:
        """Return documents with a text in their title or id, the newest first."""
        with self._database.read() as session:
            found = newest_like(session, Document, guild, text, limit, "title", "id", created="added_at")
            return [record(DocumentInfo, row) for row in found]

    def withheld(self, guild: str) -> set[str]:
        """Return the ids of documents that may be asked about but not trained on."""
        query = select(Document.id).where(Document.guild == guild, Document.consent.is_(False))
        with self._database.read() as session:
            return set(session.scalars(query))

    def get(self, guild: str, document_id: str) -> DocumentInfo:
        """Return a document by its id or the beginning of it.

        Raises:
            UnknownDocument: no document's id begins so.
            DocumentError: more than one document's id begins so.
        """
        with self._database.read() as session:
            found = matching(session, Document, guild, document_id.lower())
        if not found:
            raise UnknownDocument(document_id, guild)
        if len(found) > 1:
            raise DocumentError(
                f"{len(found)} documents have ids that begin with {document_id!r}",
                remedy="give more of the id",
            )
        return record(DocumentInfo, found[0])

    def provenance(self, guild: str, document_id: str) -> Provenance:
        """Return who added a document; by its full id.

        Raises:
            UnknownDocument: no document has this id.
        """
        with self._database.read() as session:
            row = session.get(Document, (guild, document_id))
        if row is None:
            raise UnknownDocument(document_id, guild)
        return record(Provenance, row)

    def learnt_from(self, guild: str, document_id: str) -> LearntFrom:
        """Return the data sets and adapters that learnt from a document, whether or not it is still there."""
        with self._database.read() as session:
            return _learnt_from(session, guild, document_id)

    def begin_removal(self, guild: str, document_id: str) -> LearntFrom:
        """Mark a document as going, and what learnt from it; return the latter.

        This comes before its vectors and files are removed, `remove` after it: a removal that was cut
        off shows in the list and can be run again.
        """
        with self._database.write() as session:
            where = (Document.guild == guild, Document.id == document_id)
            session.execute(update(Document).where(*where).values(status=REMOVING))
            links = (DatasetDocument.guild == guild, DatasetDocument.document == document_id)
            unmarked = (*links, DatasetDocument.forgotten_at.is_(None))
            session.execute(update(DatasetDocument).where(*unmarked).values(forgotten_at=now()))
            return _learnt_from(session, guild, document_id)

    def remove(self, guild: str, document_id: str) -> None:
        """Remove a document's row, once nothing else of it is left."""
        with self._database.write() as session:
            where = (Document.guild == guild, Document.id == document_id)
            session.execute(delete(Document).where(*where))


def register_documents(
    session: Session, guild: str, infos: Sequence[DocumentInfo], *, by: str, consent: bool
) -> None:
    """Add documents within a session's transaction."""
    if not infos:
        return
    told = {"guild": guild, "added_by": by, "consent": consent, "status": READY}
    # In one order for all, so that two who add the same on Postgres never wait for each other.
    rows = sorted((asdict(info) | told for info in infos), key=lambda row: str(row["id"]))
    upsert(session, Document, rows, keep=("added_by", "consent"))
    links = update(DatasetDocument).where(
        DatasetDocument.guild == guild,
        DatasetDocument.document == bindparam("id"),
        DatasetDocument.forgotten_at.is_not(None),
    )
    session.connection().execute(links.values(forgotten_at=None), [{"id": row["id"]} for row in rows])


def _learnt_from(session: Session, guild: str, document_id: str) -> LearntFrom:
    links = (DatasetDocument.guild == guild, DatasetDocument.document == document_id)
    datasets = session.scalars(select(DatasetDocument.dataset).where(*links).order_by("dataset")).all()
    learnt = (Adapter.guild == guild, Adapter.dataset.in_(datasets))
    adapters = session.scalars(select(Adapter.id).where(*learnt).order_by(Adapter.id)).all()
    return LearntFrom(tuple(datasets), tuple(adapters))
