"""`raftbot serve` in a process of its own, for as long as one command needs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from raft_core.errors import EndpointError
from raft_core.progress import Progress, Report
from raft_core.settings import Settings

PASSED_ON = ("home", "base_model", "load_in_4bit", "precision", "vllm_python", "vllm_flags", "vllm_max_loras")
START_S = 1800.0
_LOOK_S = 0.5
_TAIL_LINES = 15


@contextmanager
def server_apart(settings: Settings, report: Report, *, engine: str = "vllm") -> Iterator[str]:
    """Yield the URL of a server that is started now, which takes vLLM minutes, and stopped in the end.

    It is on a leash: it ends with this process, even by kill -9.

    Raises:
        EndpointError: it did not start; its last words are in the message.
    """
    serve = (sys.executable, "-m", "raft_core.cli.main", "serve", "--engine", engine, "--port", "0")
    with tempfile.TemporaryFile("w+") as said:
        leash = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "raft_core.machine.leash", "--", *serve],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **_environment(settings)},
            start_new_session=True,
        )
        try:
            assert leash.stdout is not None  # noqa: S101  # it was made with a pipe
            url = leash.stdout.readline().strip()
            _wait(leash, url, engine, report)
            if leash.poll() is not None:
                said.seek(0)
                tail = " ".join(said.read().splitlines()[-_TAIL_LINES:])
                logs = settings.home / "logs" / "vllm.log"
                raise EndpointError(
                    url, f"did not start: {tail}", remedy=f"see its log: {logs}" if engine == "vllm" else ""
                )
            yield url
        finally:
            leash.terminate()
            leash.communicate()


def _wait(leash: subprocess.Popen[str], url: str, engine: str, report: Report) -> None:
    """Return when it answers or has ended."""
    started = time.monotonic()
    report(Progress("start the model server", 0, 1, engine))
    while leash.poll() is None and time.monotonic() - started < START_S:
        try:
            if httpx.get(f"{url.removesuffix('/v1')}/health", timeout=2, trust_env=False).is_success:
                report(Progress("start the model server", 1, 1, engine))
                return
        except httpx.HTTPError:
            pass
        time.sleep(_LOOK_S)


def _environment(settings: Settings) -> dict[str, str]:
    given = {name: getattr(settings, name) for name in PASSED_ON}
    given |= {"home": Path(settings.home).absolute(), "model_server_key": settings.server_key}
    return {f"RAFTBOT_{name.upper()}": str(value) for name, value in given.items() if value is not None}
