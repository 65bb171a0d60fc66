"""The demo on the shipped library, with few questions: every stage runs for real."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from raft_core.cli.demo import demo
from raft_core.jobs.demo import CHUNKS, QUESTIONS, SEED, run_demo
from raft_core.records import Comparison
from raft_core.settings import load_settings


@pytest.mark.slow
def test_demo_runs_every_stage_and_writes_what_it_promises(tmp_path: Path):
    """The chunks give a row each but for a few, three questions are answered by both models, scores and chart are written."""
    asked: list[Comparison] = []
    done = run_demo(load_settings(), tmp_path, questions=6, on_comparison=asked.append)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == done.summary
    assert {"n", "seed", "base", "tuned", "difference", "seconds", "peak_memory_mb"} <= set(summary)
    assert (summary["n"], summary["seed"]) == (6, SEED)
    assert 0.95 * CHUNKS <= summary["rows"] <= CHUNKS
    assert summary["difference"]["low"] <= summary["difference"]["f1"] <= summary["difference"]["high"]
    best = max(summary["base"]["prompts"].values())
    assert summary["base"]["f1"] == best
    assert summary["tuned"]["f1"] - best == pytest.approx(summary["difference"]["f1"])
    assert (tmp_path / "f1.png").read_bytes().startswith(b"\x89PNG")
    assert len(asked) == 3
    for comparison in asked:
        assert [answer.model for answer in comparison.answers] == ["base", summary["adapter"]]
        assert all(len(answer.sources) == 4 for answer in comparison.answers)


def test_the_command_asks_what_the_job_would():
    """Its defaults are written out, so that its help needs none of the job's imports."""
    defaults = inspect.signature(demo).parameters
    assert (defaults["questions"].default, defaults["seed"].default) == (QUESTIONS, SEED)
