from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from raft_core.errors import SettingsError
from raft_core.machine.state import only_one_up, write_up
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


@pytest.mark.usefixtures("home")
def test_endpoints_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints are a list; what is wrong with one is named, and no key is shown."""
    good = '{"url": "http://a/v1", "model": "m", "key": "s3cret"}'
    monkeypatch.setenv("RAFTBOT_ENDPOINTS", f"[{good}]")
    (endpoint,) = load_settings().endpoints
    assert (endpoint.name, endpoint.concurrency, endpoint.price_per_1k_tokens_usd) == ("base", 16, 0.0)
    assert "s3cret" not in repr(endpoint)
    for value, reason in [
        (
            f'[{good}, {{"url": "a", "model": "m", "key": "s3cret"}}]',
            "RAFTBOT_ENDPOINTS 1 url: String should",
        ),
        ('[{"url": "http://a/v1", "key": "s3cret"}]', "RAFTBOT_ENDPOINTS 0 model: Field required"),
        ("s3cret", "RAFTBOT_ENDPOINTS: no JSON"),
    ]:
        monkeypatch.setenv("RAFTBOT_ENDPOINTS", value)
        with pytest.raises(SettingsError, match=reason) as caught:
            load_settings()
        assert "s3cret" not in str(caught.value)


class TestRunningServers:
    """The servers of a `raftbot up` on the same home are the last thing that settings are taken from."""

    SERVERS = MappingProxyType(
        {
            "chroma_url": "http://127.0.0.1:1",
            "model_server_url": "http://127.0.0.1:2/v1",
            "model_server_key": "k3y",
        }
    )

    @pytest.fixture(autouse=True)
    def up(self, home: Path) -> Iterator[None]:
        with only_one_up(home):
            write_up(home, self.SERVERS, ())
            yield

    def test_are_used(self) -> None:
        """Where nothing else is set, URLs and key are those of the running servers."""
        settings = load_settings()
        assert (settings.chroma_url, settings.model_server_url) == (
            "http://127.0.0.1:1",
            "http://127.0.0.1:2/v1",
        )
        assert settings.model_server_key is not None
        assert settings.model_server_key.get_secret_value() == "k3y"

    def test_every_other_source_goes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Arguments, environment, .env and raftbot.toml all outdo them."""
        monkeypatch.chdir(tmp_path)
        assert load_settings(chroma_url="http://argument").chroma_url == "http://argument"
        Path("raftbot.toml").write_text('chroma_url = "http://toml"')
        assert load_settings().chroma_url == "http://toml"
        Path(".env").write_text("RAFTBOT_CHROMA_URL=http://dotenv")
        assert load_settings().chroma_url == "http://dotenv"
        monkeypatch.setenv("RAFTBOT_CHROMA_URL", "http://environment")
        assert load_settings().chroma_url == "http://environment"

    def test_their_key_goes_to_no_other_server(self) -> None:
        """A model server of one's own is not given the key of another."""
        settings = load_settings(model_server_url="http://elsewhere/v1")
        assert settings.model_server_key is None
        assert settings.chroma_url == "http://127.0.0.1:1"

    def test_the_home_may_come_from_anywhere(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The servers are looked for in the home that the settings name, and in no other."""
        assert load_settings(home=home.with_name("other")).chroma_url is None
        monkeypatch.delenv("RAFTBOT_HOME")
        assert load_settings(home=home).chroma_url == "http://127.0.0.1:1"
