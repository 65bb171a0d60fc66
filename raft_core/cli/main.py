"""The `raftbot` command. Only typer is imported here: every command loads what it needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from raft_core.cli import (
    answering,
    bot,
    dataset,
    demo,
    docs,
    evaluation,
    export,
    jobs,
    machine,
    models,
    reports,
    reproduce,
    serving,
    training,
    worker,
)
from raft_core.cli.common import set_up_logging

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Teach a language model your community's documents, and see with honest numbers whether it learnt them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from raft_core import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more, on stderr.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Set up logging for every command."""
    set_up_logging(verbose)


app.command("demo")(demo.demo)
app.add_typer(docs.app, name="docs")
app.add_typer(dataset.app, name="dataset")
app.add_typer(models.app, name="models")
app.command("train")(training.train)
app.command("export")(export.export)
app.command("serve")(serving.serve)
app.command("ask")(answering.ask)
app.add_typer(evaluation.app, name="eval")
evaluation.app.command("report")(reports.report)
evaluation.app.command("grid")(reports.grid)
evaluation.app.command("figure")(reports.figure)
app.add_typer(reproduce.app, name="reproduce")
app.command("score")(evaluation.score)
app.command("worker")(worker.worker)
app.command("bot")(bot.bot)
app.command("pipeline")(jobs.pipeline)
app.add_typer(jobs.app, name="jobs")
app.command("up")(machine.up)
app.command("status")(machine.status)
app.command("doctor")(machine.doctor)


def run() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    run()
