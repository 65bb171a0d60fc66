"""`raftbot train`: a data set becomes an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Enqueue, Guild, Json, command, emit, progress, settings

if TYPE_CHECKING:
    from rich.console import Console


@command
def train(
    *,
    dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="The data set to learn.")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="A YAML recipe; see recipes/.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="NAME",
            help="The base model: a known name (raftbot models list), a folder, or a hub id.",
        ),
    ] = None,
    rank: Annotated[int | None, typer.Option("--rank", min=1, help="LoRA rank.")] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="LoRA alpha.")] = None,
    dropout: Annotated[float | None, typer.Option("--dropout", help="LoRA dropout.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Training epochs.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Peak learning rate.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Batch size per device.")
    ] = None,
    accumulation: Annotated[
        int | None, typer.Option("--accumulation", min=1, help="Gradient accumulation steps.")
    ] = None,
    bits: Annotated[int | None, typer.Option("--bits", help="16, or 4 for an NF4 base.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of the weights, the order of rows, and dropout.")
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            "--max-length", min=1, metavar="TOKENS", help="The longest row; the base's limit by default."
        ),
    ] = None,
    skip_long: Annotated[
        bool, typer.Option("--skip-long", help="Leave out rows that are too long, and count them.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Copy the finished adapter to this folder too."),
    ] = None,
    guild: Guild = "local",
    enqueue: Enqueue = False,
    as_json: Json = False,
) -> None:
    """Train a LoRA adapter on a data set. Interrupted or killed, the same command goes on where it was."""
    from raft_core.jobs.train import train_adapter
    from raft_core.training.recipe import load_recipe

    if out is not None:
        if enqueue:
            raise typer.BadParameter("--out and --enqueue do not go together: a worker may run elsewhere")
        _check_new(out)
    where = settings()
    resolved = load_recipe(
        recipe,
        settings=where,
        base=base,
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        num_train_epochs=epochs,
        learning_rate=learning_rate,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        bits=bits,
        seed=seed,
        max_length=max_length,
        skip_long=skip_long or None,
    )
    if enqueue:
        from raft_core.cli.jobs import send
        from raft_core.jobs.specs import train_spec

        return send("train", guild, train_spec(where, guild, dataset, resolved), as_json=as_json)
    with progress() as report:
        info = train_adapter(where, guild, dataset, resolved, report)
    if out is not None:
        _copy(Path(info.path), out)

    def human(console: Console) -> None:
        console.print(
            f"[bold]{info.id}[/] trained on {info.rows} rows of {info.dataset}, loss {info.loss:.3f}"
        )
        if info.left_out:
            console.print(f"{info.left_out} rows were left out as too long")
        if info.validation_loss is not None:
            console.print(
                f"validation loss {info.validation_loss:.3f} on {info.validation_rows} rows, best at step {info.best_step}"
            )
        console.print(f"{info.tokens:,} tokens in {info.seconds:.0f} s, {info.cost_usd:.2f} USD")
        console.print(f"{out or info.path}", markup=False, soft_wrap=True)

    emit(info, as_json=as_json, human=human)


def _check_new(target: Path) -> None:
    from raft_core.errors import StorageError

    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StorageError(f"{target} exists and is not empty", remedy="give --out a new folder")


def _copy(source: Path, target: Path) -> None:
    import shutil

    from raft_core.files import translated_os_errors

    with translated_os_errors(target):
        shutil.copytree(source, target, dirs_exist_ok=True)
