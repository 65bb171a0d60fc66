"""What members asked in Discord, what was answered, and what they think of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, update

from raft_core.records import Answer, Comparison, Quote, Source
from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, now, upsert
from raft_core.registry.tables import Exchange, Opinion


class Exchanges:
    """Keep questions and answers by guild."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, guild: str, channel: str, asker: str, question: str) -> str:
        """Note a question and return its id; asked counts, answered or not."""
        new_id = uuid4().hex[:12]
        told = {"channel": channel, "asker": asker, "question": question, "created_at": now()}
        with self._database.write() as session:
            add_guild(session, guild)
            session.add(Exchange(guild=guild, id=new_id, message="", comparison={}, **told))
        return new_id

    def finish(self, guild: str, exchange_id: str, message: str, comparison: Comparison) -> None:
        """Keep the answers and the message that shows them."""
        own = (Exchange.guild == guild, Exchange.id == exchange_id)
        new = {"message": message, "comparison": asdict(comparison)}
        with self._database.write() as session:
            session.execute(update(Exchange).where(*own).values(**new))

    def get(self, guild: str, exchange_id: str) -> Comparison | None:
        """Return what was answered; None where the guild has no such question, or it has no answer."""
        with self._database.read() as session:
            row = session.get(Exchange, (guild, exchange_id))
            return _comparison(row.comparison) if row is not None and row.comparison else None

    def shown_by(self, guild: str, message: str) -> Comparison | None:
        """Return what a message shows, for those who reply to it."""
        query = select(Exchange).where(Exchange.guild == guild, Exchange.message == message)
        with self._database.read() as session:
            row = session.scalars(query).first()
            return _comparison(row.comparison) if row is not None and row.comparison else None

    def asked_since(self, guild: str, asker: str, since: str) -> list[str]:
        """Return when a member asked, at or after a time (ISO 8601 in UTC), the oldest first."""
        own = (Exchange.guild == guild, Exchange.asker == asker, Exchange.created_at >= since)
        query = select(Exchange.created_at).where(*own).order_by(Exchange.created_at)
        with self._database.read() as session:
            return list(session.scalars(query))

    def rate(self, guild: str, exchange_id: str, model: str, member: str, *, good: bool) -> bool:
        """Note what a member thinks of an answer; False where there is no such answer."""
        with self._database.write() as session:
            row = session.get(Exchange, (guild, exchange_id))
            if row is None or model not in {each["model"] for each in row.comparison.get("answers", ())}:
                return False
            key = {"guild": guild, "exchange": exchange_id, "model": model, "member": member}
            upsert(session, Opinion, [key | {"good": good, "created_at": now()}])
            return True

    def opinions(self, guild: str, exchange_id: str) -> dict[str, tuple[int, int]]:
        """Return how many think well and ill of each model's answer."""
        own = (Opinion.guild == guild, Opinion.exchange == exchange_id)
        query = (
            select(Opinion.model, Opinion.good, func.count())
            .where(*own)
            .group_by(Opinion.model, Opinion.good)
        )
        found: dict[str, tuple[int, int]] = {}
        with self._database.read() as session:
            for model, good, count in session.execute(query):
                up, down = found.get(model, (0, 0))
                found[model] = (up + count, down) if good else (up, down + count)
        return found


def _comparison(kept: dict[str, Any]) -> Comparison:
    return Comparison(kept["question"], tuple(_answer(answer) for answer in kept["answers"]))


def _answer(kept: dict[str, Any]) -> Answer:
    quotes = tuple(Quote(**quote) for quote in kept["quotes"])
    sources = tuple(Source(**source) for source in kept["sources"])
    return Answer(**{**kept, "quotes": quotes, "sources": sources})
