"""What one setting changes over all recipes of a grid, question by question: does a finding hold?

{"setting": "rank", "a": 16, "b": 64, "max_new_tokens": 128, "n": 400, "mean": -0.004, "low": -0.02, "high": 0.01,
 "p": 0.7, "p_holm": 1.0, "significant": false}
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from raft_core.evaluation.significance import CONFIDENCE, holm, paired_difference

SETTINGS = ("bits", "rank", "target_modules", "max_new_tokens")

Row = Mapping[str, Any]
Scores = Mapping[str, float]
"""F1 by a question's id."""


def effects(rows: Sequence[Row], scores: Sequence[Scores], *, seed: int) -> list[dict[str, Any]]:
    """Return b minus a in F1 for every setting that has several values, a being its first one.

    Compared are rows that are alike in all else; a question's score is its mean over these. All but the answers'
    length are compared at the longest. The p-values are corrected for their number.
    """
    longest = max(row["max_new_tokens"] for row in rows)
    told: list[dict[str, Any]] = []
    for setting in SETTINGS:
        length = None if setting == "max_new_tokens" else longest
        values = [row[setting] for row in rows if length in (None, row["max_new_tokens"])]
        first, *others = [value for place, value in enumerate(values) if value not in values[:place]]
        for other in others:
            pairs = [
                (a, b)
                for a, b in matched(rows, setting, first, other)
                if length in (None, rows[a]["max_new_tokens"])
            ]
            if not pairs:
                continue
            asked = sorted(set[str].intersection(*(set(scores[place]) for pair in pairs for place in pair)))
            means = [
                [fmean(scores[place][question] for place in side) for question in asked]
                for side in zip(*pairs, strict=True)
            ]
            interval, p = paired_difference(*means, seed=seed)
            compared = {"setting": setting, "a": first, "b": other, "max_new_tokens": length, "n": len(asked)}
            told.append(
                compared | {"mean": interval.mean, "low": interval.low, "high": interval.high, "p": p}
            )
    for effect, p in zip(told, holm([effect["p"] for effect in told]), strict=True):
        effect |= {"p_holm": p, "significant": p < 1 - CONFIDENCE}
    return told


def matched(rows: Sequence[Row], setting: str, a: object, b: object) -> list[tuple[int, int]]:
    """Return the places of rows with `a` and with `b` that are alike in all other settings, base and seed."""
    others = [name for name in ("base", *SETTINGS, "training_seed") if name != setting]
    return [
        (one, other)
        for one, other in itertools.product(range(len(rows)), repeat=2)
        if (rows[one][setting], rows[other][setting]) == (a, b)
        and all(rows[one][name] == rows[other][name] for name in others)
    ]
