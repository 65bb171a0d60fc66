"""`raftbot demo`: the main job end to end on what ships with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Json, command, emit, progress, settings

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.jobs.demo import Demo


@command
def demo(
    *,
    docs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, help="Teach these documents, not the sample library."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.")] = Path("out/demo"),
    questions: Annotated[int, typer.Option(min=2, help="How many held-out questions are asked.")] = 800,
    seed: Annotated[int, typer.Option(help="Seed of data set, training and questions.")] = 1,
    as_json: Json = False,
) -> None:
    """Documents → RAFT data → LoRA adapter → answers side by side → F1, in minutes, on this machine."""
    from raft_core.jobs.demo import run_demo

    with progress() as report:
        done = run_demo(settings(), out, docs=docs, seed=seed, questions=questions, report=report)
    emit(done.summary, as_json=as_json, human=lambda console: _show(console, done, out))


def _show(console: Console, done: Demo, out: Path) -> None:
    from rich.table import Table

    from raft_core.cli.answering import _show

    for comparison in done.comparisons:
        _show(console, comparison)
        console.print()
    summary, base, tuned = done.summary, done.summary["base"], done.summary["tuned"]
    table = Table(title=f"{summary['n']} held-out questions, seed {summary['seed']}", title_justify="left")
    for heading in ("model", "prompt", "F1", "95 % interval", "EM"):
        table.add_column(heading)
    for name, score in (("base, its better prompt", base), (f"tuned ({summary['adapter']})", tuned)):
        interval = f"{score['f1_low']:.3f} to {score['f1_high']:.3f}"
        table.add_row(name, score["prompt"], f"{score['f1']:.3f}", interval, f"{score['em']:.3f}")
    console.print(table)
    difference = summary["difference"]
    console.print(
        f"tuned minus base: {difference['f1']:+.3f}, 95 % paired interval "
        f"[{difference['low']:+.3f}, {difference['high']:+.3f}], p = {difference['p']:.4f}"
        + ("" if difference["significant"] else ": not significant")
    )
    for line in done.rejected:
        console.print(f"left out: {line}", markup=False)
    console.print(
        f"{summary['documents']} documents, {summary['chunks']} chunks, {summary['rows']} rows, "
        f"{summary['tokens']['trained']} tokens trained, {summary['tokens']['generated']} generated, "
        f"{summary['seconds']:.0f} s, at most {summary['peak_memory_mb']} MB"
    )
    console.print(f"written: {out / 'summary.json'}, {out / 'f1.png'}, {out / 'report.md'}", markup=False)
