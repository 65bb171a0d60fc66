"""The chart of an evaluation as a picture: F1 of every model with 95 % intervals, and whether they differ.

Drawn where it is made, by the worker; the bot sends the files and needs no matplotlib.
"""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raft_core.evaluation.history import BASE, INK, PAPER, TUNED
from raft_core.evaluation.result import Evaluation
from raft_core.evaluation.wording import headline, short_verdict, shown
from raft_core.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from raft_core.records import Score

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
MUTED = {"light": "#6A6A6A", "dark": "#A5A8AD"}
LABEL = 28
"""Longer model names are shortened so that bars keep their room."""
WIDTH_INCHES = 8.0
LINE = 104
"""Characters of small print that fit the width."""


def picture(evaluation: Evaluation, theme: Theme = "light") -> bytes:
    """Return the chart as PNG, for a light or a dark ground."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = [(name, score) for name, prompts in evaluation.prompts.items() for score in prompts.values()]
    lines = _small_print(evaluation)
    above, below = 0.95, 0.75 + 0.2 * len(lines)
    height = above + 0.62 * len(bars) + below
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor=PAPER[theme])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.27, below / height, 0.66, 1 - (above + below) / height), facecolor=PAPER[theme])
    for place, (name, score) in enumerate(bars):
        best = score.prompt == evaluation.models[name].prompt
        _bar(axes, place, score, theme, tuned=name != evaluation.baseline, best=best)
    reference = evaluation.models[evaluation.baseline].f1
    if evaluation.differences:
        axes.axvline(reference, color=BASE[theme], linestyle=(0, (4, 3)), linewidth=1, zorder=1)
    _frame(
        axes,
        [_label(evaluation, name, score) for name, score in bars],
        max(s.f1_high for _, s in bars),
        theme,
    )
    _titles(figure, evaluation, theme, height, lines)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=150)
    return data.getvalue()


def draw(evaluation: Evaluation, path: Path) -> None:
    """Write the chart for light ground at `path`, and both themes beside it: f1.png, f1-light.png, f1-dark.png.

    Raises:
        StorageError: they cannot be written.
    """
    for theme in THEMES:
        data = picture(evaluation, theme)
        write_bytes(path.with_stem(f"{path.stem}-{theme}"), data)
        if theme == "light":
            write_bytes(path, data)


def plain(text: str, limit: int = LABEL) -> str:
    """Return untrusted text as a label: what the font lacks, and the sign that opens a formula, is replaced."""
    text = "".join(c if c.isascii() and c.isprintable() and c != "$" else "?" for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _bar(axes: Axes, place: int, score: Score, theme: Theme, *, tuned: bool, best: bool) -> None:
    colour = TUNED[theme] if tuned else BASE[theme]
    axes.barh(place, score.f1, height=0.62, color=colour, alpha=1.0 if best else 0.45, zorder=2)
    spread = [[max(score.f1 - score.f1_low, 0)], [max(score.f1_high - score.f1, 0)]]
    axes.errorbar(score.f1, place, xerr=spread, color=INK[theme], capsize=5, linewidth=1.4, zorder=3)
    axes.annotate(
        f"{score.f1:.3f}",
        (score.f1_high, place),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        fontsize=11,
        fontweight="bold" if best else "normal",
        color=INK[theme],
    )


def _frame(axes: Axes, labels: list[str], highest: float, theme: Theme) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=10)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, min(1.15, max(0.1, highest * 1.18)))
    axes.set_xlabel("HotpotQA answer F1, mean and 95 % bootstrap interval", fontsize=9, color=MUTED[theme])
    axes.tick_params(axis="y", length=0, colors=INK[theme])
    axes.tick_params(axis="x", colors=MUTED[theme], labelsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(MUTED[theme])
    axes.grid(axis="x", alpha=0.18, color=INK[theme])
    axes.set_axisbelow(True)


def _label(evaluation: Evaluation, name: str, score: Score) -> str:
    several = len(evaluation.prompts[name]) > 1
    better = ", better" if several and score.prompt == evaluation.models[name].prompt else ""
    return f"{plain(name)}\n{plain(score.prompt)} prompt{better}"


def _titles(figure: Figure, evaluation: Evaluation, theme: Theme, height: float, lines: list[str]) -> None:
    c = evaluation.circumstances
    told = f"{plain(c.data, 32)} · n = {evaluation.n} · seed {c.seed} · {shown(c)}"
    figure.text(0.03, 1 - 0.2 / height, plain(headline(evaluation), 78), va="top", fontsize=14, fontweight="bold", color=INK[theme])  # fmt: skip
    figure.text(0.03, 1 - 0.55 / height, plain_line(told), va="top", fontsize=10, color=MUTED[theme])
    for number, line in enumerate(reversed(lines)):
        figure.text(0.03, (0.12 + 0.2 * number) / height, line, fontsize=9, color=INK[theme])


def plain_line(text: str) -> str:
    """Return our own words, which may hold signs beyond ASCII that the font has, without a formula's sign."""
    return "".join(c for c in text if c != "$")


def _small_print(evaluation: Evaluation) -> list[str]:
    """Return every difference in words, in lines that fit: that one is not significant is said here."""
    lines: list[str] = []
    for each in evaluation.differences:
        told = f"{plain(each.b)} minus {plain(each.a)}: {short_verdict(each)}"
        lines += textwrap.wrap(told, LINE, subsequent_indent="    ")
    return lines
