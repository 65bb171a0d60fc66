"""The charts of the HTML report as SVG: no library, and colours from the page's style, light or dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
LEFT, RIGHT = 210, 70
ROW = 46
HEIGHT = 300
BOTTOM = 46


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the bar chart; `colour` counts the models from 0, the baseline; `faint` is not the better prompt."""

    label: str
    note: str
    mean: Mean
    colour: int
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One model's means, a place each; None where it has none."""

    label: str
    colour: int
    means: tuple[Mean | None, ...]


def bars(rows: Sequence[Bar], reference: float | None = None) -> str:
    """Return horizontal bars with intervals, and a line down from the mean of the baseline."""
    top = _top([row.mean for row in rows])
    height = ROW * len(rows) + 30

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / top

    parts = []
    for tick in _ticks(top):
        parts.append(_line(x(tick), 4, x(tick), height - 26, "grid"))
        parts.append(_text(x(tick), height - 10, f"{tick:g}", "tick", "middle"))
    for number, row in enumerate(rows):
        parts += _bar(row, 8 + ROW * number, x)
    if reference is not None:
        parts.append(_line(x(reference), 4, x(reference), height - 26, "reference"))
    return _svg(height, "F1 of each model with its 95 % interval", parts)


def _bar(row: Bar, y: float, x: Callable[[float], float]) -> Iterator[str]:
    middle, faint = y + 15, " faint" if row.faint else ""
    yield _text(LEFT - 10, y + 13, row.label, "label", "end")
    yield _text(LEFT - 10, y + 27, row.note, "tick", "end")
    yield f'<rect class="c{row.colour}{faint}" x="{LEFT}" y="{y}" width="{x(row.mean.value) - LEFT:.1f}" height="30"/>'
    yield _line(x(row.mean.low), middle, x(row.mean.high), middle, "whisker")
    for end in (row.mean.low, row.mean.high):
        yield _line(x(end), middle - 5, x(end), middle + 5, "whisker")
    yield _text(x(row.mean.high) + 8, middle + 5, f"{row.mean.value:.3f}", "value", "start")


def dots(groups: Sequence[tuple[str, str]], series: Sequence[Series], *, joined: bool = False) -> str:
    """Return means with intervals side by side in groups, each a name and a note; `joined` draws lines."""
    top = _top([mean for each in series for mean in each.means if mean is not None])
    room = (WIDTH - 50) / len(groups)
    step = min(26.0, room * 0.7 / max(len(series), 1))

    def y(value: float) -> float:
        return 12 + (HEIGHT - 12 - BOTTOM) * (1 - value / top)

    parts = []
    for tick in _ticks(top):
        parts.append(_line(44, y(tick), WIDTH, y(tick), "grid"))
        parts.append(_text(38, y(tick) + 4, f"{tick:g}", "tick", "end"))
    for place, (name, note) in enumerate(groups):
        middle = 50 + room * (place + 0.5)
        parts.append(_text(middle, HEIGHT - 26, name, "label", "middle"))
        parts.append(_text(middle, HEIGHT - 10, note, "tick", "middle"))
    for number, each in enumerate(series):
        aside = step * (number - (len(series) - 1) / 2)
        at = [(50 + room * (place + 0.5) + aside, mean) for place, mean in enumerate(each.means)]
        there = [(x, mean) for x, mean in at if mean is not None]
        if joined:
            points = " ".join(f"{x:.1f},{y(mean.value):.1f}" for x, mean in there)
            parts.append(f'<polyline class="s{each.colour}" points="{points}"/>')
        for x, mean in there:
            title = f"{each.label}: {mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]"
            parts.append(f'<g class="s{each.colour}"><title>{text(title)}</title>')
            parts.append(f'<line x1="{x:.1f}" y1="{y(mean.low):.1f}" x2="{x:.1f}" y2="{y(mean.high):.1f}"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{y(mean.value):.1f}" r="5"/></g>')
    return _svg(HEIGHT, "F1 with 95 % intervals by group", parts)


def text(value: str) -> str:
    """Return untrusted text as HTML or SVG."""
    return escape("".join(c for c in value if c.isprintable() or c == "\n"))


def legend(series: Sequence[Series]) -> str:
    """Return the names of the series beside their colours."""
    keys = (f'<li><i class="c{each.colour}"></i>{text(each.label)}</li>' for each in series)
    return f'<ul class="legend">{"".join(keys)}</ul>'


def _top(means: Sequence[Mean]) -> float:
    """Return where the axis ends: at a tenth above all intervals, at most at 1."""
    highest = max((mean.high for mean in means), default=1.0)
    return min(1.0, max(0.1, math.ceil(highest * 10 + 1e-9) / 10))


def _ticks(top: float) -> list[float]:
    step = 0.2 if top > 0.6 else 0.1 if top > 0.2 else 0.05 if top > 0.1 else 0.02
    return [round(step * number, 2) for number in range(math.floor(top / step + 1e-9) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, style: str, anchor: str) -> str:
    shown = words if len(words) <= 30 else words[:29] + "…"
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(shown)}</text>'


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{text(label)}">{"".join(parts)}</svg>'
    )
