"""The adapters of all guilds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from raft_core.errors import UnknownModel
from raft_core.records import AdapterInfo
from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, count_of, matching, newest_like, of_guild, record, upsert
from raft_core.registry.tables import Adapter


class Adapters:
    """Keep what is known of adapters; their weights are artifacts, whose `path` every machine knows itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, info: AdapterInfo) -> None:
        """Register an adapter that is whole."""
        with self._database.write() as session:
            add_guild(session, info.guild)
            register_adapter(session, info)

    def list(self, guild: str) -> list[AdapterInfo]:
        """Return a guild's adapters without their paths, the oldest first."""
        with self._database.read() as session:
            return [record(AdapterInfo, row, path="") for row in of_guild(session, Adapter, guild)]

    def count(self, guild: str) -> int:
        """Return how many a guild has."""
        with self._database.read() as session:
            return count_of(session, Adapter, guild)

    def every_id(self) -> set[str]:
        """Return the ids of all guilds' adapters: a model server that all share knows them too."""
        with self._database.read() as session:
            return set(session.scalars(select(Adapter.id)))

    def search(self, guild: str, text: str, limit: int) -> Sequence[AdapterInfo]:
        """Return adapters with a text in their id, the newest first; without their paths."""
        with self._database.read() as session:
            found = newest_like(session, Adapter, guild, text, limit, "id")
            return [record(AdapterInfo, row, path="") for row in found]

    def get(self, guild: str, adapter_id: str) -> AdapterInfo:
        """Return the adapter whose id is, or alone begins with, `adapter_id`, without its path.

        Raises:
            UnknownModel: there is none, or there are several.
        """
        with self._database.read() as session:
            found = matching(session, Adapter, guild, adapter_id)
            if len(found) != 1:
                known = found or of_guild(session, Adapter, guild)
                raise UnknownModel(adapter_id, [row.id for row in known])
        return record(AdapterInfo, found[0], path="")


def register_adapter(session: Session, info: AdapterInfo) -> None:
    """Add an adapter within a session's transaction."""
    row = asdict(info)
    del row["path"]
    upsert(session, Adapter, [row])
