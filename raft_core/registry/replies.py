"""What model servers answered while data sets were made, for all machines: the same call is paid for once."""

from __future__ import annotations

from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, add_once
from raft_core.registry.tables import Reply


class Replies:
    """Keep every reply under its call's key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, guild: str, key: str) -> Reply | None:
        """Return the reply to a call, or None."""
        with self._database.read() as session:
            return session.get(Reply, (guild, key))

    def add(self, guild: str, key: str, text: str, tokens: int, *, cut_off: bool) -> None:
        """Keep the reply to a call; the first one stays."""
        row = {"guild": guild, "id": key, "text": text, "tokens": tokens, "cut_off": cut_off}
        with self._database.write() as session:
            add_guild(session, guild)
            add_once(session, Reply, [row])
