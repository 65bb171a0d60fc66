"""A vLLM that does not start ends the command with its reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.vllm.conftest import SERVE, START_S


def test_a_folder_that_lies(tiny_model: Path, home: Path, tmp_path: Path):
    """A config that does not fit the weights: vLLM's last words, and where its log is."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 128}))
    env = {**os.environ, "RAFTBOT_VLLM_FLAGS": "--enforce-eager"}
    done = subprocess.run(  # noqa: S603  # our own command
        [*SERVE, "--port", "0", "--base", str(folder)],
        capture_output=True,
        text=True,
        env=env,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 1
    assert "error: the service vllm ended with exit code 1" in done.stderr
    assert f"see its log: {home / 'logs' / 'vllm.log'}" in done.stderr
