"""Which rows of data sets curators keep or drop. The data sets themselves never change."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from raft_core.registry.database import Database
from raft_core.registry.queries import now, record, upsert
from raft_core.registry.tables import Verdict as Row


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a member says of the row at place `row`, from 0."""

    row: int
    keep: bool
    member: str
    created_at: str


class Verdicts:
    """Keep what curators say of rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, guild: str, dataset_id: str, row: int, *, keep: bool, member: str) -> None:
        """Keep or drop a row of a guild's data set, by its exact id; the last word counts."""
        said = {"keep": keep, "member": member, "created_at": now()}
        with self._database.write() as session:
            upsert(session, Row, [{"guild": guild, "dataset": dataset_id, "row": row} | said])

    def of(self, guild: str, dataset_id: str) -> dict[int, Verdict]:
        """Return what is said of a data set's rows, by their places."""
        query = select(Row).where(Row.guild == guild, Row.dataset == dataset_id).order_by(Row.row)
        with self._database.read() as session:
            return {row.row: record(Verdict, row) for row in session.scalars(query)}

    def dropped(self, guild: str) -> dict[str, int]:
        """Return how many rows of a guild's data sets are dropped."""
        query = select(Row.dataset, func.count()).where(Row.guild == guild, Row.keep.is_(False))
        with self._database.read() as session:
            return {row[0]: row[1] for row in session.execute(query.group_by(Row.dataset))}
