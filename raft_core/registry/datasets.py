"""The data sets of all guilds, and which documents they learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from raft_core.errors import UnknownDataset
from raft_core.records import DatasetInfo
from raft_core.registry.database import Database
from raft_core.registry.documents import READY
from raft_core.registry.queries import (
    add_guild,
    add_once,
    count_of,
    matching,
    newest_like,
    now,
    of_guild,
    record,
    upsert,
)
from raft_core.registry.tables import Dataset, DatasetDocument, Document


class Datasets:
    """Keep what is known of data sets; their rows are artifacts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, info: DatasetInfo) -> None:
        """Register a data set that is whole; a document that was removed meanwhile is marked at once."""
        with self._database.write() as session:
            add_guild(session, info.guild)
            register_dataset(session, info)

    def list(self, guild: str) -> list[DatasetInfo]:
        """Return a guild's data sets, the oldest first."""
        with self._database.read() as session:
            rows = of_guild(session, Dataset, guild)
            documents = _documents(session, guild)
        return [record(DatasetInfo, row, documents=tuple(documents.get(row.id, ()))) for row in rows]

    def count(self, guild: str) -> int:
        """Return how many a guild has."""
        with self._database.read() as session:
            return count_of(session, Dataset, guild)

    def search(self, guild: str, text: str, limit: int) -> Sequence[DatasetInfo]:
        """Return data sets with a text in their id, the newest first; without their documents."""
        with self._database.read() as session:
            found = newest_like(session, Dataset, guild, text, limit, "id")
            return [record(DatasetInfo, row, documents=()) for row in found]

    def get(self, guild: str, dataset_id: str) -> DatasetInfo:
        """Return the data set whose id is, or alone begins with, `dataset_id`.

        Raises:
            UnknownDataset: there is none, or several begin so.
        """
        with self._database.read() as session:
            found = matching(session, Dataset, guild, dataset_id)
            if len(found) != 1:
                raise UnknownDataset(dataset_id, guild)
            documents = _documents(session, guild, found[0].id).get(found[0].id, [])
        return record(DatasetInfo, found[0], documents=tuple(documents))

    def forgotten(self, guild: str) -> dict[str, tuple[str, ...]]:
        """Return which data sets learnt from documents that are gone, and from which.

        An adapter learnt from what its data set did.
        """
        with self._database.read() as session:
            gone = _documents(session, guild, forgotten=True)
        return {dataset: tuple(documents) for dataset, documents in gone.items()}


def register_dataset(session: Session, info: DatasetInfo) -> None:
    """Add a data set within a session's transaction."""
    row = asdict(info)
    del row["documents"]
    upsert(session, Dataset, [row])
    # Locked until we commit, so that on Postgres none of them is removed without its new link being marked.
    there = select(Document.id).where(Document.guild == info.guild, Document.status == READY)
    known = set(session.scalars(there.with_for_update(read=True)))
    link = {"guild": info.guild, "dataset": info.id}
    links = [
        {**link, "document": each, "position": number, "forgotten_at": None if each in known else now()}
        for number, each in enumerate(info.documents)
    ]
    add_once(session, DatasetDocument, links)


def _documents(
    session: Session, guild: str, dataset_id: str | None = None, *, forgotten: bool = False
) -> dict[str, list[str]]:
    """Return the documents of a guild's data sets, or of one, or only those that are gone, in their order."""
    query = select(DatasetDocument.dataset, DatasetDocument.document).where(DatasetDocument.guild == guild)
    if dataset_id is not None:
        query = query.where(DatasetDocument.dataset == dataset_id)
    if forgotten:
        query = query.where(DatasetDocument.forgotten_at.is_not(None))
    found: dict[str, list[str]] = {}
    for dataset, document in session.execute(query.order_by(DatasetDocument.position)):
        found.setdefault(dataset, []).append(document)
    return found
