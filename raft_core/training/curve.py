"""The loss of a training while it runs: its points in a file, and a picture of them for whoever watches.

    {"step": 12, "epoch": 0.48, "loss": 0.7312, "learning_rate": 0.0002}

is a line of loss.jsonl. The picture is made for a dark chat on a phone.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.errors import StorageError
from raft_core.files import to_json, write_bytes, write_text
from raft_core.progress import Progress, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

log = logging.getLogger(__name__)

HISTORY = "loss.jsonl"
PICTURE = "loss.png"
DRAW_EVERY_S = 4.0
SHARE_OF_TIME = 0.02
"""The most of a training's time that its pictures may take."""
BACKGROUND, FOREGROUND, FAINT = "#2b2d31", "#dbdee1", "#4e5058"
LINE = "#58a6ff"
VALIDATION = "#f0883e"
SMOOTHING = 0.8

Point = Mapping[str, Any]


def add_point(path: Path, point: Point) -> None:
    """Add an update to a file of losses."""
    with path.open("a", encoding="utf-8") as file:
        file.write(to_json(point) + "\n")


def add_validation(path: Path, step: int, loss: float) -> None:
    """Add the validation loss that was measured after an update to that update's point."""
    points = read_points(path)
    changed = [{**point, "validation_loss": loss} if point["step"] == step else point for point in points]
    write_text(path, "".join(to_json(point) + "\n" for point in changed))


def read_points(path: Path) -> list[Point]:
    """Return the losses so far, in the order of their steps; a line that is being written is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def go_back(path: Path, step: int) -> None:
    """Forget the losses after a step: a resumed training does those updates again."""
    points = read_points(path)
    if any(point["step"] > step for point in points):
        write_text(path, "".join(to_json(point) + "\n" for point in points if point["step"] <= step))


class Curve:
    """Draws a training's losses every few seconds into `picture`, and copies them beside it; `share` is told of both.

    Whatever fails here, the training goes on.
    """

    def __init__(self, picture: Path, share: Callable[[Path], None]) -> None:
        self._picture = picture
        self._share = share
        self._next = 0.0

    def following(self, report: Report, history: Path) -> Report:
        """Return a report that also looks at the losses in `history` from time to time."""

        def told(progress: Progress) -> None:
            report(progress)
            if progress.stage == "train" and time.monotonic() >= self._next:
                self.draw(history, progress.total)

        return told

    def draw(self, history: Path, steps: int) -> None:
        """Draw the losses so far, of `steps` in all."""
        began = time.monotonic()
        try:
            points = read_points(history)
            if points:
                write_text(self._picture.with_suffix(".jsonl"), history.read_text(encoding="utf-8"))
                draw_losses(points, steps, self._picture)
                for file in (self._picture.with_suffix(".jsonl"), self._picture):
                    self._share(file)
        except (OSError, ValueError, StorageError) as error:
            log.warning("the loss was not drawn: %s", error)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(DRAW_EVERY_S, took / SHARE_OF_TIME)


def draw_losses(points: Sequence[Point], steps: int, path: Path) -> None:
    """Write losses as a PNG, the axis as long as all `steps` will be.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained", facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    at, losses = [point["step"] for point in points], [point["loss"] for point in points]
    smooth = smoothed(losses)
    axes.plot(at, losses, color=LINE, alpha=0.35, linewidth=1.5)
    axes.plot(at, smooth, color=LINE, linewidth=4, solid_capstyle="round")
    axes.plot(at[-1:], smooth[-1:], "o", color=LINE, markersize=11)
    title = f"loss {smooth[-1]:.3f} · step {at[-1]} of {steps}"
    validated = [
        (point["step"], point["validation_loss"])
        for point in points
        if point.get("validation_loss") is not None
    ]
    if validated:
        axes.plot(*zip(*validated, strict=True), "s-", color=VALIDATION, linewidth=3, markersize=10)
        losses = losses + [loss for _, loss in validated]
        title = f"loss {smooth[-1]:.3f} · validation {validated[-1][1]:.3f} · step {at[-1]} of {steps}"
    _style(axes, losses, steps)
    axes.set_title(title, color=FOREGROUND, fontsize=23, fontweight="bold", loc="left", pad=14)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100)
    write_bytes(path, data.getvalue())


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return the exponential moving mean of losses, unbiased at its start."""
    means, mean, weight = [], 0.0, 0.0
    for loss in losses:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        means.append(mean / weight)
    return means


def _style(axes: Axes, losses: Sequence[float], steps: int) -> None:
    axes.set_xlim(0, max(steps, 1))
    axes.set_ylim(0, max(max(losses) * 1.05, 1e-6))
    axes.tick_params(colors=FOREGROUND, labelsize=19, length=0)
    axes.locator_params(axis="y", nbins=4)
    axes.locator_params(axis="x", nbins=5, integer=True, prune="lower")
    axes.grid(color=FAINT, alpha=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
