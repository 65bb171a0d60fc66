"""What work took: the measure of budgets and of estimates."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, add_once, record
from raft_core.registry.tables import Cost


@dataclass(frozen=True, slots=True)
class Spending:
    """What a piece of work took. `units` are what its kind counts: rows made, rows trained on, answers scored.

    `seconds` is 0 where nobody measured them.
    """

    units: int
    tokens: int
    seconds: float
    usd: float


class Costs:
    """Keep what everything took."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, guild: str, kind: str, what: str, spending: Spending, *, at: str, job: str = "") -> None:
        """Count what the making of `what` took, at its end `at` (ISO 8601 in UTC), once however often told.

        A job makes a thing once: killed between telling this and its next step it tells it again, at another time.
        """
        with self._database.write() as session:
            add_guild(session, guild)
            key = {"guild": guild, "kind": kind, "what": what}
            if job and session.scalars(select(Cost).filter_by(**key, job=job).limit(1)).first():
                return
            add_once(session, Cost, [key | {"at": at, "job": job} | asdict(spending)])

    def spent(self, guild: str, since: str) -> float:
        """Return the dollars that a guild spent at or after a time (ISO 8601 in UTC)."""
        with self._database.read() as session:
            total = select(func.sum(Cost.usd)).where(Cost.guild == guild, Cost.at >= since)
            return session.scalar(total) or 0.0

    def of_job(self, guild: str, job: str) -> Spending:
        """Return what a job took in all."""
        total = select(
            func.sum(Cost.units), func.sum(Cost.tokens), func.sum(Cost.seconds), func.sum(Cost.usd)
        )
        with self._database.read() as session:
            units, tokens, seconds, usd = session.execute(
                total.where(Cost.guild == guild, Cost.job == job)
            ).one()
        return Spending(int(units or 0), int(tokens or 0), seconds or 0.0, usd or 0.0)

    def seconds(self, guild: str, kind: str, what: str) -> float:
        """Return how long the making of `what` took, 0 where nobody measured it."""
        longest = select(func.max(Cost.seconds)).filter_by(guild=guild, kind=kind, what=what)
        with self._database.read() as session:
            return session.scalar(longest) or 0.0

    def recent(self, kind: str, limit: int) -> list[Spending]:
        """Return the last measured works of a kind, the newest first: for rates.

        They are of all guilds, since the machine is the same, and do not tell whose or what they were.
        """
        measured = select(Cost).where(Cost.kind == kind, Cost.seconds > 0)
        with self._database.read() as session:
            rows = session.scalars(measured.order_by(Cost.at.desc()).limit(limit)).all()
        return [record(Spending, row) for row in rows]
