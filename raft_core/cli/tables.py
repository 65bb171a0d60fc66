"""How `raftbot eval` shows its results to people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.evaluation.result import Evaluation, Sweep
    from raft_core.evaluation.verify import Verdict


def draw_list(console: Console, results: Sequence[dict[str, Any]]) -> None:
    """Draw a line for each model of each evaluation."""
    from rich.table import Table

    table = Table("id", "data", "setting", "n", "model", "prompt", "F1", "95 %", "EM", "made", box=None)
    for result in results:
        for name, score in result["models"].items():
            interval = f"{score['f1_low']:.3f} to {score['f1_high']:.3f}"
            scores = (f"{score['f1']:.3f}", interval, f"{score['em']:.3f}", result["created_at"])
            cells = (
                result["id"],
                result["data"],
                setting_of(result),
                str(result["n"]),
                name,
                score["prompt"],
            )
            table.add_row(*cells, *scores)
    console.print(table if results else "no evaluations yet", markup=False)


def setting_of(result: dict[str, Any]) -> str:
    """Return an evaluation's setting in one word and a number."""
    number = result.get("distractors") if result.get("top_k") is None else result["top_k"]
    return " ".join(str(part) for part in (result.get("setting", "distractor"), number) if part is not None)


def show_evaluation(console: Console, evaluation: Evaluation, folder: Path) -> None:
    """Show scores, differences and what a reader must know."""
    from rich.table import Table
    from rich.text import Text

    from raft_core.evaluation.wording import coverage, memory, notes, shown, verdict

    table = Table(box=None, header_style="bold")
    for heading in ("model", "prompt", "F1", "95 %", "EM", "cut off", "no tag", "refused", "seconds"):
        table.add_column(heading, justify="left" if heading in {"model", "prompt"} else "right")
    for name, prompts in evaluation.prompts.items():
        for each in prompts.values():
            better = len(prompts) > 1 and each is evaluation.models[name]
            interval = f"{each.f1_low:.3f} to {each.f1_high:.3f}"
            cells = (name, each.prompt + (" (better)" if better else ""), f"{each.f1:.3f}", interval)
            rates = (f"{each.em:.3f}", f"{each.truncated:.1%}", f"{each.untagged:.1%}", f"{each.refused:.1%}")
            cached = f" ({each.cached} cached)" if each.cached else ""
            table.add_row(*(Text(cell) for cell in (*cells, *rates, f"{each.seconds:.1f}{cached}")))
    told = f"{coverage(evaluation.circumstances)} Shown: {shown(evaluation.circumstances)}."
    console.print(Text(told), soft_wrap=True)
    console.print(table)
    for difference in evaluation.differences:
        console.print(Text(f"{difference.b} against {difference.a}: {verdict(difference)}"), soft_wrap=True)
    for note in notes(evaluation):
        console.print(Text(note), soft_wrap=True)
    if told := memory(evaluation.circumstances):
        console.print(Text(f"memory: {told}"), soft_wrap=True)
    console.print(Text(f"report, chart and every answer: {folder}"), soft_wrap=True)


def show_sweep(console: Console, swept: Sweep) -> None:
    """Show the F1 of every model at every value, then the differences."""
    from rich.table import Table
    from rich.text import Text

    from raft_core.evaluation.wording import verdict

    table = Table(box=None, header_style="bold")
    for heading in (swept.axis.replace("_", "-"), "n", "model", "prompt", "F1", "95 %", "EM", "id"):
        table.add_column(heading)
    for evaluation in swept.evaluations:
        value = str(getattr(evaluation.circumstances, swept.axis))
        for name, score in evaluation.models.items():
            interval = f"{score.f1_low:.3f} to {score.f1_high:.3f}"
            scores = (f"{score.f1:.3f}", interval, f"{score.em:.3f}")
            cells = (value, str(score.n), name, score.prompt, *scores, evaluation.id)
            table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    for evaluation in swept.evaluations:
        value = getattr(evaluation.circumstances, swept.axis)
        for difference in evaluation.differences:
            console.print(Text(f"{value}: {verdict(difference)}"), soft_wrap=True)


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Show whether an evaluation holds, and what does not."""
    word = "holds" if verdict.holds else f"does not hold: {verdict.found} numbers are not what comes out"
    console.print(f"{verdict.id} {word}; {verdict.samples} answers were scored again", markup=False)
    for fault in verdict.faults:
        line = f"  {fault.where}: stored {fault.stored!r}, computed {fault.computed!r}"
        console.print(line, markup=False, soft_wrap=True)
    for told in (*(f"not checked: {each}" for each in verdict.unchecked), *verdict.notes):
        console.print(f"  {told}", markup=False, soft_wrap=True)


def show_score(console: Console, result: dict[str, float | int]) -> None:
    """Show the means of a prediction file."""
    for name, value in result.items():
        console.print(f"{name:<13}{value if isinstance(value, int) else f'{value:.4f}'}", markup=False)
