"""The settings of each guild, as JSON: what they mean is their owner's to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update

from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild
from raft_core.registry.tables import Guild

Json = dict[str, Any]


class Guilds:
    """Keep the guilds' settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settings(self, guild: str) -> Json:
        """Return a guild's settings; empty where it has set nothing."""
        with self._database.read() as session:
            row = session.get(Guild, guild)
            return dict(row.settings) if row is not None else {}

    def every(self) -> list[tuple[str, Json]]:
        """Return the settings of all guilds, for what the bot does by itself."""
        with self._database.read() as session:
            return [(row.id, dict(row.settings)) for row in session.scalars(select(Guild).order_by(Guild.id))]

    def change(self, guild: str, change: Callable[[Json], Json]) -> Json:
        """Replace a guild's settings by what `change` makes of them, with nobody in between; return the new ones."""
        with self._database.write() as session:
            add_guild(session, guild)
            row = session.get(Guild, guild, with_for_update=True)
            new = change(dict(row.settings) if row is not None else {})
            session.execute(update(Guild).where(Guild.id == guild).values(settings=new))
        return new
