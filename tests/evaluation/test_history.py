"""The chart of a guild's adapters: whose scores it shows, and that it is a picture."""

from __future__ import annotations

from typing import Any

from raft_core.evaluation.history import ADAPTERS, PAPER, Point, Spread, draw, points


def result(number: int, **f1: float) -> dict[str, Any]:
    scores = {
        name: {"f1": mean, "f1_low": mean - 0.125, "f1_high": mean + 0.125} for name, mean in f1.items()
    }
    told = {"data": "sample", "n": 9, "created_at": f"2026-01-{number:02d}T00:00:00+00:00"}
    return told | {"baseline": next(iter(f1)), "models": scores}


def test_points_are_the_latest_score_of_each_adapter() -> None:
    """The oldest first; the base only where it took part, and never as an adapter."""
    found = points([result(3, base=0.5, one=0.75), result(2, two=0.25), result(1, base=0.25, one=0.5)])
    assert found == [
        Point("two", Spread(0.25, 0.125, 0.375), None, "sample", 9, "2026-01-02"),
        Point("one", Spread(0.75, 0.625, 0.875), Spread(0.5, 0.375, 0.625), "sample", 9, "2026-01-03"),
    ]
    assert points([result(1, base=0.5)]) == []


def test_the_newest_are_shown_where_there_are_many() -> None:
    """As many as can be told apart."""
    many = [result(20 - number, base=0.25, **{f"raft-{number}": 0.5}) for number in range(20)]
    found = points(many)
    assert len(found) == ADAPTERS
    assert (found[-1].adapter, found[0].adapter) == ("raft-0", f"raft-{ADAPTERS - 1}")


def test_the_chart_is_a_png_for_each_theme() -> None:
    """The same points draw the same bytes; odd names and a score of 0 break nothing."""
    odd = points([result(1, base=0.0, **{"$\\frac{☃" * 9: 0.0})])
    light, dark = draw(odd, "light"), draw(odd, "dark")
    assert light.startswith(b"\x89PNG") and dark.startswith(b"\x89PNG") and light != dark
    assert draw(odd, "dark") == dark
    assert set(PAPER) == {"light", "dark"}
