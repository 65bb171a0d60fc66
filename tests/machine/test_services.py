from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.errors import SettingsError
from raft_core.machine import services
from raft_core.machine.process import Output
from raft_core.machine.services import answers, free_ports, plan, says_ready
from raft_core.serving.local import LOOPBACK, listen
from raft_core.settings import load_settings
from tests.machine.http import http_server

TOKEN = "MTIzNDU2Nzg5.abcdef.abcdefghijklmnopqrstuvwxyz0"


@pytest.fixture(autouse=True)
def _whole_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot is there, whether or not this version has it yet."""
    monkeypatch.setattr(services, "_absent", lambda _: "")


def test_all_services_in_order():
    """With nothing but a token set all four run, the servers first, each told where they are."""
    planned = plan(load_settings(discord_token=TOKEN))
    chroma, server, worker, bot = planned.services
    assert [service.name for service in planned.services] == ["chroma", "model-server", "worker", "bot"]
    assert planned.left_out == ()
    assert chroma.argv[-1] == chroma.url.rpartition(":")[2]
    assert server.argv[-1] == server.url.removesuffix("/v1").rpartition(":")[2]
    for service in (server, worker, bot):
        assert service.env["RAFTBOT_CHROMA_URL"] == planned.servers["chroma_url"] == chroma.url
        assert service.env["RAFTBOT_MODEL_SERVER_URL"] == planned.servers["model_server_url"] == server.url
        assert service.env["RAFTBOT_MODEL_SERVER_KEY"] == planned.servers["model_server_key"]
    assert len(planned.servers["model_server_key"]) >= 32
    assert chroma.env == {"RAFTBOT_CHROMA_KEY": planned.servers["chroma_key"]}
    assert len(planned.servers["chroma_key"]) >= 32


def test_no_secret_where_others_can_see_it():
    """Key and token are on no command line and in no repr."""
    planned = plan(load_settings(discord_token=TOKEN, model_server_key="s3cret-key", chroma_key="c-key"))
    lines = " ".join(argument for service in planned.services for argument in service.argv)
    assert planned.servers["model_server_key"] == "s3cret-key"
    for secret in ("s3cret-key", "c-key", TOKEN):
        assert secret not in lines
        assert secret not in repr(planned)


def test_servers_elsewhere_are_not_started():
    """A server that the settings name is used as it is, and the table says why it is not run."""
    planned = plan(load_settings(chroma_url="http://c:1", model_server_url="http://m:2/v1"))
    assert [service.name for service in planned.services] == ["worker"]
    assert {status.name: status.detail for status in planned.left_out} == {
        "chroma": "RAFTBOT_CHROMA_URL is set",
        "model-server": "RAFTBOT_MODEL_SERVER_URL is set",
        "bot": "RAFTBOT_DISCORD_TOKEN is not set",
    }
    assert planned.servers == {"chroma_url": "http://c:1", "model_server_url": "http://m:2/v1"}


def test_parts_that_are_not_there_yet(monkeypatch: pytest.MonkeyPatch):
    """A service without its module is left out with that reason."""
    monkeypatch.undo()
    assert services._absent("raft_core.cli.main") == ""
    assert services._absent("raft_core.cli.nothing") == "not in this version"


def test_ports():
    """Free ports differ; a taken one is an error that names its option, but not that of a server elsewhere."""
    first, second = free_ports(load_settings())
    assert first != second
    with listen(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}: Address already in use") as caught:
            free_ports(load_settings(), chroma_port=port)
        assert "--chroma-port" in caught.value.remedy
        with pytest.raises(SettingsError) as caught:
            free_ports(load_settings(), port=port)
        assert "--port" in caught.value.remedy
        assert free_ports(load_settings(chroma_url="http://c:1"), chroma_port=port)
    with pytest.raises(SettingsError):
        free_ports(load_settings(), first, first)


def test_ready_is_a_line_of_its_own(tmp_path: Path):
    """The word alone on a line counts, in a sentence it does not."""
    log = tmp_path / "log"
    log.write_text("not ready yet\nready to start\n")
    assert not says_ready(Output(log, 0))
    with log.open("a") as file:
        file.write("ready\n")
    assert says_ready(Output(log, 0))
    assert not says_ready(Output(log, log.stat().st_size))


def test_answers(monkeypatch: pytest.MonkeyPatch):
    """A server that is up answers, past any proxy of the environment; one that fails or is away does not."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with http_server({"/good": (200, {}), "/bad": (500, {})}) as url:
        assert answers(f"{url}/good")
        assert not answers(f"{url}/bad")
    assert not answers(f"{url}/good")
