"""Chroma behind a key: python -m raft_core.machine.chroma FOLDER PORT, the key in RAFTBOT_CHROMA_KEY.

`chroma run` has known no authentication since version 1.0: every user of the machine could read and change the
documents of all guilds. Chroma's Python server, around the same store, still has it.
"""

from __future__ import annotations

import logging
import os
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

from raft_core.errors import MissingExtra, RaftError, SettingsError
from raft_core.serving.web.guard import LOOPBACK

if TYPE_CHECKING:
    from starlette.types import ASGIApp

KEY = "RAFTBOT_CHROMA_KEY"
TRACES = "chromadb.telemetry.opentelemetry.fastapi"


def application(folder: str, key: str) -> ASGIApp:
    """Return Chroma's web application on a folder; only its heartbeat and version are shown without the key.

    Raises:
        MissingExtra: FastAPI is not installed.
    """
    # It imports a package for traces, which are off and which Chroma does not install.
    traces = types.ModuleType(TRACES)
    vars(traces)["instrument_fastapi"] = lambda *_, **__: None
    sys.modules.setdefault(TRACES, traces)
    try:
        from chromadb.config import Settings
        from chromadb.server.fastapi import FastAPI
    except ImportError as error:
        raise MissingExtra("worker", error.name or "fastapi") from error
    settings = Settings(
        is_persistent=True,
        persist_directory=folder,
        anonymized_telemetry=False,
        chroma_server_authn_provider="chromadb.auth.token_authn.TokenAuthenticationServerProvider",
        chroma_server_authn_credentials=key,
    )
    server = FastAPI(settings)
    _as_arrays(server)
    app: ASGIApp = server.app()
    return app


def _as_arrays(server: Any) -> None:
    """Have the store return embeddings as arrays: Chroma's web layer calls `tolist` on them and gets lists."""
    import numpy as np

    read = server._api._get

    def get(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        if found["embeddings"] is not None:
            found["embeddings"] = [np.asarray(vector) for vector in found["embeddings"]]
        return found

    server._api._get = get


def main(folder: str, port: str) -> int:
    """Serve until a signal; return the exit status."""
    import uvicorn

    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    try:
        if not os.environ.get(KEY):
            raise SettingsError(f"{KEY} is not set")
        app = application(folder, os.environ[KEY])
    except RaftError as error:
        sys.stderr.write(f"{error}{f' → {error.remedy}' if error.remedy else ''}\n")
        return 1
    uvicorn.run(
        app, host=LOOPBACK, port=int(port), log_level="warning", access_log=False, timeout_graceful_shutdown=3
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
