"""Intervals and tests over per-question scores: is what was seen more than chance?

Intervals are percentile bootstraps over questions (Efron), the p-value comes from a paired
permutation test that flips the sign of each question's difference (Fisher); both by SciPy. Of several
comparisons the p-values are corrected step by step (Holm 1979), which holds for tests of any dependence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
POWER = 0.8
GAIN = 0.03
"""The gain in F1 that the advice on sample sizes is about: three points."""
RESAMPLES = 9_999
METHOD = "percentile bootstrap and paired sign-flip permutation test"
_BATCH = 500
"""How many resamples are held in memory at a time: 500 of 10,000 questions are 40 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float], *, seed: int, bounds: tuple[float, float] = (0.0, 1.0)
) -> Interval:
    """Return the mean of per-question scores with its bootstrap interval.

    A single question says nothing about others: its interval is the whole range `bounds`.
    """
    scores = np.asarray(values, dtype=float)
    mean = float(scores.mean())
    if len(scores) < 2:
        return Interval(mean, *bounds)
    interval = stats.bootstrap(
        (scores,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(interval.low), float(interval.high))


def paired_difference(a: Sequence[float], b: Sequence[float], *, seed: int) -> tuple[Interval, float]:
    """Return the mean of b minus a over the same questions with its interval, and the two-sided p-value.

    Raises:
        ValueError: the two hold different numbers of questions.
    """
    if len(a) != len(b):
        raise ValueError("paired scores must be of the same questions")
    differences = np.subtract(np.asarray(b, dtype=float), np.asarray(a, dtype=float), dtype=float)
    interval = mean_interval(differences.tolist(), seed=seed, bounds=(-1.0, 1.0))
    if not differences.any() or len(differences) < 2:
        return interval, 1.0
    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return interval, float(test.pvalue)


def paired_sd(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the standard deviation of the questions' differences; 0 of a single question."""
    differences = np.subtract(np.asarray(b, dtype=float), np.asarray(a, dtype=float))
    return float(differences.std(ddof=1)) if len(differences) > 1 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number: the chance that any of them is a false alarm."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = worst
    return corrected


def questions_needed(sd: float, *, gain: float = GAIN, comparisons: int = 1) -> int | None:
    """Return how many questions show a mean gain with power 0.8, two-sided at 0.05 over the comparisons.

    `sd` is the standard deviation of the questions' paired differences; None where it is 0, of which
    nothing follows. The normal approximation: n = ((z₁ + z₂) · sd / gain)².
    """
    if sd == 0:
        return None
    alpha = (1 - CONFIDENCE) / comparisons
    z = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER))
    return math.ceil((z * sd / gain) ** 2)
