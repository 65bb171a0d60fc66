"""The bar chart: F1 of the base beside the tuned models, with 95 % intervals."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.evaluation.result import Evaluation
from raft_core.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from raft_core.records import Score

BASE_COLOUR = "#999999"
TUNED_COLOUR = "#0072B2"
"""Grey and blue of Okabe and Ito's palette: told apart with any colour vision, and in print."""
LABEL = 28
"""Longer model names are shortened so that bars do not overlap."""


def draw(evaluation: Evaluation, path: Path) -> None:
    """Write the chart as PNG.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = [(name, score) for name, prompts in evaluation.prompts.items() for score in prompts.values()]
    figure = Figure(figsize=(max(5.0, 1.5 * len(bars) + 2), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for position, (name, score) in enumerate(bars):
        _bar(axes, position, score, tuned=name != evaluation.baseline)
    axes.set_xticks(range(len(bars)), [f"{_short(name)}\n{score.prompt} prompt" for name, score in bars])
    axes.set_ylabel("HotpotQA answer F1")
    top = max(score.f1_high for _, score in bars)
    axes.set_ylim(0, min(1.12, max(0.1, top * 1.2)))
    axes.set_title(
        f"F1 with 95 % intervals, n = {evaluation.n}, seed {evaluation.circumstances.seed}", fontsize=11
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=150)
    write_bytes(path, data.getvalue())


def _bar(axes: Axes, position: int, score: Score, *, tuned: bool) -> None:
    spread = [[max(score.f1 - score.f1_low, 0)], [max(score.f1_high - score.f1, 0)]]
    axes.bar(
        position,
        score.f1,
        width=0.6,
        color=TUNED_COLOUR if tuned else BASE_COLOUR,
        yerr=spread,
        capsize=5,
        ecolor="black",
    )
    axes.annotate(
        f"{score.f1:.3f}",
        (position, score.f1_high),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontweight="bold",
    )


def _short(name: str) -> str:
    name = "".join(c if c.isascii() and c.isprintable() and c != "$" else "?" for c in name)  # $: a formula
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"
