"""What members asked in Discord, what was answered, and what they think of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select, update

from raft_core.records import Answer, Comparison, Quote, Source, Turn
from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, now, upsert
from raft_core.registry.tables import Exchange, Opinion


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: who asked where, which message shows the answers, and what they are so far.

    `message` is empty until it is known. `token` is of the interaction that the message answers, until it is shown.
    """

    id: str
    channel: str
    message: str
    asker: str
    comparison: Comparison
    token: str = ""


PENDING = "pending"
"""In the JSON of a comparison: the message does not show all of it yet; holds the interaction's token."""


class Exchanges:
    """Keep questions and answers by guild.

    A question is kept before anything of it is shown, so that whatever ends the bot, its next start finds
    what to do: `begin` → `shown_in` → `answered` → `finish`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, guild: str, channel: str, asker: str, comparison: Comparison, token: str = "") -> str:
        """Keep a question that is about to be shown and return its id; `comparison` is what stands if nothing follows."""
        new_id = uuid4().hex[:12]
        kept = {"question": comparison.question, "comparison": asdict(comparison) | {PENDING: token}}
        with self._database.write() as session:
            add_guild(session, guild)
            more = {"channel": channel, "asker": asker, "created_at": now()}
            session.add(Exchange(guild=guild, id=new_id, message="", **kept, **more))
        return new_id

    def shown_in(self, guild: str, exchange_id: str, message: str) -> None:
        """Keep which message shows a question."""
        self._update(guild, exchange_id, message=message)

    def answered(self, guild: str, exchange_id: str, comparison: Comparison) -> None:
        """Keep the answers before they are shown."""
        with self._database.write() as session:
            row = session.get(Exchange, (guild, exchange_id))
            if row is not None:
                pending = {PENDING: row.comparison[PENDING]} if PENDING in row.comparison else {}
                row.comparison = asdict(comparison) | pending

    def finish(self, guild: str, exchange_id: str, message: str, comparison: Comparison) -> None:
        """Keep the answers and the message that shows all of them."""
        self._update(guild, exchange_id, message=message, comparison=asdict(comparison))

    def forget(self, guild: str, exchange_id: str) -> None:
        """Remove a question that was refused: it does not count."""
        own = (Exchange.guild == guild, Exchange.id == exchange_id)
        with self._database.write() as session:
            session.execute(delete(Exchange).where(*own))

    def unfinished(self, since: str) -> list[tuple[str, Asked]]:
        """Return (guild, question) of all guilds asked at or after a time whose message does not show the end."""
        query = select(Exchange).where(
            Exchange.created_at >= since, Exchange.comparison[PENDING].as_string().is_not(None)
        )
        with self._database.read() as session:
            found = [(row.guild, _asked(row)) for row in session.scalars(query)]
        return [(guild, asked) for guild, asked in found if asked]

    def get(self, guild: str, exchange_id: str) -> Asked | None:
        """Return what was asked and answered; None where the guild has no such question."""
        with self._database.read() as session:
            return _asked(session.get(Exchange, (guild, exchange_id)))

    def shown_by(self, guild: str, message: str) -> Asked | None:
        """Return what a message shows, for those who reply to it."""
        query = select(Exchange).where(Exchange.guild == guild, Exchange.message == message)
        with self._database.read() as session:
            return _asked(session.scalars(query).first())

    def turns(self, guild: str, channel: str, limit: int) -> list[Turn]:
        """Return the last answered questions of a channel or thread, the oldest first; a broken answer is none."""
        own = (Exchange.guild == guild, Exchange.channel == channel, Exchange.message != "")
        newest = (Exchange.created_at.desc(), Exchange.message.desc())  # Discord's ids grow
        with self._database.read() as session:
            rows = session.scalars(select(Exchange).where(*own).order_by(*newest).limit(limit))
            asked = [_asked(row) for row in rows]
        return [turn for each in reversed(asked) if each and (turn := turn_of(each.comparison))]

    def asked_since(self, guild: str, asker: str, since: str) -> list[str]:
        """Return when a member asked, at or after a time (ISO 8601 in UTC), the oldest first."""
        own = (Exchange.guild == guild, Exchange.asker == asker, Exchange.created_at >= since)
        query = select(Exchange.created_at).where(*own).order_by(Exchange.created_at)
        with self._database.read() as session:
            return list(session.scalars(query))

    def rate(self, guild: str, exchange_id: str, model: str, member: str, *, good: bool) -> bool:
        """Note what a member thinks of an answer, or take it back where they said the same before.

        False where there is no such answer.
        """
        with self._database.write() as session:
            row = session.get(Exchange, (guild, exchange_id))
            if row is None or model not in {each["model"] for each in row.comparison.get("answers", ())}:
                return False
            key = {"guild": guild, "exchange": exchange_id, "model": model, "member": member}
            said = session.get(Opinion, tuple(key.values()))
            if said is not None and said.good == good:
                session.delete(said)
            else:
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

    def _update(self, guild: str, exchange_id: str, **values: object) -> None:
        own = (Exchange.guild == guild, Exchange.id == exchange_id)
        with self._database.write() as session:
            session.execute(update(Exchange).where(*own).values(**values))


def turn_of(comparison: Comparison) -> Turn | None:
    """Return a question with the last model's answer that did not break off: the tuned model comes last."""
    whole = [answer.answer for answer in comparison.answers if answer.answer and not answer.error]
    return Turn(comparison.question, whole[-1]) if whole else None


def _asked(row: Exchange | None) -> Asked | None:
    if row is None or not row.comparison:
        return None
    token = row.comparison.get(PENDING) or ""
    return Asked(row.id, row.channel, row.message, row.asker, _comparison(row.comparison), token)


def _comparison(kept: dict[str, Any]) -> Comparison:
    return Comparison(kept["question"], tuple(_answer(answer) for answer in kept["answers"]))


def _answer(kept: dict[str, Any]) -> Answer:
    quotes = tuple(Quote(**quote) for quote in kept["quotes"])
    sources = tuple(Source(**source) for source in kept["sources"])
    return Answer(**{**kept, "quotes": quotes, "sources": sources})
