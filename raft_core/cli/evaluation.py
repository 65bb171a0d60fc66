"""`raftbot eval` and `raftbot score`: HotpotQA's F1, of served models and of prediction files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raft_core.cli.common import Enqueue, Guild, Json, command, emit, progress, settings, stderr

if TYPE_CHECKING:
    from raft_core.jobs.draw import EvaluationSettings

app = typer.Typer(help="Score models on questions.")

Data = Annotated[
    str,
    typer.Option(
        metavar="FILE|sample|ID",
        help="Questions in HotpotQA's, the hub's, MuSiQue's, 2WikiMultihopQA's or SQuAD's layout, a data set of the "
        "hub (owner/name:config:split), or the sample exam: sample, and sample-development to choose settings on.",
    ),
]
Models = Annotated[str, typer.Option(metavar="NAME,…", help="Who answers: base, and ids of adapters.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="How many questions, drawn with the seed; all without it.")
]
Seed = Annotated[int, typer.Option(min=0, help="Draws the questions and the resamples.")]
Prompt = Annotated[
    str | None,
    typer.Option(metavar="rag|raft", help="One prompt for all models, not the base's better one."),
]
MaxNewTokens = Annotated[int | None, typer.Option(min=1, help="Where answers are cut off.")]
KeepLeaked = Annotated[
    bool, typer.Option("--keep-leaked", help="Also ask questions that occur in the training data.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", file_okay=False, help="Also write report, chart and answers here."),
]


@app.callback(invoke_without_command=True)
@command
def evaluate(
    context: typer.Context,
    *,
    data: Data = "sample",
    models: Models = "base",
    limit: Limit = None,
    seed: Seed = 0,
    prompt: Prompt = None,
    max_new_tokens: MaxNewTokens = None,
    setting: Annotated[
        str,
        typer.Option(metavar="distractor|oracle|closed-book|retrieval", help="Which paragraphs are shown."),
    ] = "distractor",
    distractors: Annotated[
        int | None, typer.Option(min=0, help="So many beside the gold ones; without it as the records are.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="How many paragraphs retrieval shows.")] = None,
    keep_leaked: KeepLeaked = False,
    taught: Annotated[
        bool,
        typer.Option(
            "--taught",
            help="The paragraphs were taught on purpose: leave out only questions that were trained on.",
        ),
    ] = False,
    out: Out = None,
    guild: Guild = "local",
    enqueue: Enqueue = False,
    as_json: Json = False,
) -> None:
    """Score the base and tuned models on the same questions, with intervals and paired differences."""
    if context.invoked_subcommand is not None:
        return
    from raft_core.cli.tables import show_evaluation
    from raft_core.jobs import evaluate as job

    configured = settings()
    what = _asked(
        data,
        models,
        limit=limit,
        seed=seed,
        prompt=prompt,
        max_new_tokens=max_new_tokens,
        setting=setting,
        distractors=distractors,
        top_k=top_k,
        keep_leaked=keep_leaked,
        taught=taught,
    )
    if enqueue:
        from raft_core.cli.jobs import send
        from raft_core.jobs.specs import evaluate_spec

        if out is not None:
            raise typer.BadParameter("--out and --enqueue do not go together: a worker may run elsewhere")
        return send("evaluate", guild, evaluate_spec(configured, guild, what), as_json=as_json)
    with progress() as report:
        made = job.evaluate(configured, guild, what, out=out, report=report)
    folder = out or configured.guild_dir(guild) / "evaluations" / made.id
    emit(made.as_json(), as_json=as_json, human=lambda console: show_evaluation(console, made, folder))


@app.command()
@command
def sweep(
    *,
    data: Data = "sample",
    models: Models = "base",
    distractors: Annotated[str | None, typer.Option(metavar="N,…", help="For example 0,2,4,8.")] = None,
    top_k: Annotated[str | None, typer.Option(metavar="K,…", help="For example 1,2,4,8.")] = None,
    setting: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="For example distractor,closed-book.")
    ] = None,
    limit: Limit = None,
    seed: Seed = 0,
    prompt: Prompt = None,
    max_new_tokens: MaxNewTokens = None,
    keep_leaked: KeepLeaked = False,
    out: Out = None,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Evaluate in several settings: a dial of distractors, of top-k, or with and without a context."""
    from raft_core.cli.tables import show_sweep
    from raft_core.jobs.sweep import Axis, sweep

    given: dict[Axis, list[int | str]] = {}
    for axis, text in (("distractors", distractors), ("top_k", top_k)):
        if text is not None:
            given[axis] = _numbers(text, f"--{axis.replace('_', '-')}")  # type: ignore[index]  # both are axes
    if setting is not None:
        given["setting"] = [name.strip() for name in setting.split(",")]
    if len(given) != 1:
        raise typer.BadParameter("give one of --distractors, --top-k and --setting, with several values")
    ((axis, values),) = given.items()
    common = {"limit": limit, "seed": seed, "prompt": prompt, "max_new_tokens": max_new_tokens}
    what = _asked(data, models, **common, keep_leaked=keep_leaked)
    with progress() as report:
        made = sweep(settings(), guild, what, axis, values, out=out, report=report)
    emit(made.as_json(), as_json=as_json, human=lambda console: show_sweep(console, made))


@app.command("list")
@command
def list_evaluations(guild: Guild = "local", as_json: Json = False) -> None:
    """List the guild's evaluations."""
    from raft_core.cli.tables import draw_list
    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        results = registry.evaluations.list(guild)
    emit(results, as_json=as_json, human=lambda console: draw_list(console, results))


EvaluationId = Annotated[str, typer.Argument(metavar="ID", help="An evaluation's id, or its beginning.")]


@app.command()
@command
def show(evaluation_id: EvaluationId, guild: Guild = "local", as_json: Json = False) -> None:
    """Show an evaluation; with --json also how every question was answered."""
    from raft_core.cli.tables import draw_list
    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        result = registry.evaluations.get(guild, evaluation_id)
        samples = registry.evaluations.samples(guild, result["id"])
    emit(
        {**result, "samples": samples},
        as_json=as_json,
        human=lambda console: draw_list(console, [result]),
    )


@app.command()
@command
def verify(evaluation_id: EvaluationId, guild: Guild = "local", as_json: Json = False) -> None:
    """Compute an evaluation again from its stored answers; exits with 1 where it does not hold."""
    from raft_core.cli.tables import show_verdict
    from raft_core.jobs.verify import verify_evaluation

    verdict = verify_evaluation(settings(), guild, evaluation_id)
    emit(verdict.as_json(), as_json=as_json, human=lambda console: show_verdict(console, verdict))
    if not verdict.holds:
        raise typer.Exit(1)


@app.command("task-path")
def task_path() -> None:
    """Print the folder for `lm_eval --include_path`."""
    from importlib.resources import files

    typer.echo(str(files("raft_core") / "evaluation" / "tasks"))


@command
def score(
    gold: Annotated[
        Path, typer.Option(metavar="FILE", help="Gold records: a file of questions in any layout.")
    ],
    pred: Annotated[Path, typer.Option(metavar="FILE", help='Predictions: {"answer": {id: text}, "sp": …}.')],
    as_json: Json = False,
) -> None:
    """Score a prediction file exactly as HotpotQA's official script does."""
    from raft_core.cli.tables import show_score
    from raft_core.evaluation.hotpotqa import score_predictions
    from raft_core.evaluation.predictions import read_predictions
    from raft_core.evaluation.questions import read_gold

    result = score_predictions(read_gold(gold), read_predictions(pred))
    if result["missing"] or result["unexpected"]:
        stderr().print(
            f"{result['missing']} of {result['n']} questions have no prediction and score 0; "
            f"{result['unexpected']} predictions belong to no question",
            soft_wrap=True,
        )
    if without := result.get("without_facts"):
        stderr().print(
            f"{without} of {result['n']} gold records have no supporting facts: they count in no score of facts",
            soft_wrap=True,
        )
    emit(result, as_json=as_json, human=lambda console: show_score(console, result))


def _asked(data: str, models: str, **options: Any) -> EvaluationSettings:
    """Return what to evaluate; wrong use is told before anything is read."""
    from raft_core.cli.answering import split_models
    from raft_core.errors import EvaluationError
    from raft_core.jobs.draw import EvaluationSettings

    try:
        return EvaluationSettings(data, tuple(split_models(models)), **options)
    except EvaluationError as error:
        raise typer.BadParameter(f"{error}; {error.remedy}".rstrip("; ")) from error


def _numbers(text: str, option: str) -> list[int | str]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter("give numbers with commas between them", param_hint=option) from error
