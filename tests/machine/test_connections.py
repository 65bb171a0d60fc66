from __future__ import annotations

import socket
from pathlib import Path

import pytest

from raft_core.machine import connections
from raft_core.machine.check import Check
from raft_core.registry.database import Database
from raft_core.settings import Settings, load_settings
from tests.machine.http import http_server
from tests.tiny_model import small_base

TOKEN = "MTIzNDU2Nzg5.abcdef.abcdefghijklmnopqrstuvwxyz0"
MODELS = {"/v1/models": (200, {"data": [{"id": "base"}, {"id": "raft-1"}]}), "/health": (200, {})}


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings()


def with_settings(**values: object) -> Settings:
    return load_settings(**values)


def test_database(settings: Settings):
    """A registry that is not there yet is not made; one that is must open; a broken one says what to do."""
    file = connections.sqlite_file(settings)
    assert connections.check_database(settings) == Check("database", True, f"{file} will be made")
    assert file is not None
    assert not file.exists()
    Database(settings.registry_url).close()
    assert connections.check_database(settings).ok
    file.write_text("no database, but long enough to be taken for one" * 100)
    broken = connections.check_database(settings)
    assert not broken.ok
    assert broken.remedy


def test_postgres_that_is_away(home: Path):
    """A Postgres that does not answer fails, and its password is not shown."""
    away = with_settings(database_url="postgresql://raft:s3cret@127.0.0.1:1/raft")
    assert connections.sqlite_file(away) is None
    found = connections.check_database(away)
    assert not found.ok
    assert "s3cret" not in found.detail
    assert "RAFTBOT_DATABASE_URL" in found.remedy


def test_chroma(settings: Settings):
    """Chroma's files are fine as they are; its server must answer."""
    assert connections.check_chroma(settings).detail == "no documents yet"
    settings.chroma_dir.mkdir(parents=True)
    assert connections.check_chroma(settings).detail == f"in {settings.chroma_dir}"
    heartbeat, identity = "/api/v2/heartbeat", "/api/v2/auth/identity"
    seen: list[tuple[str, str]] = []
    with http_server({heartbeat: (200, {}), identity: (200, {})}, seen) as url:
        there = with_settings(chroma_url=url, chroma_key="k3y")
        assert connections.check_chroma(there) == Check("chroma", True, f"answers at {url}")
    assert seen == [(heartbeat, "Bearer k3y"), (identity, "Bearer k3y")]
    with http_server({heartbeat: (200, {}), identity: (403, {})}) as url:
        refused = connections.check_chroma(with_settings(chroma_url=url))
    assert (refused.ok, refused.remedy) == (False, "check RAFTBOT_CHROMA_KEY")
    there = with_settings(chroma_url=url)
    away = connections.check_chroma(there)
    assert (away.ok, away.detail) == (False, f"does not answer at {url}")
    assert "chroma run" in away.remedy


def test_model_server(home: Path, tmp_path: Path):
    """A server must be well and list its models; without one the base model's files must be there."""
    embedded = connections.check_model_server(with_settings())
    assert embedded == Check(
        "model server", True, f"embedded, with the base {small_base()} (on this machine)"
    )
    missing = connections.check_model_server(with_settings(base_model=str(tmp_path / "none")))
    assert not missing.ok
    assert "raftbot models list" in missing.remedy
    seen: list[tuple[str, str]] = []
    with http_server(MODELS, seen) as url:
        there = with_settings(model_server_url=f"{url}/v1", model_server_key="k3y")
        found = connections.check_model_server(there)
        assert found.ok and found.detail.startswith(f"{url}/v1 serves base, raft-1; it has no embeddings (")
        assert found.detail.endswith("questions are embedded on this machine")
        elsewhere = with_settings(model_server_url=f"{url}/v1", embeddings=f"{url}/v1")
        assert connections.check_model_server(elsewhere).detail == f"{url}/v1 serves base, raft-1"
    assert seen[:2] == [("/health", "Bearer k3y"), ("/v1/models", "Bearer k3y")]
    away = connections.check_model_server(there)
    assert (away.ok, away.remedy) == (False, "start it with: raftbot serve")
    with http_server({"/health": (200, {}), "/v1/models": (401, {})}) as url:
        refused = connections.check_model_server(with_settings(model_server_url=f"{url}/v1"))
    assert "RAFTBOT_MODEL_SERVER_KEY" in refused.remedy


def test_endpoints(home: Path):
    """Models elsewhere must answer and be listed; which one lacks what is said."""
    assert connections.check_endpoints(with_settings()).ok
    with http_server(MODELS) as url:
        one, other = (
            {"url": f"{url}/v1", "model": "base"},
            {"url": f"{url}/v1", "model": "gpt", "name": "judge"},
        )
        assert connections.check_endpoints(with_settings(endpoints=[one])).detail == f"base at {url}/v1"
        lacking = connections.check_endpoints(with_settings(endpoints=[one, other]))
    assert (lacking.ok, lacking.detail) == (False, f"judge: {url}/v1 does not list 'gpt'")
    away = connections.check_endpoints(with_settings(endpoints=[one]))
    assert not away.ok and away.detail.startswith(f"base: the model server at {url}/v1 cannot be reached")


def test_generator(home: Path):
    """Rules need nothing; a model must be listed by its server."""
    assert connections.check_generator(with_settings()).ok
    with http_server(MODELS) as url:
        asked = {"generator": f"{url}/v1", "generator_key": "k3y"}
        assert connections.check_generator(with_settings(**asked, generator_model="base")).ok
        other = connections.check_generator(with_settings(**asked, generator_model="gpt"))
    assert (other.ok, other.detail) == (False, f"{url}/v1 does not list 'gpt'")
    away = connections.check_generator(with_settings(**asked, generator_model="base"))
    assert not away.ok
    assert "RAFTBOT_GENERATOR_KEY" in away.remedy


def test_embeddings(home: Path, monkeypatch: pytest.MonkeyPatch):
    """The packaged weights must be the published ones; a folder must be there; a server must list the model."""
    assert connections.check_embeddings(with_settings()).detail == "minilm, weights as published"
    folder = connections.check_embeddings(with_settings(embeddings="nowhere"))
    assert not folder.ok
    assert "RAFTBOT_EMBEDDINGS" in folder.remedy
    with http_server(MODELS) as url:
        asked = with_settings(embeddings=f"{url}/v1", embeddings_model="base")
        assert connections.check_embeddings(asked).ok
    assert "RAFTBOT_EMBEDDINGS_KEY" in connections.check_embeddings(asked).remedy
    monkeypatch.setattr("raft_core.store.embeddings.MINILM_SHA256", "0" * 64)
    changed = connections.check_embeddings(with_settings())
    assert not changed.ok
    assert "--force-reinstall" in changed.remedy


@pytest.mark.parametrize("token", ["abc", "a.b.c", "bm90LWEtbnVtYmVy.abcdef.abcdefghijklmnopqrstuvwxyz0"])
def test_no_token(home: Path, token: str):
    """What is no bot token is not sent anywhere."""
    found = connections.check_discord(with_settings(discord_token=token), "http://127.0.0.1:1")
    assert (found.ok, found.detail) == (False, "it is no bot token")


def test_discord(home: Path, monkeypatch: pytest.MonkeyPatch):
    """A token must be Discord's own; what Discord says decides what to do, and the token is never shown."""
    for unset in ({}, {"discord_token": ""}):
        assert connections.check_discord(with_settings(**unset)).detail == "not set: no bot will run"
    settings = with_settings(discord_token=TOKEN)
    seen: list[tuple[str, str]] = []
    with http_server({"/users/@me": (200, {"username": "rafty"})}, seen) as api:
        assert connections.check_discord(settings, api) == Check("discord token", True, "is that of rafty")
    assert seen == [("/users/@me", f"Bot {TOKEN}")]
    found = [connections.check_discord(settings, api)]
    for status, value in ((401, {}), (503, {}), (200, "rubbish"), (200, [])):
        with http_server({"/users/@me": (status, value)}) as api:
            found.append(connections.check_discord(settings, api))
    monkeypatch.setattr(connections, "_DISCORD_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found.append(connections.check_discord(settings, f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert [check.detail for check in found] == [
        "Discord cannot be reached: ConnectError",
        "Discord refuses it",
        "Discord answers with status 503",
        "Discord cannot be reached: JSONDecodeError",
        "Discord cannot be reached: TypeError",
        "Discord cannot be reached: ReadTimeout",
    ]
    assert not any(check.ok or TOKEN in repr(check) or not check.remedy for check in found)


def test_artifacts(home: Path, tmp_path: Path):
    """A store must take a file, and keeps none; a driver that is missing or a path that is closed fails."""
    assert connections.check_artifacts(with_settings()).detail == "not set: they stay in the home"
    folder = tmp_path / "artifacts"
    assert connections.check_artifacts(with_settings(artifacts_url=str(folder))).ok
    assert connections.check_artifacts(with_settings(artifacts_url=f"file://{folder}")).ok
    assert list(folder.iterdir()) == []
    (tmp_path / "file").write_text("")
    for url in (str(tmp_path / "file" / "below"), "nonsense://user:s3cret@bucket/x"):
        found = connections.check_artifacts(with_settings(artifacts_url=url))
        assert not found.ok
        assert "RAFTBOT_ARTIFACTS_URL" in found.remedy
        assert "s3cret" not in found.detail
