"""How a guild's adapters did, one after the other, as a chart: F1 with 95 % intervals beside their base's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ADAPTERS = 12
"""The newest ones are drawn: more cannot be told apart at the width of a message."""
TUNED = {"light": "#0072B2", "dark": "#56B4E9"}
"""Blue and sky blue of Okabe and Ito's palette: told apart from grey with any colour vision."""
BASE = {"light": "#8A8A8A", "dark": "#9A9A9A"}
INK = {"light": "#222222", "dark": "#DBDEE1"}
PAPER = {"light": "#FFFFFF", "dark": "#2B2D31"}
"""Dark is the ground of an embed in Discord."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean F1 with its 95 % interval."""

    f1: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """An adapter's latest score, its base's in the same evaluation, and on what."""

    adapter: str
    tuned: Spread
    base: Spread | None
    data: str
    n: int
    at: str


def points(results: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return the latest score of each adapter, the oldest first, of results that are the newest first."""
    found: dict[str, Point] = {}
    for result in results:
        baseline = result["baseline"]
        models = {name: _spread(score) for name, score in result["models"].items()}
        base = models[baseline] if baseline == "base" else None
        for name, spread in models.items():
            if name != "base" and name not in found:
                told = (str(result["data"]), int(result["n"]), str(result["created_at"])[:10])
                found[name] = Point(name, spread, base, *told)
    return list(found.values())[:ADAPTERS][::-1]


def draw(shown: Sequence[Point], theme: str) -> bytes:
    """Return the chart as PNG, for light or dark ground."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(min(12.0, max(5.5, 1.3 * len(shown) + 1.5)), 4.2),
        layout="constrained",
        facecolor=PAPER[theme],
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=PAPER[theme])
    _plot(axes, [point.base for point in shown], -0.08, theme, tuned=False)
    _plot(axes, [point.tuned for point in shown], 0.08, theme, tuned=True)
    axes.set_xticks(range(len(shown)), [_label(point) for point in shown], fontsize=8)
    axes.set_xlim(-0.6, len(shown) - 0.4)
    highest = max(spread.high for point in shown for spread in (point.tuned, point.base) if spread)
    axes.set_ylim(0, min(1.1, max(0.1, highest * 1.18)))
    axes.set_ylabel("HotpotQA answer F1", color=INK[theme])
    axes.set_title("F1 with 95 % intervals", fontsize=11, color=INK[theme], loc="left")
    axes.tick_params(colors=INK[theme])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK[theme])
    axes.grid(axis="y", alpha=0.15, color=INK[theme])
    axes.legend(
        loc="lower right", frameon=False, labelcolor=INK[theme], ncols=2, bbox_to_anchor=(1, 1), fontsize=9
    )
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=150)
    return data.getvalue()


def _plot(
    axes: Axes,
    spreads: Sequence[Spread | None],
    aside: float,
    theme: str,
    *,
    tuned: bool,
) -> None:
    there = [(place + aside, spread) for place, spread in enumerate(spreads) if spread is not None]
    if not there:
        return
    colour = TUNED[theme] if tuned else BASE[theme]
    marker, name = ("o", "tuned") if tuned else ("s", "base")
    places = [place for place, _ in there]
    means = [spread.f1 for _, spread in there]
    below = [max(spread.f1 - spread.low, 0) for _, spread in there]
    above = [max(spread.high - spread.f1, 0) for _, spread in there]
    axes.errorbar(
        places, means, yerr=[below, above], fmt=marker, label=name, color=colour, capsize=4, markersize=7
    )
    if tuned:
        for place, spread in there:
            axes.annotate(
                f"{spread.f1:.3f}",
                (place, spread.f1),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                fontweight="bold",
                color=colour,
                bbox={"facecolor": PAPER[theme], "edgecolor": "none", "pad": 1},
            )


def _label(point: Point) -> str:
    return f"{_plain(point.adapter, 16)}\n{_plain(point.data, 16)}, n={point.n}\n{point.at}"


def _plain(name: str, limit: int) -> str:
    name = "".join(c if c.isascii() and c.isprintable() and c != "$" else "?" for c in name)  # $: a formula
    return name if len(name) <= limit else name[: limit - 1] + "…"


def _spread(score: Mapping[str, Any]) -> Spread:
    return Spread(score["f1"], score["f1_low"], score["f1_high"])
