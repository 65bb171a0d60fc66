"""`raftbot eval report`, `grid` and `figure`: what was measured, as tables, pages and pictures."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raft_core.cli.common import Guild, Json, command, emit, progress, settings, stderr

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.evaluation.result import Evaluation


class Form(StrEnum):
    """The formats of a report."""

    text = "text"
    md = "md"
    html = "html"
    png = "png"
    json = "json"


class Theme(StrEnum):
    """The ground of a picture."""

    light = "light"
    dark = "dark"


@command
def report(
    evaluation_id: Annotated[str, typer.Argument(metavar="ID", help="An evaluation's id, or its beginning.")],
    form: Annotated[
        Form | None, typer.Option("--format", help="Without it as --out ends, or a table for the terminal.")
    ] = None,
    theme: Annotated[Theme, typer.Option(help="The picture's ground.")] = Theme.light,
    out: Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write it here.")] = None,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Report an evaluation: what came out, how sure that is, and which questions changed."""
    from raft_core.jobs.reports import load_report

    form = Form.json if as_json else form or _form_of(out)
    if form == Form.png and out is None:
        raise typer.BadParameter("a picture needs a file: --out FILE.png", param_hint="--format")
    evaluation, others, folder = load_report(settings(), guild, evaluation_id)
    if form == Form.text and out is None:
        from raft_core.cli.tables import show_evaluation

        return emit(None, as_json=False, human=lambda console: show_evaluation(console, evaluation, folder))
    data = _render(form, evaluation, others, theme, folder)
    if out is None:
        sys.stdout.write(data.decode())
    else:
        _write(out, data)


@command
def grid(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A grid; see recipes/grid.yaml.")],
    dataset: Annotated[
        str | None, typer.Option(metavar="ID", help="The data set that all adapters learn.")
    ] = None,
    data: Annotated[str, typer.Option(metavar="FILE|sample", help="The questions.")] = "sample",
    taught: Annotated[
        bool,
        typer.Option(
            "--taught",
            help="The paragraphs were taught on purpose: leave out only questions that were trained on.",
        ),
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where grid.json goes.")] = Path(
        "out/grid"
    ),
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Train and score every combination of a grid; without --dataset only say which. Run again, it goes on."""
    from raft_core.jobs.grid import name_of, run_grid
    from raft_core.training.grid import load_grid

    wanted = load_grid(file)
    if dataset is None:
        names = [name_of(recipe) for recipe in wanted.recipes]
        plan = {
            "adapters": names,
            "max_new_tokens": wanted.max_new_tokens,
            "limit": wanted.limit,
            "seed": wanted.seed,
        }
        return emit(plan, as_json=as_json, human=lambda console: _show_plan(console, plan))
    with progress() as told:
        table = run_grid(settings(), guild, wanted, dataset, data, out, told, taught=taught)
    emit(table, as_json=as_json, human=lambda console: _show_grid(console, table, out))


@command
def figure(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The grid.json of `raftbot eval grid`.")],
    out: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The picture.")] = Path(
        "figure-2.png"
    ),
    theme: Annotated[Theme, typer.Option(help="The picture's ground.")] = Theme.light,
) -> None:
    """Draw the write-up's figure 2 from a grid's results, its own gains beside a model that it trained too."""
    from raft_core.errors import EvaluationError
    from raft_core.evaluation.figure import draw_figure
    from raft_core.files import read_json

    try:
        picture = draw_figure(read_json(file), theme.value)
    except OSError as error:
        raise EvaluationError(
            f"cannot read {file}: {error.strerror}", remedy="run: raftbot eval grid"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{file} holds no results of a grid", remedy="run: raftbot eval grid"
        ) from error
    _write(out, picture)


def _render(
    form: Form, evaluation: Evaluation, others: list[Evaluation], theme: Theme, folder: Path
) -> bytes:
    from raft_core.files import to_json

    if form == Form.png:
        from raft_core.jobs.reports import chart

        kept = chart(folder, theme.value)
        if kept is not None:
            return kept.read_bytes()
        from raft_core.evaluation.plot import picture

        return picture(evaluation, theme.value)
    if form == Form.html:
        from raft_core.evaluation.page import html

        return html(evaluation, others).encode()
    if form == Form.json:
        return (to_json(evaluation.as_json(), indent=2) + "\n").encode()
    from raft_core.evaluation.report import markdown

    return markdown(evaluation).encode()


def _form_of(out: Path | None) -> Form:
    if out is None:
        return Form.text
    ending = out.suffix.removeprefix(".").lower()
    return Form("html" if ending == "htm" else ending) if ending in {*Form, "htm"} else Form.md


def _write(path: Path, data: bytes) -> None:
    from raft_core.files import write_bytes

    write_bytes(path, data)
    stderr().print(f"written: {path}", markup=False, soft_wrap=True)


def _show_plan(console: Console, plan: dict[str, Any]) -> None:
    for name in plan["adapters"]:
        console.print(name, markup=False, soft_wrap=True)
    lengths = " and ".join(map(str, plan["max_new_tokens"]))
    asked = f"{plan['limit']} questions" if plan["limit"] else "all questions"
    console.print(f"{len(plan['adapters'])} adapters, each asked {asked} at {lengths} new tokens; train with --dataset ID")  # fmt: skip


def _show_grid(console: Console, table: dict[str, Any], out: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from raft_core.jobs.grid import told

    shown = Table(box=None, header_style="bold")
    for heading in (
        "base",
        "bits",
        "rank",
        "layers",
        "seed",
        "tokens",
        "base F1",
        "F1",
        "difference",
        "p",
        "cut off",
    ):
        shown.add_column(heading)
    for row in table["rows"]:
        difference = row["difference"]
        cells = (
            row["base"],
            row["bits"],
            row["rank"],
            told(row["target_modules"]),
            row["training_seed"],
            row["max_new_tokens"],
            f"{row['base_f1']['mean']:.3f}",
            f"{row['f1']['mean']:.3f}",
            f"{difference['mean']:+.3f}",
            f"{difference['p_holm']:.2g}",
            f"{row['truncated']:.1%}",
        )
        shown.add_row(*(Text(str(cell)) for cell in cells))
    console.print(shown)
    console.print(
        "p: corrected for the number of adapters (Holm); from 0.05 on a difference is not significant"
    )
    for effect in table["effects"]:
        console.print(_effect(effect), markup=False, soft_wrap=True)
    console.print(
        f"written: {out / 'grid.json'}; draw it with: raftbot eval figure {out / 'grid.json'}", markup=False
    )


def _effect(effect: dict[str, Any]) -> str:
    from raft_core.jobs.grid import told

    where = f" at {effect['max_new_tokens']} tokens" if effect["max_new_tokens"] else ""
    sure = "" if effect["significant"] else ", not significant"
    interval = f"[{effect['low']:.3f}, {effect['high']:.3f}]"
    return (
        f"{effect['setting']} {told(effect['b'])} instead of {told(effect['a'])}: {effect['mean']:+.3f} {interval}, "
        f"p = {effect['p_holm']:.2g}{sure} (over all other settings and seeds{where})"
    )
