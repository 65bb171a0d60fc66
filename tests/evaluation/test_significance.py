from __future__ import annotations

import pytest

from raft_core.evaluation.significance import Interval, mean_interval, paired_difference

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
