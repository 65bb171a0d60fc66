"""Which Discord messages show which jobs, so that a restarted bot goes on with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select, update

from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, now, record, upsert
from raft_core.registry.tables import Card


@dataclass(frozen=True, slots=True)
class JobCard:
    """A message that shows a job: `id` is the job's; `message` is empty until it is sent, `thread` until there is one.

    `told` counts the job's milestones that the thread has; `announced` says whether the job's end was told.
    """

    guild: str
    id: str
    channel: str
    message: str
    requester: str
    thread: str = ""
    told: int = 0
    announced: bool = False


class Cards:
    """Keep the cards of all guilds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, card: JobCard) -> None:
        """Keep a card; one for the same job is replaced."""
        with self._database.write() as session:
            add_guild(session, card.guild)
            upsert(session, Card, [asdict(card) | {"announced": False, "created_at": now()}])

    def get(self, guild: str, job_id: str) -> JobCard | None:
        """Return the card of a job."""
        with self._database.read() as session:
            row = session.get(Card, (guild, job_id))
            return record(JobCard, row) if row is not None else None

    def live(self) -> list[JobCard]:
        """Return the cards of all guilds whose job's end has not been told, the oldest first."""
        query = select(Card).where(Card.announced.is_(False)).order_by(Card.created_at)
        with self._database.read() as session:
            return [record(JobCard, row) for row in session.scalars(query)]

    def note(self, guild: str, job_id: str, **values: object) -> None:
        """Note a card's new `message` or `thread`, or how many milestones are `told`."""
        self._update(guild, job_id, **values)

    def announce(self, guild: str, job_id: str) -> bool:
        """Note that a job's end is told; False where it has been already."""
        own = (Card.guild == guild, Card.id == job_id, Card.announced.is_(False))
        with self._database.write() as session:
            done = session.execute(update(Card).where(*own).values(announced=True))
            return bool(getattr(done, "rowcount", 0))

    def revive(self, guild: str, job_id: str) -> None:
        """Follow a job again that has been resumed."""
        self._update(guild, job_id, announced=False)

    def _update(self, guild: str, job_id: str, **values: object) -> None:
        with self._database.write() as session:
            session.execute(update(Card).where(Card.guild == guild, Card.id == job_id).values(**values))
