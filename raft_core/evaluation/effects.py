"""What one setting changes over all recipes of a grid, question by question: does a finding hold?

{"setting": "rank", "a": 16, "b": 64, "max_new_tokens": 128, "n": 400, "mean": -0.004, "low": -0.02, "high": 0.01,
 "p": 0.7, "p_holm": 1.0, "significant": false}
"""

from __future__ import annotations

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

    A question's score under a value is its mean over all rows with it, seeds and other settings alike; all but
    the answers' length are compared at the longest. The p-values are corrected for their number.
    """
    longest = max(row["max_new_tokens"] for row in rows)
    told: list[dict[str, Any]] = []
    for setting in SETTINGS:
        length = None if setting == "max_new_tokens" else longest
        chosen = [
            (_plain(row[setting]), score)
            for row, score in zip(rows, scores, strict=True)
            if length in (None, row["max_new_tokens"])
        ]
        first, *others = dict.fromkeys(value for value, _ in chosen)
        for other in others:
            a, b = ([score for value, score in chosen if value == which] for which in (first, other))
            asked = sorted(set[str].intersection(*map(set, [*a, *b])))
            means = [[fmean(score[each] for score in side) for each in asked] for side in (a, b)]
            interval, p = paired_difference(*means, seed=seed)
            compared = {"setting": setting, "a": first, "b": other, "max_new_tokens": length, "n": len(asked)}
            told.append(
                compared | {"mean": interval.mean, "low": interval.low, "high": interval.high, "p": p}
            )
    for effect, p in zip(told, holm([effect["p"] for effect in told]), strict=True):
        effect |= {"p_holm": p, "significant": p < 1 - CONFIDENCE}
    return told


def _plain(value: Any) -> str | int:
    return value if isinstance(value, str | int) else "+".join(value)
