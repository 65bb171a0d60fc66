"""The write-up's figure 2 from a grid's results: F1 of every recipe beside its base, a panel a base model.

The write-up (Clarifai, January 2025) gives relative gains, not scores; they are shown, and marked as its
own, beside a model that it also trained. It asked 1,000 questions of HotpotQA's validation set.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raft_core.evaluation.effects import matched
from raft_core.evaluation.history import BASE, INK, PAPER, TUNED
from raft_core.evaluation.plot import MUTED, Theme, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WRITE_UP = {
    "llama-2-7b-chat": "more than +100 %",
    "llama-3-8b-instruct": "more than +60 %",
    "llama-3.1-8b-instruct": "+16 %",
}
WRITE_UP_4BIT = "91 to 94 %"
HEAD_INCHES, BETWEEN_INCHES, ROW_INCHES = 1.7, 0.7, 0.3
SEED_SPACING = 0.22

Row = Mapping[str, Any]


def draw_figure(table: Mapping[str, Any], theme: Theme = "light") -> bytes:
    """Return the figure of a grid.json as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(table["rows"])
    sizes = [len(recipes) + 1 for recipes in panels.values()]
    height = HEAD_INCHES + sum(ROW_INCHES * size + BETWEEN_INCHES for size in sizes)
    figure = Figure(figsize=(9, height), facecolor=PAPER[theme])
    FigureCanvasAgg(figure)
    figure.text(0.03, 1 - 0.22 / height, _title(table["rows"]), va="top", fontsize=14, fontweight="bold", color=INK[theme])  # fmt: skip
    figure.text(
        0.03, 1 - 0.56 / height, _told(table), va="top", fontsize=9.5, color=MUTED[theme], linespacing=1.5
    )
    top = HEAD_INCHES
    highest = max(max(row["f1"]["high"], row["base_f1"]["high"]) for row in table["rows"])
    for (base, recipes), size in zip(panels.items(), sizes, strict=True):
        rows = ROW_INCHES * size
        axes = figure.add_axes((0.25, 1 - (top + rows) / height, 0.48, rows / height), facecolor=PAPER[theme])
        _panel(axes, base, recipes, min(1.0, highest * 1.08) or 1.0, theme)
        top += rows + BETWEEN_INCHES
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=150)
    return data.getvalue()


def written_up(base: str) -> str | None:
    """Return the gain that the write-up reports for a base model, where it trained that very model."""
    name = base.rstrip("/").rpartition("/")[2].lower().removeprefix("meta-").removesuffix("-hf")
    return WRITE_UP.get(name)


def gain(row: Row) -> float | None:
    """Return the relative gain in F1 over the base; None where the base has none."""
    return row["f1"]["mean"] / row["base_f1"]["mean"] - 1 if row["base_f1"]["mean"] else None


def kept_in_4bit(rows: Sequence[Row]) -> float | None:
    """Return the mean share of F1 that 4-bit recipes keep of the same recipes in 16 bits, at the longest answers."""
    longest = max(row["max_new_tokens"] for row in rows)
    f1 = [row["f1"]["mean"] for row in rows]
    pairs = [pair for pair in matched(rows, "bits", 16, 4) if rows[pair[0]]["max_new_tokens"] == longest]
    shares = [f1[four] / f1[sixteen] for sixteen, four in pairs if f1[sixteen]]
    return sum(shares) / len(shares) if shares else None


def _panels(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Group rows by base model, then by recipe whatever its seed and length, in the table's order."""
    panels: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        modules = row["target_modules"]
        layers = (
            "all linear" if modules == "all-linear" else "+".join(m.removesuffix("_proj") for m in modules)
        )
        label = f"{row['bits']}-bit, rank {row['rank']}, {layers}"
        panels.setdefault(row["base"], {}).setdefault(label, []).append(row)
    return panels


def _panel(axes: Axes, base: str, recipes: dict[str, list[Row]], highest: float, theme: Theme) -> None:
    longest = max(row["max_new_tokens"] for rows in recipes.values() for row in rows)
    of_base = {
        (row["bits"], row["max_new_tokens"]): row["base_f1"] for rows in recipes.values() for row in rows
    }
    for (bits, length), f1 in of_base.items():
        _mark(
            axes, -0.12 if bits == 16 else 0.12, f1, BASE[theme], filled=length == longest, square=bits == 4
        )
    for place, rows in enumerate(recipes.values(), 1):
        seeds = sorted({row["training_seed"] for row in rows})
        for row in rows:
            aside = SEED_SPACING * (seeds.index(row["training_seed"]) - (len(seeds) - 1) / 2)
            _mark(axes, place + aside, row["f1"], TUNED[theme], filled=row["max_new_tokens"] == longest, square=row["bits"] == 4)  # fmt: skip
        _gain(axes, place, [row for row in rows if row["max_new_tokens"] == longest], theme)
    axes.set_yticks(range(len(recipes) + 1), ["base", *recipes], fontsize=9)
    axes.set_ylim(len(recipes) + 0.6, -0.6)
    axes.set_xlim(0, highest)
    claim = written_up(base)
    _beside(axes, 0, f"the write-up: {claim}" if claim else "", theme)
    axes.set_title(plain(base, 60), loc="left", fontsize=10.5, fontweight="bold", color=INK[theme])
    axes.tick_params(axis="y", length=0, colors=INK[theme])
    axes.tick_params(axis="x", colors=MUTED[theme], labelsize=8)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(MUTED[theme])
    axes.grid(axis="x", alpha=0.18, color=INK[theme])


def _mark(
    axes: Axes, place: float, f1: Mapping[str, float], colour: str, *, filled: bool, square: bool
) -> None:
    spread = [[max(f1["mean"] - f1["low"], 0)], [max(f1["high"] - f1["mean"], 0)]]
    axes.errorbar(
        f1["mean"],
        place,
        xerr=spread,
        fmt="s" if square else "o",
        color=colour,
        markerfacecolor=colour if filled else "none",
        markersize=5,
        linewidth=1.2,
        alpha=1.0 if filled else 0.6,
    )


def _gain(axes: Axes, place: int, rows: Sequence[Row], theme: Theme) -> None:
    """Write the relative gain beside a row, and whether it is significant for all, some or none of its seeds."""
    gains = [value for row in rows if (value := gain(row)) is not None]
    if not gains:
        return
    sure = sum(bool(row["difference"]["significant"]) for row in rows)
    note = (
        "" if sure == len(rows) else f", {sure} of {len(rows)} significant" if sure else ", not significant"
    )
    _beside(axes, place, f"{round(100 * sum(gains) / len(gains)):+d}%{note}", theme)


def _beside(axes: Axes, place: int, text: str, theme: Theme) -> None:
    axes.annotate(
        text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=INK[theme]
    )


def _title(rows: Sequence[Row]) -> str:
    longest = max(row["max_new_tokens"] for row in rows)
    finished = [row for row in rows if row["max_new_tokens"] == longest]
    better = sum(row["difference"]["significant"] and row["difference"]["mean"] > 0 for row in finished)
    return f"{better} of {len(finished)} adapters answer significantly better than their base"


def _told(table: Mapping[str, Any]) -> str:
    rows = table["rows"]
    lengths = sorted({row["max_new_tokens"] for row in rows})
    name = plain(str(table["data"]).rpartition("/")[2], 40)
    told = f"HotpotQA answer F1 on {name}, n = {table['n']}, seed {table['seed']}, with 95 % bootstrap intervals\n"
    told += f"filled: answers of at most {lengths[-1]} tokens"
    told += f", hollow: {lengths[0]}; " if len(lengths) > 1 else "; "
    told += "round: 16 bits, square: 4 bits\n"
    told += f"at the right: mean relative gain over the base at {lengths[-1]} tokens, and whether it is significant"
    share = kept_in_4bit(rows)
    if share is not None:
        told += f"\n4 bits keep {share:.0%} of F1"
        known = any(written_up(row["base"]) for row in rows)
        told += f" (the write-up: {WRITE_UP_4BIT})" if known else ""
    return told
