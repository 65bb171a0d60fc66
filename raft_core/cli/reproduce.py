"""`raftbot reproduce`: published experiments, run again on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raft_core.cli.common import Json, command, emit, progress, settings

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="Run published experiments again.")


@app.callback()
def group() -> None:
    """Run published experiments again."""


@app.command()
@command
def hotpotqa(
    *,
    data: Annotated[str, typer.Option(metavar="FILE|ID", help="HotpotQA's records, or others like them.")],
    base: Annotated[
        str | None, typer.Option(metavar="NAME", help="The base model; RAFTBOT_BASE_MODEL without it.")
    ] = None,
    setting: Annotated[
        str, typer.Option(metavar="NAME,…", help="What is shown: distractor (all paragraphs), gold+2.")
    ] = "distractor,gold+2",
    seeds: Annotated[str, typer.Option(metavar="N,…", help="Training seeds, an adapter each.")] = "0",
    recipe: Annotated[Path | None, typer.Option(metavar="FILE", help="A YAML recipe; see recipes/.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often each row is seen.")] = None,
    paragraphs: Annotated[int, typer.Option(min=5, help="Paragraphs, a row each.")] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="Score so many records; all without it.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(min=1, help="Where answers are cut off.")] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Where results are written.")
    ] = Path("out/reproduce"),
    as_json: Json = False,
) -> None:
    """Paragraphs of HotpotQA → rows → an adapter a seed → F1 of base and tuned on the records. Run again, it goes on."""
    from raft_core.jobs.reproduce import reproduce
    from raft_core.training.recipe import load_recipe

    try:
        numbers = list(dict.fromkeys(int(part) for part in seeds.split(",")))
    except ValueError as error:
        raise typer.BadParameter("give numbers with commas between them", param_hint="--seeds") from error
    given = {"base_model": base, "max_new_tokens": max_new_tokens}
    ours = settings(**{name: value for name, value in given.items() if value is not None})
    recipes = [
        load_recipe(recipe, settings=ours, base=base, num_train_epochs=epochs, seed=seed) for seed in numbers
    ]
    names = tuple(dict.fromkeys(name.strip() for name in setting.split(",")))
    with progress() as report:
        result = reproduce(
            ours, data, recipes, out, shown=names, paragraphs=paragraphs, limit=limit, report=report
        )
    emit(result, as_json=as_json, human=lambda console: _show(console, result, out))


def _show(console: Console, result: dict[str, Any], out: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from raft_core.jobs.reproduce import WRITE_UP, cost_rows, score_rows

    scores = ("shown", "seed", "n", "base F1", "tuned F1", "tuned minus base", "95 %", "p")
    costs = ("", "units", "seconds", "tokens", "USD", "USD a row")
    for headings, rows in ((scores, score_rows(result)), (costs, cost_rows(result))):
        table = Table(*headings, box=None, header_style="bold")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    console.print(f"the write-up: {WRITE_UP}", markup=False, soft_wrap=True)
    pictures = ", ".join(str(out / f"{name}.png") for name in result["settings"])
    console.print(f"written: {out / 'report.md'}, {pictures}", markup=False, soft_wrap=True)
