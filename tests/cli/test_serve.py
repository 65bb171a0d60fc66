from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.serving.local import LOOPBACK, listen


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["serve", *arguments])
    return result.exit_code, result.stderr


@pytest.fixture(autouse=True)
def _keep_handlers(home: Path):
    """The command takes SIGTERM; give it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_port_in_use():
    """A port that is taken ends the command before any model is loaded."""
    with listen(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        code, said = run("--port", str(port))
    assert code == 1
    assert f"cannot listen on {LOOPBACK}, port {port}: Address already in use" in said
    assert "choose another with --port" in said


def test_unknown_adapter():
    """An adapter that does not exist ends the command."""
    code, said = run("--port", "0", "--adapter", "raft-none")
    assert code == 1
    assert "no model 'raft-none'" in said


def test_folder_without_tokenizer(tiny_model: Path, tmp_path: Path):
    """A model folder without a tokenizer says so."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(tiny_model / name)
    code, said = run("--port", "0", "--base", str(tmp_path))
    assert code == 1
    assert "has no tokenizer" in said


def test_wrong_port_is_wrong_use():
    """A port that is no port is wrong use."""
    assert run("--port", "99999")[0] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it(tiny_model: Path, sent: signal.Signals, code: int):
    """The server prints its URL and models, answers, and ends on a signal even while it answers."""
    command = [sys.executable, "-c", "from raft_core.cli.main import run; run()", "serve", "--port", "0"]
    with subprocess.Popen(  # noqa: S603  # our own command
        [*command, "--base", str(tiny_model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert process.stdout.readline() == "models: base\n"
        body = {"model": "base", "prompt": "a", "max_tokens": 2000, "ignore_eos": True, "stream": True}
        with httpx.stream("POST", f"{url}/completions", json=body, timeout=60) as answer:
            next(answer.iter_lines())
            process.send_signal(sent)
            assert process.wait(30) == code
