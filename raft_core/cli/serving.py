"""`raftbot serve`: the base and adapters behind one OpenAI-compatible URL."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Guild, command, progress, settings, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

    from raft_core.machine.vllm import VllmProcess
    from raft_core.records import AdapterInfo
    from raft_core.serving.web.embeddings import Embed
    from raft_core.settings import Settings

log = logging.getLogger(__name__)


@command
def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8100,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The base model: a known name (raftbot models list), a folder, or a hub id."
        ),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, embedded, vllm or remote; RAFTBOT_ENGINE.")
    ] = None,
    adapter: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An adapter to load at start; may be repeated.")
    ] = None,
    guild: Guild = "local",
) -> None:
    """Serve the base model and adapters over the OpenAI protocol until interrupted."""
    # The service managers' way to stop a server is no failure; Ctrl-C stays an interruption.
    signal.signal(signal.SIGTERM, _end)
    from raft_core.jobs.catalogue import find_adapter
    from raft_core.serving.front.vllm import choose_engine
    from raft_core.serving.local import has_gpu, listen

    chosen = settings(base_model=base, engine=engine)
    infos = [find_adapter(chosen, guild, name) for name in adapter or []]
    kind = choose_engine(chosen, gpu=has_gpu)
    with listen(host, port) as listening:
        if chosen.model_server_key is None and not _is_local(host):
            log.warning("anyone who reaches %s can use this server: set RAFTBOT_MODEL_SERVER_KEY", host)
        shown = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/v1"
        if kind == "embedded":
            _serve_embedded(chosen, infos, shown, listening, host)
        else:
            _serve_front(chosen, infos, shown, listening, host, kind)


def _end(*_: object) -> None:
    from raft_core.serving.local import END_S, end_within

    end_within(END_S, 0)
    sys.exit(0)


def _serve_embedded(
    chosen: Settings, infos: Sequence[AdapterInfo], url: str, listening: socket, host: str
) -> None:
    from raft_core.serving.local import build_api, uvicorn_server

    if chosen.endpoints:
        log.warning("the embedded engine uses no RAFTBOT_ENDPOINTS: the engines vllm and remote do")
    with progress() as report:
        api = build_api(chosen, host=host, embed=_embedder(chosen), report=report)
    try:
        for info in infos:
            api.adapters.load(info.id, Path(info.path))
        _announce(url, api.adapters.names)
        gc.freeze()  # what is loaded stays: no collection walks through it, the long one at exit least
        uvicorn_server(api.app()).run(sockets=[listening])
    finally:
        api.engine.close()


def _serve_front(
    chosen: Settings, infos: Sequence[AdapterInfo], url: str, listening: socket, host: str, kind: str
) -> None:
    """Serve vLLM and models elsewhere; without vLLM where all of them are elsewhere."""
    from raft_core.jobs.catalogue import served_adapters
    from raft_core.machine.vllm import VllmProcess
    from raft_core.serving.local import build_front, uvicorn_server

    with ExitStack() as stack:
        process = None
        if kind == "vllm":
            found = {info.id: info for info in [*served_adapters(chosen), *infos]}
            process = stack.enter_context(VllmProcess(chosen, list(found.values())))
        front = build_front(chosen, process.engine if process else None, host=host, embed=_embedder(chosen))
        server = uvicorn_server(front.app())
        if process is not None:
            process.start(on_failure=lambda: setattr(server, "should_exit", True))
        _announce(url, front.names)
        server.run(sockets=[listening])
        if process is not None:
            _check(process)


def _check(process: VllmProcess) -> None:
    from raft_core.errors import ServiceFailed
    from raft_core.markup import printable

    try:
        process.check()
    except ServiceFailed as error:
        stderr().print(printable(error.tail), style="dim", markup=False, soft_wrap=True)
        raise


def _announce(url: str, models: Sequence[str]) -> None:
    typer.echo(url)
    typer.echo(f"models: {', '.join(models)}")
    sys.stdout.flush()


def _is_local(host: str) -> bool:
    return host in {"127.0.0.1", "::1", "localhost"}


def _embedder(chosen: Settings) -> Embed | None:
    """Return what embeds texts with the settings' own model, loaded when first asked; None for a URL."""
    if chosen.embeddings.startswith(("http://", "https://")):
        return None
    from functools import cache

    from langchain_core.embeddings import Embeddings

    @cache
    def embeddings() -> Embeddings:
        from raft_core.store.embeddings import load_embeddings

        return load_embeddings(chosen)

    return lambda texts: embeddings().embed_documents(texts)
