"""`raftbot docs`: what the community's knowledge base holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Enqueue, Guild, Json, command, emit, progress, settings, user
from raft_core.errors import DocumentError

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.jobs.ingest import IngestResult
    from raft_core.jobs.removal import Removal
    from raft_core.records import Chunk, DocumentInfo

app = typer.Typer(no_args_is_help=True, help="Add, list, show and remove documents.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The document's id, or the beginning of it.")]


@app.command()
@command
def add(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Files and folders; folders with all below.")
    ] = None,
    hotpotqa: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Add the paragraphs of a file of questions, in HotpotQA's or another layout, without its questions.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Take at most N paragraphs of the HotpotQA file.")
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TITLE", help="The title of a single file, in place of the one it bears.")
    ] = "",
    consent: Annotated[
        bool | None,
        typer.Option(
            "--consent/--no-consent",
            help="Whether models may be trained on them; by default as before, and yes for new ones.",
            show_default=False,
        ),
    ] = None,
    guild: Guild = "local",
    enqueue: Enqueue = False,
    as_json: Json = False,
) -> None:
    """Add documents: PDF, Word, PowerPoint, Excel, HTML, Markdown, text, CSV, JSON."""
    if not paths and hotpotqa is None:
        raise typer.BadParameter("name a file or a folder, or give --hotpotqa FILE")
    if limit is not None and hotpotqa is None:
        raise typer.BadParameter("--limit goes with --hotpotqa FILE")
    if enqueue:
        from raft_core.cli.jobs import send
        from raft_core.jobs.specs import ingest_spec

        spec = ingest_spec(
            settings(),
            guild,
            paths or [],
            hotpotqa=hotpotqa,
            limit=limit,
            by=user(),
            consent=consent,
            title=title,
        )
        return send("ingest", guild, spec, as_json=as_json)
    from raft_core.jobs.ingest import ingest

    with progress() as report:
        result = ingest(
            paths or [],
            settings(),
            guild,
            hotpotqa=hotpotqa,
            limit=limit,
            by=user(),
            consent=consent,
            title=title,
            report=report,
        )
    rejected = [{"path": left_out.what, "reason": left_out.reason} for left_out in result.rejected]
    value = {
        "added": result.added,
        "replaced": result.replaced,
        "unchanged": result.unchanged,
        "consent_changed": result.consent_changed,
        "rejected": rejected,
    }
    emit(value, as_json=as_json, human=lambda console: _draw_result(console, result))
    if rejected and not (result.added or result.unchanged):
        first = result.rejected[0]
        raise DocumentError(f"nothing was added; {first.what}: {first.reason}")


@app.command("list")
@command
def list_(guild: Guild = "local", as_json: Json = False) -> None:
    """List the documents."""
    from raft_core.jobs.catalogue import open_registry

    with open_registry(settings(), guild) as registry:
        infos = registry.documents.list(guild)
    emit(infos, as_json=as_json, human=lambda console: _draw_list(console, infos))


@app.command()
@command
def show(document_id: Id, guild: Guild = "local", as_json: Json = False) -> None:
    """Show one document: what is known of it, what learnt from it, and its chunks."""
    from dataclasses import asdict

    from raft_core.jobs.catalogue import open_registry
    from raft_core.store.chunks import ChunkStore

    with open_registry(settings(), guild) as registry:
        info = registry.documents.get(guild, document_id)
        provenance = registry.documents.provenance(guild, info.id)
        learnt = registry.documents.learnt_from(guild, info.id)
    with ChunkStore(settings(), guild) as store:
        chunks = store.of_document(info.id)
    value = {**asdict(info), **asdict(provenance), **asdict(learnt), "chunks": chunks}
    emit(value, as_json=as_json, human=lambda console: _draw_document(console, info, chunks))


@app.command()
@command
def remove(document_id: Id, guild: Guild = "local", as_json: Json = False) -> None:
    """Remove one document with its chunks and vectors, and name what learnt from it."""
    from raft_core.jobs.removal import remove_document

    removal = remove_document(settings(), guild, document_id)
    emit(removal, as_json=as_json, human=lambda console: _draw_removal(console, removal))


def _draw_result(console: Console, result: IngestResult) -> None:
    for verb, infos in (("added", result.added), ("unchanged", result.unchanged)):
        for info in infos:
            console.print(
                f"{verb}  {info.id}  {info.title}  ({_count(info.chunks, 'chunk')}{_unread(info)})",
                markup=False,
                soft_wrap=True,
            )
    for old in result.replaced:
        learnt = "".join(f"; {each} learnt from it" for each in (*old.datasets, *old.adapters))
        console.print(
            f"replaced  {old.id}  {old.title}: older version of {old.by}{learnt}",
            markup=False,
            soft_wrap=True,
        )
    for changed in result.consent_changed:
        console.print(f"consent changed  {changed}")
    for left_out in result.rejected:
        console.print(f"left out  {left_out.what}: {left_out.reason}", markup=False, soft_wrap=True)
    replaced = f"{len(result.replaced)} older versions replaced, " if result.replaced else ""
    counts = f"{len(result.added)} added, {replaced}{len(result.unchanged)} unchanged, {len(result.rejected)} left out"
    console.print(counts, style="bold")


def _unread(info: DocumentInfo) -> str:
    return f"; {', '.join(info.unread)} not read" if info.unread else ""


def _draw_removal(console: Console, removal: Removal) -> None:
    console.print(f"removed {removal.title} ({_count(removal.chunks, 'chunk')})", markup=False)
    for kind, ids in (("data set", removal.datasets), ("adapter", removal.adapters)):
        for each in ids:
            console.print(f"the {kind} {each} learnt from it: build and train anew to have it forgotten")


def _draw_list(console: Console, infos: list[DocumentInfo]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not infos:
        console.print("no documents yet; add some with: raftbot docs add PATH…", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "title", "pages", "chunks", "tokens", "added"):
        table.add_column(name, justify="right" if name in ("pages", "chunks", "tokens") else "left")
    for info in infos:
        numbers = (f"{info.pages:,}", f"{info.chunks:,}", f"{info.tokens:,}")
        table.add_row(info.id, Text(info.title), *numbers, info.added_at[:10])
    console.print(table)


def _draw_document(console: Console, info: DocumentInfo, chunks: list[Chunk]) -> None:
    console.print(info.title, style="bold", markup=False)
    console.print(f"{info.id} · {info.media_type} · {info.source}", markup=False)
    size = f"{_count(info.pages, 'page')}, {_count(info.chunks, 'chunk')}, {_count(info.tokens, 'token')}"
    console.print(f"{size}, added {info.added_at}{_unread(info)}", markup=False)
    for chunk in chunks:
        page = "" if chunk.page is None else f", page {chunk.page}"
        console.print(f"\nchunk {chunk.index + 1}{page} ({_count(chunk.tokens, 'token')})", style="dim")
        console.print(chunk.text, markup=False)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
