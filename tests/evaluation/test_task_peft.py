"""The task with lm-eval's own `hf` model and an adapter: its numbers are ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raft_core.evaluation.harness import TASKS, run
from raft_core.records import AdapterInfo
from raft_core.sample import questions
from raft_core.serving.local import model_server
from raft_core.settings import Settings
from raft_core.stopping import end_of
from tests.serving.adapters import make_adapter
from tests.tiny_model import small_base

N = 6
NEW_TOKENS = 32


@pytest.mark.slow
def test_hf_with_peft_gives_our_numbers(tmp_path: Path) -> None:
    """`--model hf --model_args pretrained=…,peft=…` logs every answer; texts up to their end, EM and F1 are those that raftbot gives."""
    base = str(small_base())
    adapter = make_adapter(tmp_path / "adapter", Path(base), seed=1, rank=4, scale=0.02)
    path = tmp_path / "questions.json"
    records = json.loads(questions("development").read_text(encoding="utf-8"))
    path.write_text(json.dumps(records[:N]), encoding="utf-8")
    theirs, logged = _lm_eval(base, adapter, path, tmp_path / "out")
    info = AdapterInfo("tuned", "local", base, "", 0, 0, 0, 0, str(adapter), 4, "", "")
    with model_server(
        Settings(home=tmp_path / "home", base_model=base, precision="float32"), [info]
    ) as server:
        ours = {
            prompt: run(path, "tuned", prompt, url=server.url, max_new_tokens=NEW_TOKENS)
            for prompt in ("rag", "raft")
        }
    for prompt, made in ours.items():
        task = f"hotpotqa_{prompt}"
        assert [sample.text.strip() for sample in made.samples] == [
            end_of(each)[0].strip() for each in logged[task]
        ]
        for metric in ("em", "f1", "prec", "recall"):
            mean = sum(getattr(sample, metric) for sample in made.samples) / N
            assert theirs[task][f"{metric},none"] == pytest.approx(mean, abs=1e-12)


def _lm_eval(
    base: str, adapter: Path, data: Path, out: Path
) -> tuple[dict[str, dict[str, float]], dict[str, list[str]]]:
    """Run the command as anyone would; return its results and every logged answer in the questions' order."""
    command = [sys.executable, "-m", "lm_eval", "--include_path", str(TASKS), "--model", "hf"]
    command += ["--model_args", f"pretrained={base},peft={adapter},dtype=float32,max_length=4096"]
    command += ["--tasks", "hotpotqa_raft,hotpotqa_rag", "--apply_chat_template", "--device", "cpu"]
    command += ["--gen_kwargs", f"max_gen_toks={NEW_TOKENS}", "--log_samples", "--output_path", str(out)]
    environment = {**os.environ, "RAFTBOT_EVAL_DATA": str(data)}
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, check=False, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (result,) = out.glob("*/results_*.json")
    results: dict[str, dict[str, float]] = json.loads(result.read_text(encoding="utf-8"))["results"]
    logged: dict[str, list[str]] = {}
    for file in out.glob("*/samples_*.jsonl"):
        lines: list[dict[str, Any]] = [
            json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()
        ]
        lines.sort(key=lambda line: line["doc_id"])
        task = next(name for name in results if f"samples_{name}_" in file.name)
        logged[task] = [line["resps"][0][0] for line in lines]
    return results, logged
