"""A model server for as long as it is needed: the one configured, or one in this process."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.errors import EndpointError, SettingsError
from raft_core.progress import Progress, Report, silent
from raft_core.records import AdapterInfo
from raft_core.serving.client import ModelServer
from raft_core.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from fastapi import FastAPI

    from raft_core.serving.embedded.app import Api
    from raft_core.serving.front.app import Front
    from raft_core.serving.front.engine import VllmEngine
    from raft_core.serving.web.embeddings import Embed

LOOPBACK = "127.0.0.1"
START_S = 30.0
END_S = 8.0
"""How long `raftbot serve` may take to end after a signal."""


@contextmanager
def model_server(
    settings: Settings, adapters: Sequence[AdapterInfo], report: Report = silent
) -> Iterator[ModelServer]:
    """Yield a model server that serves the base as `base` and each adapter under its id.

    That is the server at `settings.model_server_url` where it is set; otherwise one on a free port of this
    machine, which is stopped in the end whatever happens. `auto` is the embedded engine then: vLLM takes
    minutes to start.

    Raises:
        ModelError: the base or an adapter cannot be served.
        EndpointError: the configured server cannot be used.
    """
    if settings.model_server_url:
        server = ModelServer(settings.model_server_url, settings.server_key)
        _load(server, adapters, report)
        yield server
        return
    with _started(settings, report) as server:
        _load(server, adapters, report)
        yield server


@contextmanager
def _started(settings: Settings, report: Report) -> Iterator[ModelServer]:
    """Yield a server of the settings' engine: vLLM in a process of its own, the others in this one."""
    if settings.engine == "vllm":
        from raft_core.serving.apart import server_apart

        with server_apart(settings, report) as url:
            yield ModelServer(url, settings.server_key)
        return
    api = None if settings.engine == "remote" else build_api(settings, report=report)
    app = api.app() if api else build_front(settings).app()
    listening = listen(LOOPBACK, 0)
    try:
        with _running(app, listening):
            yield ModelServer(f"http://{LOOPBACK}:{listening.getsockname()[1]}/v1", settings.server_key)
    finally:
        listening.close()
        if api:
            api.engine.close()


def build_api(
    settings: Settings, *, host: str = LOOPBACK, embed: Embed | None = None, report: Report = silent
) -> Api:
    """Load the base model and return the endpoints around it, its engine running.

    Raises:
        ModelError: the base cannot be loaded.
    """
    from raft_core.serving.embedded.adapters import Adapters
    from raft_core.serving.embedded.app import Api
    from raft_core.serving.embedded.engine import Engine
    from raft_core.serving.embedded.model import load_base

    engine = Engine(load_base(settings, report))
    return Api(engine, Adapters(engine), **_web(settings, host, embed))


def build_front(
    settings: Settings,
    engine: VllmEngine | None = None,
    *,
    host: str = LOOPBACK,
    embed: Embed | None = None,
) -> Front:
    """Return the front before vLLM, where there is one, and the settings' endpoints."""
    from raft_core.serving.front.app import Front

    return Front(engine, settings.endpoints, **_web(settings, host, embed))


def _web(settings: Settings, host: str, embed: Embed | None) -> dict[str, Any]:
    return {
        "key": settings.server_key,
        "host": host,
        "max_body_bytes": int(settings.max_body_mb * 1_000_000),
        "embed": embed,
        "embeddings_name": Path(settings.embeddings).name,
    }


def has_gpu() -> bool:
    """Tell whether torch can use a GPU here."""
    import torch

    return torch.cuda.is_available()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to a port; 0 takes a free one.

    Raises:
        SettingsError: the port is taken, or this machine has no such address.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(2048)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {reason}",
            remedy="choose another with --port or --host, or stop what is using it",
        ) from error
    return listening


def uvicorn_server(app: FastAPI) -> uvicorn.Server:
    """Return the HTTP server; answers under way get a few seconds when it stops."""
    import uvicorn

    class Server(uvicorn.Server):
        """Ends its process in time after a signal."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            end_within(END_S, 0 if sig == signal.SIGTERM else 128 + sig)
            super().handle_exit(sig, frame)

    return Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3))


def end_within(seconds: float, code: int) -> None:
    """Have this process end after so many seconds, whatever its threads and children are waiting for by then.

    A child on a leash ends when its pipe closes, so nothing is left behind.
    """

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, name="end", daemon=True).start()


@contextmanager
def _running(app: FastAPI, listening: socket.socket) -> Iterator[None]:
    server = uvicorn_server(app)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="model-server", daemon=True
    )
    thread.start()
    try:
        deadline = time.monotonic() + START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise EndpointError("", "did not start in this process")
            time.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _load(server: ModelServer, adapters: Sequence[AdapterInfo], report: Report) -> None:
    server.health()
    served = set(server.models()) if adapters else set()
    for done, adapter in enumerate(adapters):
        report(Progress("load adapters", done, len(adapters), adapter.id))
        if adapter.id not in served:
            server.load_adapter(adapter.id, adapter.path)
    if adapters:
        report(Progress("load adapters", len(adapters), len(adapters)))
