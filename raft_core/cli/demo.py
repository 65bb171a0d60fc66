"""`raftbot demo`: the main job end to end on what ships with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
        typer.Option(
            metavar="DIR", exists=True, help="Teach these documents instead of the sample community's."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything is written.")] = Path("out/demo"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer rows and questions: minutes, a wide interval.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="All 200 questions of the exam's reporting half.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of data set, training and questions.")] = 0,
    as_json: Json = False,
) -> None:
    """Documents → RAFT data → LoRA adapter → answers side by side → F1, in minutes, on this machine."""
    from raft_core.jobs.demo import SIZES, run_demo

    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    size = SIZES["quick" if quick else "full" if full else "normal"]
    with progress() as report:
        done = run_demo(settings(), out, docs=docs, seed=seed, size=size, report=report)
    emit(done.summary, as_json=as_json, human=lambda console: _show(console, done, out, quick=quick))


def _show(console: Console, done: Demo, out: Path, *, quick: bool) -> None:
    from raft_core.cli.answering import _show

    for comparison in done.comparisons:
        _show(console, comparison)
        console.print()
    summary = done.summary
    if summary["n"]:
        _show_scores(console, summary)
    else:
        console.print("not scored: no question could be generated about chunks outside the data set")
    if quick:
        console.print(f"a quick demo: with {summary['n']} questions the interval is wide")
    for line in done.rejected:
        console.print(f"left out: {line}", markup=False)
    console.print(
        f"{summary['documents']} documents, {summary['chunks']} chunks, {summary['rows']} rows, "
        f"{summary['seconds']:.0f} s, peak memory {summary['peak_memory_mb']:,} MB"
    )
    files = ["summary.json", *(["f1.png", "report.html"] if summary["n"] else [])]
    console.print("written: " + ", ".join(str(out / name) for name in files), markup=False)


def _show_scores(console: Console, summary: dict[str, Any]) -> None:
    from rich.table import Table

    kind = (
        "generated questions about held-out chunks"
        if summary["generated_questions"]
        else "held-out questions"
    )
    table = Table(title=f"{summary['n']} {kind}, seed {summary['seed']}", title_justify="left")
    for heading in ("model", "prompt", "F1", "95 % interval", "EM"):
        table.add_column(heading)
    base, tuned, difference = summary["base"], summary["tuned"], summary["difference"]
    for name, score in (("base, its better prompt", base), (f"tuned ({summary['adapter']})", tuned)):
        interval = f"{score['f1_low']:.3f} to {score['f1_high']:.3f}"
        table.add_row(name, score["prompt"], f"{score['f1']:.3f}", interval, f"{score['em']:.3f}")
    console.print(table)
    console.print(
        f"tuned minus base: {difference['f1']:+.3f}, 95 % paired interval "
        f"[{difference['low']:+.3f}, {difference['high']:+.3f}], p = {difference['p']:.4f}"
        + ("" if difference["significant"] else ": not significant")
    )
