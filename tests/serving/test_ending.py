"""A server that is told to end does, whatever it is doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

SERVER = """
import sys, threading, time
from raft_core.cli import serving
from raft_core.serving import local

def hang(*_, **__):
    print("busy", flush=True)
    threading.Thread(target=time.sleep, args=(1000,)).start()
    time.sleep(1000)

if sys.argv[2] == "embedding":
    serving._embedder = lambda chosen: hang
else:
    local.build_api = hang
serving.serve(host="127.0.0.1", port=0, base=sys.argv[1], engine="embedded", adapter=None, guild="local")
"""


@pytest.mark.parametrize("busy_with", ["embedding", "loading"])
def test_sigterm_ends_a_busy_server(tiny_model: Path, home: Path, busy_with: str):
    """Within ten seconds (of an idle machine) and with status 0, though threads of it would go on for 1,000."""
    with subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-c", SERVER, str(tiny_model), busy_with],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if busy_with == "embedding":
                threading.Thread(target=embed, args=(line,), daemon=True).start()
                while line != "busy":
                    line = process.stdout.readline().strip()
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert process.wait(60) == 0
            assert time.monotonic() - started < 30
        finally:
            process.kill()


def embed(url: str) -> None:
    for _ in range(600):
        with suppress(httpx.HTTPError):
            httpx.post(f"{url}/embeddings", json={"model": "minilm", "input": "a"}, timeout=60)
        time.sleep(0.1)
