"""The demo with a small base and few questions: every stage runs for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raft_core.jobs.demo import QUESTIONS, SEED, Size, run_demo
from raft_core.records import Comparison
from raft_core.sample import questions
from raft_core.settings import load_settings
from tests.jobs.workers import LIBRARY


@pytest.mark.slow
def test_every_stage_runs_and_writes_its_results(tmp_path: Path) -> None:
    """Rows about the chunks, three questions answered by both models, scores and chart written."""
    asked: list[Comparison] = []
    done = run_demo(load_settings(), tmp_path, size=Size(20, 6), on_comparison=asked.append)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == done.summary
    assert (summary["n"], summary["seed"], summary["generated_questions"]) == (6, SEED, False)
    assert 10 <= summary["rows"] <= 40
    assert summary["difference"]["low"] <= summary["difference"]["f1"] <= summary["difference"]["high"]
    best = max(summary["base"]["prompts"].values())
    assert summary["base"]["f1"] == best
    assert summary["tuned"]["f1"] - best == pytest.approx(summary["difference"]["f1"])
    assert list(summary["recall_at_k"]) == ["1", "2", "3", "4"]
    assert (tmp_path / "f1.png").read_bytes().startswith(b"\x89PNG")
    assert tuple(each.question for each in asked) == QUESTIONS
    for comparison in asked:
        assert [answer.model for answer in comparison.answers] == ["base", summary["adapter"]]
        assert all(len(answer.sources) == 4 for answer in comparison.answers)


@pytest.mark.slow
def test_your_own_documents_are_scored_on_chunks_without_a_row(tmp_path: Path) -> None:
    """Of thirteen articles ten get rows; questions about the other three are generated and scored."""
    summary = run_demo(load_settings(), tmp_path, docs=LIBRARY[0].parent, size=Size(100, 100)).summary
    assert summary["documents"] == summary["chunks"] == 13
    assert 10 <= summary["rows"] <= 20 and summary["generated_questions"]
    assert 1 <= summary["n"] <= 3


def test_the_questions_asked_are_not_those_reported() -> None:
    """The questions that are shown side by side come from the exam's development half."""
    development, reporting = (
        {record["question"] for record in json.loads(questions(split).read_text(encoding="utf-8"))}
        for split in ("development", "reporting")
    )
    assert set(QUESTIONS) <= development
    assert not set(QUESTIONS) & reporting
