"""The task folder as anyone uses it: with lm-eval's own command and models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raft_core.evaluation.harness import TASKS
from raft_core.evaluation.questions import to_record
from tests.evaluation.chat_server import chat_server
from tests.evaluation.test_harness import QUESTIONS, reader


@pytest.mark.slow
def test_lm_eval_finds_and_runs_the_tasks(tmp_path: Path) -> None:
    """`lm_eval --include_path … --tasks hotpotqa_raft,hotpotqa_rag` scores a local file."""
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([to_record(question) for question in QUESTIONS]), encoding="utf-8")
    environment = {**os.environ, "OPENAI_API_KEY": "none", "RAFTBOT_EVAL_DATA": str(path)}
    with chat_server(lambda model, message: reader(model, message).replace("red", "blue")) as server:
        arguments = {"model": "base", "base_url": f"{server.url}/chat/completions", "num_concurrent": 4}
        command = [
            sys.executable,
            "-m",
            "lm_eval",
            "--include_path",
            str(TASKS),
            "--model",
            "local-chat-completions",
        ]
        command += ["--tasks", "hotpotqa_raft,hotpotqa_rag", "--apply_chat_template"]
        command += ["--model_args", ",".join(f"{name}={value}" for name, value in arguments.items())]
        command += ["--output_path", str(tmp_path / "out"), "--gen_kwargs", "max_gen_toks=9"]
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, check=False, env=environment, capture_output=True, text=True, timeout=200
        )
    assert done.returncode == 0, done.stderr[-2000:]
    (result,) = (tmp_path / "out").glob("*/results_*.json")
    scores = json.loads(result.read_text(encoding="utf-8"))["results"]
    for task in ("hotpotqa_raft", "hotpotqa_rag"):
        assert scores[task]["f1,none"] == scores[task]["em,none"] == 0.75
        assert scores[task]["untagged,none"] == 0
        assert scores[task]["f1_stderr,none"] > 0
