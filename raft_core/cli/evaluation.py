"""`raftbot eval` and `raftbot score`: HotpotQA's F1, of served models and of prediction files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raft_core.cli.common import Enqueue, Guild, Json, command, emit, progress, settings, stderr

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.evaluation.result import Evaluation

app = typer.Typer(help="Score models on questions in HotpotQA's format.")


@app.callback(invoke_without_command=True)
@command
def evaluate(
    context: typer.Context,
    *,
    data: Annotated[
        str,
        typer.Option(
            metavar="FILE|pocket", help="Questions in HotpotQA's format, or pocket's held-out ones."
        ),
    ] = "pocket",
    models: Annotated[
        str, typer.Option(metavar="NAME,…", help="Who answers: base, and ids of adapters.")
    ] = "base",
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many questions, drawn with the seed; all without it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the questions and the resamples.")] = 0,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="rag|raft", help="One prompt for all models, not the base's better one."),
    ] = None,
    max_new_tokens: Annotated[int | None, typer.Option(min=1, help="Where answers are cut off.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Also write report, chart and answers here."),
    ] = None,
    guild: Guild = "local",
    enqueue: Enqueue = False,
    as_json: Json = False,
) -> None:
    """Score the base and tuned models on the same questions, with intervals and paired differences."""
    if context.invoked_subcommand is not None:
        return
    from raft_core.cli.answering import split_models
    from raft_core.jobs import evaluate as job

    if prompt not in {None, "rag", "raft"}:
        raise typer.BadParameter("use rag or raft", param_hint="--prompt")
    configured = settings()
    what = job.EvaluationSettings(data, tuple(split_models(models)), limit, seed, prompt, max_new_tokens)
    if enqueue:
        from raft_core.cli.jobs import send
        from raft_core.jobs.specs import evaluate_spec

        if out is not None:
            raise typer.BadParameter("--out and --enqueue do not go together: a worker may run elsewhere")
        return send("evaluate", guild, evaluate_spec(configured, guild, what), as_json=as_json)
    with progress() as report:
        evaluation = job.evaluate(configured, guild, what, out=out, report=report)
    folder = out or configured.guild_dir(guild) / "evaluations" / evaluation.id
    emit(evaluation.as_json(), as_json=as_json, human=lambda console: _show(console, evaluation, folder))


@app.command("list")
@command
def list_evaluations(guild: Guild = "local", as_json: Json = False) -> None:
    """List the guild's evaluations."""
    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        results = registry.evaluations.list(guild)
    emit(results, as_json=as_json, human=lambda console: _draw_list(console, results))


@app.command()
@command
def show(
    evaluation_id: Annotated[str, typer.Argument(metavar="ID", help="An evaluation's id, or its beginning.")],
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Show an evaluation; with --json also how every question was answered."""
    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        result = registry.evaluations.get(guild, evaluation_id)
        samples = registry.evaluations.samples(guild, result["id"])
    emit(
        {**result, "samples": samples},
        as_json=as_json,
        human=lambda console: _draw_list(console, [result]),
    )


@app.command("task-path")
def task_path() -> None:
    """Print the folder for `lm_eval --include_path`."""
    from importlib.resources import files

    typer.echo(str(files("raft_core") / "evaluation" / "tasks"))


@command
def score(
    gold: Annotated[Path, typer.Option(metavar="FILE", help="Gold records in HotpotQA's format.")],
    pred: Annotated[Path, typer.Option(metavar="FILE", help='Predictions: {"answer": {id: text}, "sp": …}.')],
    as_json: Json = False,
) -> None:
    """Score a prediction file exactly as HotpotQA's official script does."""
    from raft_core.evaluation.data import read_gold, read_predictions
    from raft_core.evaluation.hotpotqa import score_predictions

    result = score_predictions(read_gold(gold), read_predictions(pred))
    if result["missing"] or result["unexpected"]:
        stderr().print(
            f"{result['missing']} of {result['n']} questions have no prediction and score 0; "
            f"{result['unexpected']} predictions belong to no question",
            soft_wrap=True,
        )
    emit(result, as_json=as_json, human=lambda console: _show_score(console, result))


def _draw_list(console: Console, results: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("id", "data", "n", "model", "prompt", "F1", "95 %", "EM", "made", box=None)
    for result in results:
        for name, score in result["models"].items():
            interval = f"{score['f1_low']:.3f} to {score['f1_high']:.3f}"
            scores = (f"{score['f1']:.3f}", interval, f"{score['em']:.3f}", result["created_at"])
            cells = (result["id"], result["data"], str(result["n"]), name, score["prompt"])
            table.add_row(*cells, *scores)
    console.print(table if results else "no evaluations yet", markup=False)


def _show_score(console: Console, result: dict[str, float | int]) -> None:
    for name, value in result.items():
        console.print(f"{name:<13}{value if isinstance(value, int) else f'{value:.4f}'}", markup=False)


def _show(console: Console, evaluation: Evaluation, folder: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from raft_core.evaluation.wording import coverage, verdict

    table = Table(box=None, header_style="bold")
    for heading in ("model", "prompt", "F1", "95 %", "EM", "cut off", "no tag"):
        table.add_column(heading, justify="left" if heading in {"model", "prompt"} else "right")
    for name, prompts in evaluation.prompts.items():
        for each in prompts.values():
            better = len(prompts) > 1 and each is evaluation.models[name]
            interval = f"{each.f1_low:.3f} to {each.f1_high:.3f}"
            cells = (name, each.prompt + (" (better)" if better else ""), f"{each.f1:.3f}", interval)
            rates = (f"{each.em:.3f}", f"{each.truncated:.1%}", f"{each.untagged:.1%}")
            table.add_row(*(Text(cell) for cell in (*cells, *rates)))
    console.print(Text(coverage(evaluation.circumstances)), soft_wrap=True)
    console.print(table)
    for difference in evaluation.differences:
        console.print(Text(f"{difference.b} against {difference.a}: {verdict(difference)}"), soft_wrap=True)
    console.print(Text(f"report, chart and every answer: {folder}"), soft_wrap=True)
