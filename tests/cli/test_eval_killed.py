"""An evaluation that is killed goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evaluation.chat_server import chat_server

N = 60
KILLED_AFTER = 25


def slow(model: str, message: str) -> str:
    time.sleep(0.15)
    return f"<ANSWER>: {message.rsplit('house ', 1)[1].split('?', maxsplit=1)[0]}"


@pytest.mark.slow
def test_kill_9_and_again(home: Path, tmp_path: Path) -> None:
    """After kill -9 the same command asks only what had not been answered, and the scores are whole."""
    data = tmp_path / "houses.json"
    context = [["House", ["There are houses."]]]
    records = [
        {
            "_id": f"q{number}",
            "question": f"Which is house {number}?",
            "answer": str(number),
            "context": context,
        }
        for number in range(N)
    ]
    data.write_text(json.dumps(records), encoding="utf-8")
    command = [sys.executable, "-c", "from raft_core.cli.main import run; run()", "eval", "--data", str(data)]
    command += ["--prompt", "raft", "--json"]
    with chat_server(slow) as server:
        environment = {**os.environ, "RAFTBOT_MODEL_SERVER_URL": server.url}
        with subprocess.Popen(  # noqa: S603 - our own arguments
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as first:
            deadline = time.monotonic() + 240
            while (
                len(server.requests) < KILLED_AFTER and time.monotonic() < deadline and first.poll() is None
            ):
                time.sleep(0.01)
            first.send_signal(signal.SIGKILL)
        assert first.returncode == -signal.SIGKILL
        time.sleep(0.5)  # those that the server was still answering
        before = len(server.requests)
        assert not (home / "guilds" / "local" / "evaluations").exists()
        again = subprocess.run(command, check=True, env=environment, capture_output=True, timeout=240)  # noqa: S603
        asked_again = len(server.requests) - before
    score = json.loads(again.stdout)["models"]["base"]
    assert (score["n"], score["f1"]) == (N, 1.0)
    assert score["cached"] == N - asked_again
    assert score["cached"] >= KILLED_AFTER - 16  # sixteen may have been under way
