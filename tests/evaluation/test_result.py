"""From runs to scores, differences, report and chart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.plot import draw
from raft_core.evaluation.report import markdown, samples_jsonl
from raft_core.evaluation.result import Circumstances, Evaluation, judge
from raft_core.evaluation.wording import coverage, verdict
from raft_core.files import to_json
from raft_core.records import Difference


def circumstances(n: int, limit: int | None = None) -> Circumstances:
    return Circumstances(
        id="eval-00c0ffee",
        guild="local",
        data="dev.json",
        n=n,
        available=n,
        limit=limit,
        seed=3,
        max_new_tokens=800,
        base_model="org/base",
        data_hash="d" * 16,
        prompt_hashes={"rag": "1" * 16, "raft": "2" * 16},
        model_hashes={"base": "3" * 16},
        versions={"lm-eval": "0.4.13"},
        created_at="2026-01-01T00:00:00+00:00",
        seconds=1.5,
        cost_usd=0.0,
        memory_mb={"weights": 16_070.4, "server": 812.3},
    )


def run_of(model: str, prompt: str, f1: list[float], *, truncated: int = 0, untagged: int = 0) -> Run:
    samples = tuple(
        Sample(
            id=f"q{number}",
            question=f"Who | *founded* {number}?",
            gold="Ann\x1b[31m",
            prediction=f"<b>{model}</b>",
            text="…",
            f1=value,
            em=float(value == 1),
            prec=value,
            recall=value,
            truncated=number < truncated,
            tagged=number >= untagged,
            tokens=10,
            seconds=0.1,
        )
        for number, value in enumerate(f1)
    )
    return Run(model, prompt, samples, 2.5)


@pytest.fixture
def evaluation() -> Evaluation:
    """The base reads better under the plain prompt; the tuned model fixes 30 of 100 and breaks 5."""
    base = [1.0] * 20 + [0.0] * 80
    tuned = [0.0] * 5 + [1.0] * 15 + [1.0] * 30 + [0.0] * 50
    runs = [
        run_of("base", "rag", base, untagged=100),
        run_of("base", "raft", [0.0] * 95 + [1.0] * 5, truncated=10),
        run_of("raft-1a2b3c4d", "raft", tuned, truncated=1, untagged=2),
    ]
    return judge(circumstances(100), runs)


def test_the_better_prompt_is_the_baseline(evaluation: Evaluation) -> None:
    """The base counts with the prompt it is better at, and both are given."""
    value = json.loads(to_json(evaluation.as_json()))
    base, tuned = value["models"]["base"], value["models"]["raft-1a2b3c4d"]
    assert (base["prompt"], base["f1"], base["untagged"], base["truncated"]) == ("rag", 0.2, 1.0, 0.0)
    assert (base["prompts"]["raft"]["f1"], base["prompts"]["raft"]["truncated"]) == (0.05, 0.1)
    assert (tuned["f1"], tuned["em"], tuned["truncated"], tuned["untagged"]) == (0.45, 0.45, 0.01, 0.02)
    assert (tuned["n"], tuned["tokens"], tuned["seconds"]) == (100, 1000, 2.5)
    assert tuned["f1_low"] < 0.45 < tuned["f1_high"] and tuned["em_low"] < 0.45 < tuned["em_high"]
    assert (value["n"], value["seed"], value["id"], value["baseline"]) == (100, 3, "eval-00c0ffee", "base")
    assert value["method"]["resamples"] == 9999


def test_differences_are_paired(evaluation: Evaluation) -> None:
    """30 fixed and 5 broken of 100: a difference of 0.25 with the interval of the paired differences."""
    (difference,) = evaluation.as_json()["differences"]
    assert (difference["a"], difference["b"], difference["f1"]) == ("base", "raft-1a2b3c4d", 0.25)
    assert 0.12 < difference["low"] < 0.16 and 0.34 < difference["high"] < 0.38  # 0.25 ± 1.96 · 0.0545
    assert difference["p"] < 0.001
    assert difference["significant"] is True


def test_without_base_the_first_model_is_the_baseline() -> None:
    """Two adapters can be compared alone."""
    evaluation = judge(circumstances(2), [run_of("x", "raft", [0, 1]), run_of("y", "raft", [1, 1])])
    assert evaluation.baseline == "x"
    assert [(d.a, d.b) for d in evaluation.differences] == [("x", "y")]


def test_the_report_lists_what_changed(evaluation: Evaluation) -> None:
    """Scores, verdict, fixed and broken questions and all hashes are in the report; text is defused."""
    report = markdown(evaluation)
    for expected in (
        "n = 100 of 100 questions, drawn with seed 3.",
        "| base (better prompt) | rag | 0.200 |",
        "| raft-1a2b3c4d | raft | 0.450 |",
        "30 questions better, 5 worse, 65 the same.",
        "… and 10 more in samples.jsonl",
        "Who \\| \\*founded\\* 20?",
        "\\<b\\>base\\</b\\>",
        "- memory: base weights 16,070 MB, model server 812 MB",
        "- prompt rag: 1111111111111111",
        "- versions: lm-eval 0.4.13",
    ):
        assert expected in report
    assert "\x1b" not in report


def test_verdicts() -> None:
    """An interval that includes 0 is called not significant."""
    assert "p = 0.0100: significant" in verdict(Difference("a", "b", 0.1, 0.02, 0.2, 0.01))
    assert "p = 0.3000: not significant" in verdict(Difference("a", "b", 0.1, -0.02, 0.2, 0.3))


def test_a_limit_above_the_data_is_told() -> None:
    """Asking for more questions than there are uses all, and says so."""
    assert coverage(circumstances(7, limit=9)).endswith(
        "The limit of 9 is more than there are: all were asked."
    )


def test_samples_are_kept(evaluation: Evaluation) -> None:
    """Every answer of every run is one JSON line."""
    lines = [json.loads(line) for line in samples_jsonl(evaluation).splitlines()]
    assert len(lines) == 300
    assert lines[0]["model"] == "base" and lines[0]["prompt"] == "rag" and lines[0]["f1"] == 1.0
    assert {"question", "gold", "prediction", "text", "em", "truncated", "tagged"} < set(lines[0])


def test_the_chart_is_a_png(evaluation: Evaluation, tmp_path: Path) -> None:
    """The chart is written whole, also where a name is long or looks like a formula."""
    draw(evaluation, tmp_path / "f1.png")
    strange = judge(circumstances(2), [run_of("$x_1$" * 20, "raft", [0, 0]), run_of("\x1b", "raft", [0, 0])])
    draw(strange, tmp_path / "strange.png")
    for name in ("f1.png", "f1-light.png", "f1-dark.png", "strange.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG\r\n")
