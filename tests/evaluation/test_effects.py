"""What a setting changes over a grid."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from raft_core.evaluation.effects import effects

QUESTIONS = [f"q{number}" for number in range(120)]


def grid(gains: dict[tuple[str, Any], float]) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """Return rows and scores of a whole grid in which a value of a setting adds its gain to every question."""
    rng = random.Random(0)
    hard = {question: rng.uniform(0.2, 0.5) for question in QUESTIONS}
    rows, scores = [], []
    layers = ["all-linear", ["q_proj", "v_proj"]]
    for bits, rank, modules, length, seed in itertools.product(
        (16, 4), (16, 64), layers, (16, 128), range(3)
    ):
        row = {
            "base": "org/base",
            "bits": bits,
            "rank": rank,
            "target_modules": modules,
            "max_new_tokens": length,
            "training_seed": seed,
        }
        added = sum(
            gains.get((name, value if isinstance(value, str | int) else "some"), 0)
            for name, value in row.items()
        )
        rows.append(row)
        scores.append({question: hard[question] + added + rng.gauss(0, 0.02) for question in QUESTIONS})
    return rows, scores


def test_the_effect_of_each_setting_is_found_whatever_the_others_are() -> None:
    """A true gain is significant and inside its interval; of settings without one nothing is claimed."""
    told = {
        each["setting"]: each
        for each in effects(*grid({("rank", 64): 0.05, ("max_new_tokens", 128): 0.2}), seed=0)
    }
    assert list(told) == ["bits", "rank", "target_modules", "max_new_tokens"]
    assert told["rank"]["significant"] and told["rank"]["low"] < 0.05 < told["rank"]["high"]
    assert told["max_new_tokens"]["mean"] == pytest.approx(0.2, abs=0.01)
    assert not told["bits"]["significant"] and not told["target_modules"]["significant"]
    assert (told["target_modules"]["a"], told["target_modules"]["b"]) == ("all-linear", ["q_proj", "v_proj"])
    assert told["rank"]["n"] == len(QUESTIONS) and all(each["p_holm"] >= each["p"] for each in told.values())


def test_what_cut_answers_off_says_nothing_about_the_other_settings() -> None:
    """Rank and bits are compared where answers end by themselves."""
    rows, scores = grid({})
    cut = [
        dict.fromkeys(score, 0.0) if row["max_new_tokens"] == 16 and row["rank"] == 64 else score
        for row, score in zip(rows, scores, strict=True)
    ]
    told = {each["setting"]: each for each in effects(rows, cut, seed=0)}
    assert abs(told["rank"]["mean"]) < 0.01 and told["rank"]["max_new_tokens"] == 128
    assert told["max_new_tokens"]["mean"] > 0.1 and told["max_new_tokens"]["max_new_tokens"] is None


def test_a_setting_with_one_value_has_no_effect_to_tell() -> None:
    """Only what differs is compared, and only questions that all rows were asked."""
    rows, scores = grid({})
    same = [place for place, row in enumerate(rows) if (row["bits"], row["max_new_tokens"]) == (16, 128)]
    scores[same[0]] = {question: scores[same[0]][question] for question in QUESTIONS[:50]}
    told = effects([rows[place] for place in same], [scores[place] for place in same], seed=0)
    assert [each["setting"] for each in told] == ["rank", "target_modules"]
    assert {each["n"] for each in told} == {50}


def test_a_better_base_is_not_taken_for_a_better_setting() -> None:
    """Rows are compared with rows of the same base: where each base has a rank of its own there is nothing to tell."""
    rows, scores = grid({})
    mixed, of = [], []
    for row, score in zip(rows, scores, strict=True):
        better = row["rank"] == 64
        mixed.append(row | {"base": "strong" if better else "weak"})
        of.append({question: f1 + 0.3 * better for question, f1 in score.items()})
    assert "rank" not in [each["setting"] for each in effects(mixed, of, seed=0)]
    unfinished = [place for place, row in enumerate(mixed) if (row["base"], row["bits"]) != ("strong", 4)]
    told = effects([mixed[place] for place in unfinished], [of[place] for place in unfinished], seed=0)
    assert abs(next(each["mean"] for each in told if each["setting"] == "bits")) < 0.01
