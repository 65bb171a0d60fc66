"""The registry's database: migrations, many processes, and what goes wrong."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from raft_core.errors import RegistryError, StorageError
from raft_core.registry.database import HEAD, Database, make_engine
from raft_core.registry.tables import Job, Table, Worker


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own code


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return [out for out, _ in outputs]


def job(name: str) -> Job:
    return Job(id=name, guild="one", kind="train", created_at=1.5, updated_at=1.5)


def test_migrations_make_what_the_tables_say(database: Database) -> None:
    """Alembic finds no difference between the migrated database and the models."""
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_head_is_the_newest_migration() -> None:
    """The constant that saves importing Alembic names the last script."""
    config = Config()
    config.set_main_option("script_location", "raft_core.registry:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_opened_registry_needs_no_alembic(url: str) -> None:
    """What is up to date is opened without importing Alembic."""
    Database(url).close()
    code = "import sys; from raft_core.registry.database import Database; Database(sys.argv[1])\n"
    (out,) = finish([python(code + "print('alembic' in sys.modules, 'torch' in sys.modules)", url)])
    assert out == "False False\n"


def test_four_processes_migrate_at_once(url: str) -> None:
    """All of them find the tables there, and one made them."""
    code = "import sys; from raft_core.registry.database import Database; Database(sys.argv[1])"
    finish([python(code, url) for _ in range(4)])
    with Database(url) as database, database.read() as session:
        assert session.scalars(text("SELECT version_num FROM alembic_version")).all() == [HEAD]


def test_two_processes_write_at_once(url: str) -> None:
    """Writers that read first wait for each other: no update is lost and none fails."""
    database = Database(url)
    with database.write() as session:
        session.add(job("a"))
    code = (
        "import sys; from raft_core.registry.database import Database; from raft_core.registry.tables import Job\n"
        "database = Database(sys.argv[1])\n"
        "for _ in range(50):\n"
        "    with database.write() as session:\n"
        "        session.get(Job, 'a', with_for_update=True).done += 1\n"
    )
    finish([python(code, url) for _ in range(2)])
    with database.read() as session:
        assert session.get_one(Job, "a").done == 100
    database.close()


def test_kill_loses_nothing_acknowledged(url: str) -> None:
    """After kill -9 in the middle of writing, every write that was told is there, and no half of one."""
    Database(url).close()
    code = (
        "import itertools, sys; from raft_core.registry.database import Database\n"
        "from raft_core.registry.tables import Job, Worker\n"
        "database = Database(sys.argv[1])\n"
        "for number in itertools.count(1):\n"
        "    with database.write() as session:\n"
        "        session.add(Job(id=str(number), guild='one', kind='train', created_at=1.0, updated_at=1.0))\n"
        "        session.flush()\n"
        "        session.add(Worker(id=str(number), host='h', pid=1, started_at=1.0, seen_at=1.0))\n"
        "    print(number, flush=True)\n"
    )
    writer = python(code, url)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == 30:
            break
    writer.kill()
    told = [30, *(int(line) for line in writer.communicate()[0].split())][-1]
    with Database(url) as database, database.read() as session:
        jobs = session.scalar(select(func.count()).select_from(Job)) or 0
        assert jobs == session.scalar(select(func.count()).select_from(Worker))
        assert told <= jobs <= told + 1


def test_what_fails_is_kept_out_whole(database: Database) -> None:
    """An error inside a write leaves nothing of it."""
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(job("a"))
        session.flush()
        _ = 1 // 0
    with database.read() as session:
        assert session.get(Job, "a") is None


def test_text_that_no_database_takes_is_replaced(database: Database) -> None:
    """NUL and lone surrogates, as broken documents and models write them."""
    with database.write() as session:
        session.add(Job(id="a", guild="one", kind="k", reason="x\0y\ud800ž", created_at=1.0, updated_at=1.0))
    with database.read() as session:
        assert session.get_one(Job, "a").reason == "x\ufffdy?ž"


def test_newer_tables_are_refused(url: str) -> None:
    """The message says to update, and the tables stay as they are."""
    database = Database(url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        RegistryError, match="tables of version 9999, which this raftbot does not know"
    ) as told:
        Database(url)
    assert told.value.remedy == "a newer raftbot made them: update this one"
    with database.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "raftbot.sqlite3"


def test_a_locked_file_is_named(file: Path) -> None:
    """A writer waits for its time, and then says who is in the way; readers go on."""
    database = Database(f"sqlite:///{file}", busy_timeout_s=0.2)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryError) as told, database.write() as session:
            session.add(job("a"))
        with database.read() as session:
            assert session.get(Job, "a") is None
    other.close()
    database.close()
    assert str(told.value) == f"the registry at {file} is locked by another process"
    assert "wait until the other raftbot has finished" in told.value.remedy


def test_a_full_disk_is_named(file: Path) -> None:
    """SQLite's own limit on the file's size fails as a full disk does; what was there stays."""
    database = Database(f"sqlite:///{file}")
    with database.write() as session:
        session.add(job("a"))
    with (
        pytest.raises(StorageError, match=f"the disk is full: {file} was not written"),
        database.write() as s,
    ):
        s.execute(text("PRAGMA max_page_count = 1"))
        s.add_all(Worker(id=str(n), host="h" * 1000, pid=n, started_at=1.0, seen_at=1.0) for n in range(200))
    with database.read() as session:
        assert session.get(Job, "a") is not None
    database.close()


def test_a_file_that_is_no_database_is_named(file: Path) -> None:
    """It is not overwritten, and the remedy says what becomes of the rest."""
    file.write_bytes(b"something else " * 100)
    with pytest.raises(RegistryError, match="file is not a database") as told:
        Database(f"sqlite:///{file}")
    assert "registered anew" in told.value.remedy
    assert file.read_bytes().startswith(b"something else")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """As elsewhere, the path and the reason."""
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot write"):
        Database(f"sqlite:///{tmp_path / 'raftbot.sqlite3'}")
    tmp_path.chmod(0o700)


def test_an_absent_postgres_is_named_without_its_password() -> None:
    """One line with host and user; neither it nor the traceback's text has the password."""
    with pytest.raises(RegistryError, match="Connection refused") as told:
        Database("postgresql://raft:hunter2@127.0.0.1:1/raft")
    assert "postgresql+psycopg://raft:***@127.0.0.1:1/raft" in str(told.value)
    assert "hunter2" not in str(told.value) + told.value.remedy + str(told.value.__cause__)
    assert "\n" not in str(told.value)


def test_settings_of_sqlite(file: Path) -> None:
    """WAL, full synchronisation, foreign keys, thirty seconds of patience, on every connection."""
    engine = make_engine(f"sqlite:///{file}")
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            values = [
                connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
            assert values == ["wal", 2, 1, 30000]
    engine.dispose()
