"""What all tables share: their base, and which type of column holds which type of value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Double, ForeignKey, MetaData, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class StorableText(TypeDecorator[str]):
    """Text that any database takes: Postgres refuses NUL, and no encoding has lone surrogates.

    Documents and models write both; only titles and short answers of theirs come here.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return value and value.replace("\0", "\ufffd").encode(errors="replace").decode()


class Strings(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, kept as a JSON list."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> list[str]:
        """Return the list that the column keeps."""
        return list(value or ())

    def process_result_value(self, value: list[str] | None, dialect: Dialect) -> tuple[str, ...]:
        """Return what the records hold."""
        return tuple(value or ())


class Table(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(
        naming_convention={  # a migration can only alter what has a name
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own way
        str: StorableText,
        int: BigInteger,
        float: Double,
        dict[str, Any]: JSON,
        tuple[str, ...]: Strings,
    }


class Owned(Table):
    """What belongs to a guild: the same id in another guild is something else."""

    __abstract__ = True

    guild: Mapped[str] = mapped_column(ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
