"""What is asked of a guild's evaluations beside their results: latest scores, choices, and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from raft_core.registry.evaluations import Change, EvaluationName, LatestScore
from raft_core.registry.registry import Registry


def result(number: int, guild: str = "one", data: str = "sample", **f1: float) -> dict[str, Any]:
    """An evaluation's result; models by keyword."""
    scores = {model: {"f1": mean, "f1_low": mean - 0.1, "f1_high": mean + 0.1} for model, mean in f1.items()}
    told = {"id": f"eval-{number}", "guild": guild, "data": data, "n": 9, "seed": 0, "models": scores}
    return told | {"created_at": f"2026-01-0{number}T00:00:00+00:00"}


def sample(model: str, prompt: str, question: str, f1: float) -> dict[str, Any]:
    """One line of samples.jsonl."""
    said = {"model": model, "prompt": prompt, "id": question, "question": f"{question}?", "gold": "Oslo"}
    scores = {"f1": f1, "em": f1, "prec": f1, "recall": f1, "truncated": False, "tagged": True}
    return said | {"prediction": f"{model} on {question}", **scores, "tokens": 7, "seconds": 0.5}


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    with Registry(url) as opened:
        yield opened


def test_latest_scores_are_of_each_models_newest_evaluation(registry: Registry) -> None:
    """Of the guild's own, whatever another guild's model of the same name has."""
    registry.evaluations.add(result(1, base=0.25, old=0.5), [])
    registry.evaluations.add(result(2, data="own.json", base=0.75), [])
    registry.evaluations.add(result(3, guild="two", base=1.0, new=1.0), [])
    assert registry.evaluations.latest_scores("one") == {
        "base": LatestScore("eval-2", "own.json", 9, 0.75, 0.65, 0.85),
        "old": LatestScore("eval-1", "sample", 9, 0.5, 0.4, 0.6),
    }
    assert [each["id"] for each in registry.evaluations.recent("one")] == ["eval-2", "eval-1"]
    assert registry.evaluations.latest_scores("three") == {}


def test_search_finds_ids_and_data(registry: Registry) -> None:
    """The newest first, at most as many as asked for; wildcards are letters."""
    for number, data in ((1, "sample"), (2, "Own_File.json"), (3, "sample")):
        registry.evaluations.add(result(number, data=data, base=0.5), [])
    registry.evaluations.add(result(4, guild="two", base=0.5), [])
    found = [each.id for each in registry.evaluations.search("one", "", 2)]
    assert found == ["eval-3", "eval-2"]
    own = EvaluationName("eval-2", "Own_File.json", 9, "2026-01-02T00:00:00+00:00")
    assert registry.evaluations.search("one", "own_f", 9) == [own]
    assert registry.evaluations.search("one", "eval-2", 9) == [own]
    assert registry.evaluations.search("one", "%", 9) == []
    assert registry.evaluations.search("one", "eval-4", 9) == []


def test_changes_are_paired_by_question(registry: Registry) -> None:
    """Under the prompts that count; the largest change first, and what is the same in neither list."""
    before = [sample("base", "rag", f"q{n}", f1) for n, f1 in enumerate((0.0, 0.5, 1.0, 0.5))]
    other = [sample("base", "raft", f"q{n}", 1.0) for n in range(4)]
    after = [sample("tuned", "raft", f"q{n}", f1) for n, f1 in enumerate((0.25, 1.0, 0.0, 0.5))]
    registry.evaluations.add(result(1, base=0.5, tuned=0.4), [*before, *other, *after])
    registry.evaluations.add(result(1, guild="two", base=0.5), [sample("base", "rag", "q0", 1.0)])
    pair = ("base", "rag"), ("tuned", "raft")
    fixed = registry.evaluations.changes("one", "eval-1", *pair, fixed=True)
    assert fixed == [
        Change(1, "q1", "q1?", "Oslo", "base on q1", "tuned on q1", 0.5, 1.0),
        Change(0, "q0", "q0?", "Oslo", "base on q0", "tuned on q0", 0.0, 0.25),
    ]
    broken = registry.evaluations.changes("one", "eval-1", *pair, fixed=False)
    assert [(each.number, each.a_f1, each.b_f1) for each in broken] == [(2, 1.0, 0.0)]
    assert registry.evaluations.changes("two", "eval-1", *pair, fixed=True) == []
