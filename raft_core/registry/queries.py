"""What all shelves of the registry do: add what may be there already, and find by the beginning of an id."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, inspect, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from raft_core.registry.columns import Owned, Table
from raft_core.registry.tables import Guild

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound=Owned)
Record = TypeVar("Record", bound="DataclassInstance")


def now() -> str:
    """Return the time as the records write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def upsert(
    session: Session,
    table: type[Table],
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Collection[str] = (),
) -> None:
    """Insert rows of the same columns; those that are there are brought up to date but for `keep`."""
    if not rows:
        return
    insert = _insert(session, table)
    key = [column.name for column in inspect(table).primary_key]
    fresh = {name: insert.excluded[name] for name in rows[0] if name not in {*key, *keep}}
    session.execute(insert.on_conflict_do_update(index_elements=key, set_=fresh), [dict(row) for row in rows])


def add_once(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those that are there stay as they are."""
    if rows:
        session.execute(_insert(session, table).on_conflict_do_nothing(), [dict(row) for row in rows])


def add_guild(session: Session, guild: str) -> bool:
    """Have a guild in the registry; tell whether it is new."""
    insert = _insert(session, Guild).values(id=guild, settings={}, created_at=now())
    return session.scalar(insert.on_conflict_do_nothing().returning(Guild.id)) is not None


def _insert(session: Session, table: type[Table]) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def of_guild(session: Session, table: type[Row], guild: str, created: str = "created_at") -> list[Row]:
    """Return all rows of a guild, the oldest first."""
    order = (getattr(table, created), table.id)
    return list(session.scalars(select(table).where(table.guild == guild).order_by(*order)))


def count_of(session: Session, table: type[Owned], guild: str) -> int:
    """Return how many rows a guild has."""
    return session.scalar(select(func.count()).where(table.guild == guild)) or 0


def newest_like(
    session: Session,
    table: type[Row],
    guild: str,
    text: str,
    limit: int,
    *names: str,
    created: str = "created_at",
) -> list[Row]:
    """Return a guild's rows with a text anywhere in one of the columns `names`, the newest first."""
    like = or_(*(getattr(table, name).icontains(text.strip(), autoescape=True) for name in names))
    newest = getattr(table, created).desc()
    query = select(table).where(table.guild == guild, like).order_by(newest, table.id)
    return list(session.scalars(query.limit(limit)))


def matching(session: Session, table: type[Row], guild: str, prefix: str) -> list[Row]:
    """Return the row with exactly this id, or all whose ids begin so; none for an empty prefix."""
    exact = session.get(table, (guild, prefix))
    if exact is not None or not prefix:
        return [exact] if exact is not None else []
    begins = func.substr(table.id, 1, len(prefix)) == prefix
    return list(session.scalars(select(table).where(table.guild == guild, begins).order_by(table.id)))


def record(kind: type[Record], row: Table, **more: Any) -> Record:
    """Return a row as a record, with the fields `more` that the table does not have."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in more]
    return kind(**{name: getattr(row, name) for name in names}, **more)
