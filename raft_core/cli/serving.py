"""`raftbot serve`: the base and adapters behind one OpenAI-compatible URL."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Guild, command, progress, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raft_core.serving.web.embeddings import Embed
    from raft_core.settings import Settings

log = logging.getLogger(__name__)


@command
def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8100,
    base: Annotated[
        str | None, typer.Option(metavar="NAME", help="The base model: pocket, a folder, or a hub id.")
    ] = None,
    adapter: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An adapter to load at start; may be repeated.")
    ] = None,
    guild: Guild = "local",
) -> None:
    """Serve the base model and adapters over the OpenAI protocol until interrupted."""
    # The service managers' way to stop a server is no failure; Ctrl-C stays an interruption.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from raft_core.jobs.catalogue import find_adapter
    from raft_core.serving.local import build_api, listen, uvicorn_server

    chosen = settings(base_model=base)
    infos = [find_adapter(chosen, guild, name) for name in adapter or []]
    with listen(host, port) as listening:
        if chosen.model_server_key is None and not _is_local(host):
            log.warning("anyone who reaches %s can use this server: set RAFTBOT_MODEL_SERVER_KEY", host)
        with progress() as report:
            api = build_api(chosen, embed=_embedder(chosen), report=report)
        try:
            for info in infos:
                api.adapters.load(info.id, Path(info.path))
            _announce(host, listening.getsockname()[1], api.adapters.names)
            gc.freeze()  # what is loaded stays: no collection walks through it, the long one at exit least
            uvicorn_server(api.app()).run(sockets=[listening])
        finally:
            api.engine.close()


def _announce(host: str, port: int, models: Sequence[str]) -> None:
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"http://{shown}:{port}/v1")
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
