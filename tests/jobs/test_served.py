"""Which models a guild may name on a server that all guilds share."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.errors import UnknownModel
from raft_core.jobs.served import find_models, served
from raft_core.records import AdapterInfo
from raft_core.registry.registry import Registry
from raft_core.settings import Settings, load_settings
from tests.machine.http import http_server
from tests.serving.adapters import make_adapter

CATS, DOGS = "raft-11111111", "raft-22222222"


@pytest.fixture
def home_of_two(home: Path, tiny_model: Path) -> Path:
    """Two guilds with an adapter each."""
    for guild, name in (("cats", CATS), ("dogs", DOGS)):
        folder = make_adapter(home / "guilds" / guild / "adapters" / name, tiny_model, seed=1)
        info = AdapterInfo(name, guild, "tiny", "ds", 0.0, 0, 0.0, 0.0, str(folder), 4, "hash", "2026-01-01")
        with Registry(load_settings().registry_url) as registry:
            registry.adapters.add(info)
    return home


def shared(url: str) -> Settings:
    return load_settings(model_server_url=f"{url}/v1")


MODELS = {
    "/v1/models": (200, {"data": [{"id": name} for name in ("base", CATS, DOGS, "other")]}),
    "/health": (200, {}),
}


@pytest.mark.parametrize("remote", [False, True])
def test_another_guilds_adapter_is_unknown(home_of_two: Path, remote: bool):
    """Though the server would answer as it: by its name; a name of the server's own is not."""
    settings = load_settings(engine="remote") if remote else shared("http://127.0.0.1:1")
    with pytest.raises(UnknownModel) as caught:
        find_models(settings, "cats", ["base", DOGS])
    assert DOGS not in caught.value.remedy
    assert find_models(settings, "cats", ["base", "other"]) == {"base": None, "other": None}


def test_errors_name_no_other_guilds_adapter(home_of_two: Path):
    """What a server does not have is told with what may be asked for; a part of another's name matches nothing."""
    with http_server(MODELS) as url:
        settings = shared(url)
        for name in ("none", DOGS[:8]):
            with (
                pytest.raises(UnknownModel) as caught,
                served(settings, find_models(settings, "cats", [name])),
            ):
                pass
            assert caught.value.remedy == "known models: base, other"
