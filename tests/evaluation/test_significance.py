from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.evaluation.significance import (
    Interval,
    holm,
    mean_interval,
    paired_difference,
    paired_sd,
    questions_needed,
)

HALF = [0.0, 1.0] * 50


def test_interval_of_a_coin() -> None:
    """100 throws of a fair coin: about 0.5 ± 1.96 · 0.5 / √100, and the same again for the same seed."""
    interval = mean_interval(HALF, seed=0)
    assert interval.mean == 0.5
    assert interval.low == pytest.approx(0.402, abs=0.015)
    assert interval.high == pytest.approx(0.598, abs=0.015)
    assert mean_interval(HALF, seed=0) == interval


def test_same_scores_everywhere_have_no_spread() -> None:
    """Without variation the interval is the mean, not a warning or a NaN."""
    assert mean_interval([0.25] * 9, seed=0) == Interval(0.25, 0.25, 0.25)


def test_one_question_tells_nothing() -> None:
    """A single question's interval is everything that is possible."""
    assert mean_interval([1.0], seed=0) == Interval(1.0, 0.0, 1.0)
    assert paired_difference([0.0], [1.0], seed=0) == (Interval(1.0, -1.0, 1.0), 1.0)


def test_a_clear_gain_is_significant() -> None:
    """30 of 100 questions fixed and none broken: the interval excludes 0, p is tiny."""
    interval, p = paired_difference([0.0] * 100, [1.0] * 30 + [0.0] * 70, seed=0)
    assert interval.mean == pytest.approx(0.3)
    assert 0.2 < interval.low < interval.high < 0.4
    assert p < 0.001


def test_no_difference_is_no_difference() -> None:
    """The same answers: difference 0, p 1. As many fixed as broken: 0 within the interval."""
    assert paired_difference(HALF, HALF, seed=0) == (Interval(0.0, 0.0, 0.0), 1.0)
    interval, p = paired_difference(HALF, HALF[::-1], seed=0)
    assert interval.low < 0 < interval.high
    assert p > 0.9


def test_exact_permutation_of_few() -> None:
    """Three questions, all fixed: 2 of 8 sign flips are as extreme, so p = 1/4."""
    assert paired_difference([0.0] * 3, [1.0, 0.5, 0.8], seed=0)[1] == pytest.approx(0.25)


def test_unpaired_scores_are_refused() -> None:
    """Scores of different questions cannot be paired."""
    with pytest.raises(ValueError, match="same questions"):
        paired_difference([0.0], [1.0, 1.0], seed=0)


def test_holm_by_hand() -> None:
    """0.01, 0.04, 0.03 and 0.005 of four: 0.03, 0.06, 0.06 and 0.02; never above 1, one alone as it is."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_only_raises(p_values: list[float]) -> None:
    """No corrected value is below its own or above Bonferroni's, and their order stays."""
    corrected = holm(p_values)
    assert all(
        p <= c <= min(1.0, len(p_values) * p) + 1e-12 for p, c in zip(p_values, corrected, strict=True)
    )
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [corrected[place] for place in order] == sorted(corrected)


def test_how_many_questions_are_needed() -> None:
    """Differences with a standard deviation of 0.4 need (2.802 · 0.4 / 0.03)² questions; more comparisons more."""
    assert questions_needed(0.4) == 1396
    assert questions_needed(0.4, gain=0.1) == 126
    assert (questions_needed(0.4, comparisons=4) or 0) > 1396
    assert questions_needed(0.0) is None


def test_advice_holds() -> None:
    """Of 200 samples as large as advised, about 80 % show a gain of three points."""
    n = questions_needed(0.2)
    assert n == 349
    rng = np.random.default_rng(0)
    seen = [abs(d.mean() / (d.std(ddof=1) / n**0.5)) > 1.96 for d in rng.normal(0.03, 0.2, (200, n))]
    assert 0.72 < np.mean(seen) < 0.88


def test_spread_of_differences() -> None:
    """The sample standard deviation of b minus a; one question has none."""
    assert paired_sd([0, 0, 1, 1], [1, 0, 1, 0]) == pytest.approx(0.8164965809)
    assert paired_sd([0.0], [1.0]) == 0.0
