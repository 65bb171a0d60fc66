"""The registry's database: SQLite in one file, or Postgres. What a write acknowledged survives kill -9.

Reading and writing are apart: SQLite takes its write lock when a writer begins, so that writers of
several processes wait for each other instead of failing half-way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from raft_core.errors import RaftError, RegistryError, StorageError
from raft_core.files import translated_os_errors

HEAD = "0004"
"""The newest migration, so that a database that is there already needs no Alembic."""
BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another."""
_CONNECT_TIMEOUT_S = 10
_MIGRATION_LOCK = 0x72616674
"""The key of Postgres's advisory lock: any number that nobody else uses."""
_WRITES = "raftbot_writes"


class Database:
    """Sessions on the registry, brought up to date when it is opened.

    Raises:
        RegistryError: it cannot be reached, is locked or broken, or a newer raftbot made it.
        StorageError: its file cannot be written.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.engine = make_engine(url, busy_timeout_s=busy_timeout_s)
        try:
            migrate(self.engine)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees the registry at one moment."""
        with translated_errors(self.engine), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that is kept whole at the end of the block, or not at all."""
        writer = self.engine.execution_options(**{_WRITES: True})
        with (
            translated_errors(self.engine),
            Session(writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def make_engine(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Return an engine for `sqlite:///path` or `postgresql://…`; it connects when it is first used."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, busy_timeout_s)
    return create_engine(
        address.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,  # the server may have been restarted since
        hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_S},
    )


def _sqlite(address: URL, busy_timeout_s: float) -> Engine:
    file = Path(address.database or "")
    with translated_os_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        connection.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # WAL alone may lose the last writes with the power
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, in one transaction; of several processes one does it and the others wait.

    Raises:
        RegistryError: the database cannot be used, or a newer raftbot made its tables.
        StorageError: its file cannot be written.
    """
    with translated_errors(engine):
        with engine.connect() as connection:
            if _revision(connection) == HEAD:
                return
        with engine.execution_options(**{_WRITES: True}).begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            if _revision(connection) != HEAD:  # another process may have done it just now
                _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "raft_core.registry:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RegistryError(
            _shown(connection.engine),
            f"has tables of version {_revision(connection)}, which this raftbot does not know",
            remedy="a newer raftbot made them: update this one",
        ) from error


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turn what the database's driver raises into a RaftError that names the database."""
    try:
        yield
    except DBAPIError as error:
        raise _translated(engine, str(error.orig)) from error


def _translated(engine: Engine, message: str) -> RaftError:
    shown, line = _shown(engine), " ".join(message.split())
    if engine.dialect.name == "postgresql":
        return RegistryError(
            shown, f"failed: {line}", remedy="check RAFTBOT_DATABASE_URL and that Postgres runs"
        )
    if "locked" in line:
        return RegistryError(
            shown,
            "is locked by another process",
            remedy="wait until the other raftbot has finished, or stop it, then run the command again",
        )
    if "disk is full" in line:
        return StorageError(
            f"the disk is full: {shown} was not written",
            remedy="free some space or set RAFTBOT_HOME to another disk, then run the command again",
        )
    if "readonly" in line or "unable to open" in line:
        return StorageError(f"cannot write {shown}: {line}", remedy="choose a folder that you may write to")
    return RegistryError(
        shown,
        f"failed: {line}",
        remedy="restore it from a copy, or move it away: what lies on the disk is registered anew",
    )


def _shown(engine: Engine) -> str:
    url = engine.url
    return (
        url.database or ""
        if engine.dialect.name == "sqlite"
        else url.set(query={}).render_as_string(hide_password=True)
    )
