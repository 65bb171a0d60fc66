from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.errors import SettingsError
from raft_core.settings import load_settings

URL = "postgresql://raft:s3cret@db.example.org:5433/raft"


def test_sqlite_files_lie_in_the_home(home: Path) -> None:
    """Without a database URL the registry and the jobs have a file each."""
    settings = load_settings()
    assert settings.registry_url == f"sqlite:///{home}/raftbot.sqlite3"
    assert settings.jobs_url == f"sqlite:///{home}/jobs.sqlite3"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
@pytest.mark.usefixtures("home")
def test_one_postgres_serves_both(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Postgres URL is used for registry and jobs, however its scheme is spelt."""
    monkeypatch.setenv("RAFTBOT_DATABASE_URL", URL.replace("postgresql", scheme))
    settings = load_settings()
    assert settings.registry_url == settings.jobs_url == URL


@pytest.mark.parametrize("url", ["mysql://raft:s3cret@db/raft", "s3cret", "postgresql://"])
def test_other_databases_are_refused_without_showing_the_password(url: str) -> None:
    """The error names the setting, and neither it nor what it came from holds the value."""
    with pytest.raises(SettingsError, match="RAFTBOT_DATABASE_URL") as caught:
        load_settings(database_url=url)
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.usefixtures("home")
def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings shows no password and no token."""
    monkeypatch.setenv("RAFTBOT_DATABASE_URL", URL)
    monkeypatch.setenv("RAFTBOT_DISCORD_TOKEN", "t0ken")
    shown = repr(load_settings())
    assert "s3cret" not in shown
    assert "t0ken" not in shown


@pytest.mark.usefixtures("home")
def test_an_empty_database_url_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an unset one."""
    monkeypatch.setenv("RAFTBOT_DATABASE_URL", "")
    assert load_settings().database_url is None
