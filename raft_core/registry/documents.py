"""The documents of all guilds: what the library holds, who added it, and what learnt from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from raft_core.errors import DocumentError, UnknownDocument
from raft_core.records import PARAGRAPH, DocumentInfo
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
AT_ONCE = 5000
"""Ids in one query: SQLite takes 32,766 parameters."""


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

    def add(
        self,
        guild: str,
        infos: Sequence[DocumentInfo],
        *,
        by: str,
        consent: bool | None,
        of_others: bool = True,
    ) -> set[str]:
        """Register documents that are whole; return the ids of those whose consent is another than before.

        The first who added one stays; what learnt from it is unmarked. A `consent` of None leaves that of a
        known document, gives a new version that of the one before, and others True. Without `of_others`
        the consent of what another added stays.
        """
        with self._database.write() as session:
            add_guild(session, guild)
            return register_documents(session, guild, infos, by=by, consent=consent, of_others=of_others)

    def supersede(
        self, guild: str, document_id: str, by: str, *, of_others: bool = True
    ) -> tuple[list[DocumentInfo], list[DocumentInfo]]:
        """Mark the other versions of a document, those of the same source, as going.

        Return them, and those that stay because another than `by` added them (only without `of_others`).
        A document that is going itself, because a newer version came meanwhile, supersedes none.
        """
        with self._database.write() as session:
            new = session.get(Document, (guild, document_id))
            if new is None:
                return [], []
            # In one order for all who lock these rows on Postgres.
            locked = _versions(guild, new.source).order_by(Document.id).with_for_update()
            rows = session.scalars(locked.execution_options(populate_existing=True)).all()
            if new.status != READY:
                return [], []
            others = [row for row in rows if row.id != document_id]
            going = [row for row in others if of_others or row.added_by == by]
            for row in going:
                _mark_as_going(session, row)
            staying = [row for row in others if row not in going]
            return [record(DocumentInfo, row) for row in going], [
                record(DocumentInfo, row) for row in staying
            ]

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
            row = session.get(Document, (guild, document_id), with_for_update=True)
            if row is not None:
                _mark_as_going(session, row)
            return _learnt_from(session, guild, document_id)

    def remove(self, guild: str, document_id: str) -> None:
        """Remove a document's row, once nothing else of it is left."""
        with self._database.write() as session:
            where = (Document.guild == guild, Document.id == document_id)
            session.execute(delete(Document).where(*where))


def register_documents(
    session: Session,
    guild: str,
    infos: Sequence[DocumentInfo],
    *,
    by: str,
    consent: bool | None,
    of_others: bool = True,
) -> set[str]:
    """Add documents within a session's transaction, as `Documents.add` does."""
    if not infos:
        return set()
    before = {
        row.id: row
        for start in range(0, len(infos), AT_ONCE)
        for row in session.scalars(_rows(guild, [info.id for info in infos[start : start + AT_ONCE]]))
    }
    rows, changed = [], set()
    # In one order for all, so that two who add the same on Postgres never wait for each other.
    for info in sorted(infos, key=lambda each: each.id):
        known = before.get(info.id)
        if known is None:
            agreed = _consent_of_older(session, guild, info) if consent is None else consent
        else:
            may_change = consent is not None and (of_others or known.added_by == by)
            agreed = bool(consent) if may_change else known.consent
            if agreed != known.consent:
                changed.add(info.id)
        rows.append(asdict(info) | {"guild": guild, "added_by": by, "consent": agreed, "status": READY})
    upsert(session, Document, rows, keep=("added_by",))
    links = update(DatasetDocument).where(
        DatasetDocument.guild == guild,
        DatasetDocument.document == bindparam("id"),
        DatasetDocument.forgotten_at.is_not(None),
    )
    session.connection().execute(links.values(forgotten_at=None), [{"id": row["id"]} for row in rows])
    return changed


def _rows(guild: str, ids: Sequence[str]) -> Select[Document]:
    return select(Document).where(Document.guild == guild, Document.id.in_(ids))


def _versions(guild: str, source: str) -> Select[Document]:
    """Select the versions of a file; the paragraphs of one HotpotQA file are no versions of each other."""
    where = (Document.guild == guild, Document.source == source, Document.media_type != PARAGRAPH)
    return select(Document).where(*where)


def _consent_of_older(session: Session, guild: str, info: DocumentInfo) -> bool:
    if info.media_type == PARAGRAPH:
        return True
    newest = _versions(guild, info.source).order_by(Document.added_at.desc()).limit(1)
    older = session.scalars(newest).first()
    return older is None or older.consent


def _mark_as_going(session: Session, row: Document) -> None:
    row.status = REMOVING
    links = (DatasetDocument.guild == row.guild, DatasetDocument.document == row.id)
    unmarked = (*links, DatasetDocument.forgotten_at.is_(None))
    session.execute(update(DatasetDocument).where(*unmarked).values(forgotten_at=now()))


def _learnt_from(session: Session, guild: str, document_id: str) -> LearntFrom:
    links = (DatasetDocument.guild == guild, DatasetDocument.document == document_id)
    datasets = session.scalars(select(DatasetDocument.dataset).where(*links).order_by("dataset")).all()
    learnt = (Adapter.guild == guild, Adapter.dataset.in_(datasets))
    adapters = session.scalars(select(Adapter.id).where(*learnt).order_by(Adapter.id)).all()
    return LearntFrom(tuple(datasets), tuple(adapters))
