"""The client for any model server, against real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from raft_core.errors import EndpointError, ModelError, SettingsError
from raft_core.progress import Progress
from raft_core.serving.client import ModelServer
from raft_core.serving.local import LOOPBACK, listen, model_server
from raft_core.settings import Settings
from tests.serving.conftest import Served, info


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        yield f"http://{LOOPBACK}:{server.server_port}/v1"
        server.shutdown()


def test_down():
    """A server that is down is named, with what starts it."""
    with listen(LOOPBACK, 0) as listening:
        url = f"http://{LOOPBACK}:{listening.getsockname()[1]}/v1"
    with pytest.raises(EndpointError, match=f"{url} cannot be reached") as caught:
        ModelServer(url).models()
    assert "raftbot serve" in caught.value.remedy
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "body", "message", "retryable"),
    [
        (200, b"<html>", "does not speak the OpenAI protocol", False),
        (200, b'{"data": 7}', "does not speak the OpenAI protocol", False),
        (500, b"oh no", "fails \\(500: oh no", True),
        (503, b'{"error": {"message": "busy"}}', "fails \\(503: busy", True),
        (401, b'{"error": {"message": "key"}}', "refuses the key \\(401: key", False),
    ],
)
def test_refusals_and_rubbish(status, body, message, retryable):
    """What a server answers wrongly becomes one line that says so."""
    with answering(status, body) as url, pytest.raises(EndpointError, match=message) as caught:
        ModelServer(url).models()
    assert caught.value.retryable is retryable


def test_bad_url():
    """A URL that is none is no traceback."""
    with pytest.raises(EndpointError, match="cannot be used"):
        ModelServer("ftp://nowhere/v1").models()


def test_server_without_health():
    """A public endpoint without /health is healthy when it lists its models."""
    with answering(404, b"{}") as url, pytest.raises(EndpointError, match="no such path"):
        ModelServer(url).health()


def test_models_and_adapters(server: Served):
    """Models are listed; an adapter that cannot be served says why."""
    client = ModelServer(server.url)
    client.health()
    assert client.models() == [server.base, *server.adapters]
    with pytest.raises(ModelError, match=r"no adapter_config\.json"):
        client.load_adapter("raft-none", "/")


def test_configured_server_is_used(server: Served, adapter_folders: tuple[Path, Path]):
    """Where a URL is set no engine is started; adapters that are missing there are loaded there."""
    names = [*server.adapters, "raft-more"]
    infos = [
        info(name, folder) for name, folder in zip(names, (*adapter_folders, adapter_folders[0]), strict=True)
    ]
    with model_server(Settings(model_server_url=server.url), infos) as running:
        assert running.url == server.url
        assert set(running.models()) == {server.base, *names}
        running.unload_adapter("raft-more")


def test_embedded_server_comes_and_goes(tiny_model: Path, adapter_folders: tuple[Path, Path]):
    """Without a URL an engine serves base and adapters here, behind the key, and is gone afterwards."""
    said: list[Progress] = []
    settings = Settings(base_model=str(tiny_model), model_server_key=SecretStr("k"))
    with model_server(settings, [info("raft-1", adapter_folders[0])], said.append) as running:
        assert running.models() == ["base", "raft-1"]
        with pytest.raises(EndpointError, match="refuses the key"):
            ModelServer(running.url).models()
    with pytest.raises(EndpointError, match="cannot be reached"):
        running.models()
    assert [update.stage for update in said] == ["load model", "load model", "load adapters", "load adapters"]


def test_bad_adapter_stops_the_embedded_server(tiny_model: Path, tmp_path: Path):
    """An adapter that cannot be served ends the start with its reason, and nothing stays behind."""
    before = threading.active_count()
    with (
        pytest.raises(ModelError, match=r"no adapter_config\.json"),
        model_server(Settings(base_model=str(tiny_model)), [info("raft-1", tmp_path)]),
    ):
        pass
    deadline = time.monotonic() + 10
    while threading.active_count() > before:  # idle threads are not waited for
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_port_in_use():
    """A port that is taken is named."""
    with listen(LOOPBACK, 0) as taken, pytest.raises(SettingsError, match="in use"):
        listen(LOOPBACK, taken.getsockname()[1])
