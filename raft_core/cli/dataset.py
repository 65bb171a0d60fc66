"""`raftbot dataset`: build, look at, and carry RAFT data sets."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raft_core.cli.common import Enqueue, Guild, Json, command, emit, progress, settings

if TYPE_CHECKING:
    from raft_core.records import DatasetInfo

app = typer.Typer(
    no_args_is_help=True, help="Build RAFT data sets from the documents; list, show, export, import."
)


class Label(StrEnum):
    """The label of rows whose oracle is left out."""

    answer = "answer"
    abstain = "abstain"


class Form(StrEnum):
    """The official formats."""

    raft = "raft"
    completion = "completion"
    chat = "chat"
    eval = "eval"


class FileType(StrEnum):
    """The types of file."""

    jsonl = "jsonl"
    parquet = "parquet"


Id = Annotated[str, typer.Argument(metavar="ID", help="A data set's id, or its beginning.")]


@app.command()
@command
def build(
    questions: Annotated[int, typer.Option(min=1, help="Questions a chunk.")] = 1,
    distractors: Annotated[int, typer.Option(min=0, help="Distractors a row.")] = 3,
    p: Annotated[
        float, typer.Option("--p", min=0, max=1, help="Share of rows that show their oracle.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Same seed, same rows.")] = 0,
    generator: Annotated[
        str | None,
        typer.Option(
            metavar="rules|self|URL",
            help="Rules (English only), the served base itself (a billion parameters or more), or an "
            "OpenAI-compatible URL ending in /v1.",
        ),
    ] = None,
    generator_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model to ask there.")
    ] = None,
    chunks: Annotated[
        int | None,
        typer.Option(min=1, help="Ask about N chunks only, a seeded sample; all serve as distractors."),
    ] = None,
    hard: Annotated[
        bool, typer.Option("--hard", help="Nearest chunks of other documents as distractors.")
    ] = False,
    absent_label: Annotated[
        Label, typer.Option(help="Where the oracle is left out: the answer all the same, or abstain.")
    ] = Label.answer,
    force: Annotated[
        bool, typer.Option("--force", help="Let a small base write its own questions (--generator self).")
    ] = False,
    guild: Guild = "local",
    enqueue: Enqueue = False,
    as_json: Json = False,
) -> None:
    """Build a data set from the guild's documents."""
    from raft_core.dataset.builder import BuildSettings
    from raft_core.jobs.build import build_dataset, datasets_dir

    ours = settings(generator=generator, generator_model=generator_model)
    wanted = BuildSettings(
        questions=questions,
        distractors=distractors,
        p=p,
        seed=seed,
        distractor_choice="hard" if hard else "random",
        absent_label=absent_label.value,
        chunks=chunks,
        generator=ours.generator,
        generator_model=ours.generator_model,
        force=force,
    )
    if enqueue:
        from raft_core.cli.jobs import send
        from raft_core.jobs.specs import build_spec

        return send("build", guild, build_spec(wanted), as_json=as_json)
    with progress() as report:
        info = build_dataset(ours, guild, wanted, report)
    _print(info, datasets_dir(ours, guild) / info.id, as_json)


@app.command("list")
@command
def list_datasets(guild: Guild = "local", as_json: Json = False) -> None:
    """List the guild's data sets."""
    from rich.table import Table

    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        infos, forgotten = registry.datasets.list(guild), registry.datasets.forgotten(guild)
    table = Table("id", "rows", "rejected", "cost", "generator", "made", "stale", box=None)
    for info in infos:
        table.add_row(
            info.id,
            str(info.rows),
            str(info.rejected),
            f"${info.cost_usd:.4f}",
            info.generator,
            info.created_at,
            "yes" if info.id in forgotten else "",
        )
    value = [asdict(info) | _marks(info, forgotten) for info in infos]
    emit(value, as_json=as_json, human=lambda console: console.print(table if infos else "no data sets yet"))


@app.command()
@command
def show(dataset_id: Id, guild: Guild = "local", as_json: Json = False) -> None:
    """Show a data set's card."""
    from rich.markdown import Markdown

    from raft_core.dataset import files, formats
    from raft_core.jobs.catalogue import find_dataset, open_registry

    folder = find_dataset(settings(), guild, dataset_id)
    info, rows = files.load_dataset(folder)
    with open_registry(settings(), guild) as registry:
        forgotten = registry.datasets.forgotten(guild)
    value = {
        **asdict(info),
        **_marks(info, forgotten),
        "rejected_by_reason": files.count_reasons(files.load_rejected(folder)),
        "sample": formats.to_row(rows[0], "raft"),
        "path": folder,
    }
    card = (folder / "card.md").read_text(encoding="utf-8")
    emit(value, as_json=as_json, human=lambda console: console.print(Markdown(card)))


@app.command()
@command
def export(
    dataset_id: Id,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write.")],
    form: Annotated[Form, typer.Option("--format", help="An official format.")] = Form.raft,
    file_type: Annotated[FileType, typer.Option("--type", help="The type of file.")] = FileType.jsonl,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Write a data set to a file, in a format of the official code."""
    from raft_core.dataset import files, formats
    from raft_core.jobs.catalogue import find_dataset

    info, rows = files.load_dataset(find_dataset(settings(), guild, dataset_id))
    formats.export(rows, form.value, file_type.value, out)
    value = {**asdict(info), "format": form.value, "type": file_type.value, "path": out}
    emit(
        value, as_json=as_json, human=lambda console: console.print(f"{info.rows} rows → {out}", markup=False)
    )


@app.command("import")
@command
def import_dataset(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL, JSON or Parquet; raft, completion or chat rows.")
    ],
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Read a data set made elsewhere."""
    from raft_core.dataset.importing import import_file
    from raft_core.jobs.build import datasets_dir
    from raft_core.jobs.catalogue import register_dataset

    ours = settings()
    folder = datasets_dir(ours, guild)
    info = import_file(file, folder, guild)
    register_dataset(ours, info)
    _print(info, folder / info.id, as_json)


def _marks(info: DatasetInfo, forgotten: dict[str, tuple[str, ...]]) -> dict[str, object]:
    """Return whether a data set learnt from documents that were removed, and from which."""
    gone = forgotten.get(info.id, ())
    return {"stale": bool(gone), "forgotten": gone}


def _print(info: DatasetInfo, folder: Path, as_json: bool) -> None:
    from raft_core.dataset import files

    reasons = files.count_reasons(files.load_rejected(folder))
    value: dict[str, Any] = {**asdict(info), "rejected_by_reason": reasons, "path": folder}

    def human(console: Any) -> None:
        console.print(
            f"{info.id}: {info.rows} rows, {info.rejected} rejected, {info.tokens} tokens, ${info.cost_usd:.4f}"
        )
        for why, count in reasons.items():
            console.print(f"  {count}: {why}", markup=False)
        console.print(f"look at it with: raftbot dataset show {info.id}")

    emit(value, as_json=as_json, human=human)
