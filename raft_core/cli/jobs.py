"""`raftbot jobs` and `raftbot pipeline`: long work that goes on without this shell."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from raft_core.cli.common import Guild, Json, command, emit, settings, stderr, user

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from raft_core.jobs.queue import Queue
    from raft_core.records import JobInfo

app = typer.Typer(no_args_is_help=True, help="Watch, cancel and resume queued work.")

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or a unique beginning of it.")]

COLOURS = {
    "queued": "dim",
    "running": "yellow",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "magenta",
}
FOLLOW_EVERY_S = 0.5


@contextmanager
def open_queue() -> Iterator[Queue]:
    """Open the queue of the settings' database."""
    from raft_core.jobs.queue import Queue
    from raft_core.registry.registry import Registry

    chosen = settings()
    with Registry(chosen.registry_url) as registry, Queue(chosen, registry) as queue:
        yield queue


def send(kind: str, guild: str, spec: dict[str, Any], *, as_json: bool) -> None:
    """Ask for a job and print its id: what `--enqueue` does."""
    with open_queue() as queue:
        estimated = queue.estimate(kind, guild, spec)
        job = queue.enqueue(kind, guild, spec, user())

    def human(console: Console) -> None:
        told = f"about {estimated.tokens:,} tokens, {span(estimated.seconds)}, ${estimated.usd:.2f}"
        guess = "" if estimated.measured else " (a guess: nothing of the kind was done here yet)"
        if estimated.tokens:
            console.print(f"this will take {told}{guess}", markup=False, soft_wrap=True)
        watch = f"raftbot jobs watch {job.id}"
        console.print(f"{job.id} is queued; watch it with: {watch}", markup=False, soft_wrap=True)

    emit({"job": job.id, "estimate": estimated}, as_json=as_json, human=human)


@command
def pipeline(
    *,
    chunks: Annotated[int | None, typer.Option(min=1, help="Ask about N chunks only.")] = None,
    questions: Annotated[int, typer.Option(min=1, help="Questions a chunk.")] = 1,
    distractors: Annotated[int, typer.Option(min=0, help="Distractors a row.")] = 3,
    p: Annotated[
        float, typer.Option("--p", min=0, max=1, help="Share of rows that show their oracle.")
    ] = 1.0,
    recipe: Annotated[Path | None, typer.Option(metavar="FILE", help="A YAML recipe; see recipes/.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs.")] = None,
    data: Annotated[
        str, typer.Option(metavar="FILE|sample", help="What the base and the adapter are scored on.")
    ] = "sample",
    limit: Annotated[int | None, typer.Option(min=1, help="How many questions.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all stages.")] = 0,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Queue build → train → load → evaluate as one job."""
    from raft_core.dataset.builder import BuildSettings
    from raft_core.jobs.evaluate import EvaluationSettings
    from raft_core.jobs.specs import pipeline_spec
    from raft_core.records import BASE
    from raft_core.training.recipe import load_recipe

    ours = settings()
    build = BuildSettings(
        questions=questions,
        distractors=distractors,
        p=p,
        seed=seed,
        chunks=chunks,
        generator=ours.generator,
        generator_model=ours.generator_model,
    )
    resolved = load_recipe(recipe, settings=ours, num_train_epochs=epochs, seed=seed)
    what = EvaluationSettings(data, (BASE,), limit=limit, seed=seed)
    send("pipeline", guild, pipeline_spec(ours, guild, build, resolved, what), as_json=as_json)


@app.command("list")
@command
def list_jobs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    with open_queue() as queue:
        jobs = queue.list(guild, limit)
    emit(jobs, as_json=as_json, human=lambda console: console.print(table(jobs) if jobs else "no jobs yet"))


@app.command()
@command
def show(job_id: JobId, guild: Guild = "local", as_json: Json = False) -> None:
    """Show one job."""
    with open_queue() as queue:
        job = queue.find(guild, job_id)
    emit(job, as_json=as_json, human=lambda console: _show(console, job))


@app.command()
@command
def watch(job_id: JobId, guild: Guild = "local", as_json: Json = False) -> None:
    """Follow a job until it is over; Ctrl-C only ends the watching."""
    import asyncio

    from rich.live import Live

    async def follow(queue: Queue, exact: str) -> JobInfo:
        console = stderr()
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            async for job in queue.watch(exact):
                live.update(table([job]))
                if not console.is_terminal:
                    console.print(line(job), markup=False, soft_wrap=True)
        return job

    with open_queue() as queue:
        job = asyncio.run(follow(queue, queue.find(guild, job_id).id))
    emit(job, as_json=as_json, human=lambda console: _show(console, job))
    if job.state != "succeeded":
        raise typer.Exit(1)


@app.command()
@command
def logs(
    job_id: JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is over.")] = False,
    guild: Guild = "local",
) -> None:
    """Print the output of a job's processes."""
    with open_queue() as queue:
        shown: dict[Path, int] = {}
        while True:
            over = queue.find(guild, job_id).is_over
            for path in queue.logs(guild, job_id):
                shown[path] = _print_from(path, shown.get(path, 0))
            if over or not follow:
                return
            time.sleep(FOLLOW_EVERY_S)


@app.command()
@command
def cancel(job_id: JobId, guild: Guild = "local", as_json: Json = False) -> None:
    """Stop a job; what it finished is kept."""
    with open_queue() as queue:
        job = queue.cancel(guild, job_id)
    emit(job, as_json=as_json, human=lambda console: _show(console, job))


def _resume(job_id: JobId, guild: Guild = "local", as_json: Json = False) -> None:
    """Send a cancelled or failed job on from what it had finished."""
    with open_queue() as queue:
        job = queue.resume(guild, job_id)
    emit(job, as_json=as_json, human=lambda console: _show(console, job))


for name in ("resume", "retry"):  # people say the one of a cancelled and the other of a failed job
    app.command(name)(command(_resume))


def table(jobs: list[JobInfo]) -> Table:
    """Return jobs as a table."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold")
    for heading in ("id", "kind", "state", "%", "time left", "cost", "stage"):
        justify: Literal["left", "right"] = "right" if heading in {"%", "cost", "time left"} else "left"
        # A column that could wrap is the one that gives way on a narrow terminal; its text is cut, not wrapped.
        drawn.add_column(heading, justify=justify, no_wrap=heading != "stage")
    for job in jobs:
        state = Text(job.state + (f", place {job.place}" if job.place else ""), COLOURS[job.state])
        doing = " ".join(part for part in (job.stage, job.detail) if part) or job.reason
        stage = Text(doing, no_wrap=True, overflow="ellipsis")
        left = "" if job.eta_s is None else span(job.eta_s)
        drawn.add_row(job.id, job.kind, state, f"{job.percent:.0f}", left, f"${job.cost_usd:.2f}", stage)
    return drawn


def line(job: JobInfo) -> str:
    """Return a job in one line."""
    place = f" (place {job.place})" if job.place else ""
    left = f", {span(job.eta_s)} left" if job.eta_s is not None else ""
    doing = f" · {job.stage} {job.detail}".rstrip(" ·")
    return f"{job.id} {job.state}{place} {job.percent:.0f} %{left}{doing}"


def _show(console: Console, job: JobInfo) -> None:
    from raft_core.files import to_json

    console.print(line(job), markup=False, soft_wrap=True)
    if job.reason:
        console.print(job.reason, style="red", markup=False, soft_wrap=True)
    if job.state == "succeeded":
        console.print(to_json(job.result, indent=2), markup=False, soft_wrap=True)


def span(seconds: float) -> str:
    """Return a length of time as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print_from(path: Path, position: int) -> int:
    """Print what is new in a file and return where it ends."""
    with path.open("rb") as file:
        file.seek(position)
        typer.echo(file.read(), nl=False)
        return file.tell()
