"""`raftbot export`: an adapter as a plain model folder, or on a hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Guild, Json, command, emit, settings

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.jobs.publish import Upload


@command
def export(
    adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="Its id, or the beginning of it.")],
    merged: Annotated[
        Path | None,
        typer.Option("--merged", metavar="DIR", help="Write base and adapter as one 16-bit model here."),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            "--push", metavar="OWNER/NAME", help="Put it on the hub: merged where --merged is given."
        ),
    ] = None,
    push_dataset: Annotated[
        str | None,
        typer.Option(
            "--push-dataset", metavar="OWNER/NAME", help="Put its data set, your documents' text, on the hub."
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everyone see new repositories; else they are private.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be put where.")] = False,
    guild: Guild = "local",
    as_json: Json = False,
) -> None:
    """Write an adapter as a model that needs no adapter, or put it and its data set on a Hugging Face hub."""
    from raft_core.jobs import publish
    from raft_core.jobs.catalogue import find_adapter, find_dataset

    if not (merged or push or push_dataset):
        raise typer.BadParameter(
            "say where to: --merged DIR, --push OWNER/NAME, or --push-dataset OWNER/NAME"
        )
    chosen = settings()
    info = find_adapter(chosen, guild, adapter)
    if merged and not dry_run:
        from raft_core.training.merge import merge

        merge(info, merged, chosen.home)
    uploads = []
    if push:
        whole = merged if merged and merged.is_dir() else None
        uploads.append(publish.merged_upload(whole, push) if whole else publish.adapter_upload(info, push))
    if push_dataset:
        uploads.append(publish.dataset_upload(find_dataset(chosen, guild, info.dataset), push_dataset))
    urls = {upload.repo: "" if dry_run else publish.push(upload, public=public) for upload in uploads}
    value = {
        "adapter": info.id,
        "merged": merged,
        "uploads": [
            {"repo": each.repo, "kind": each.kind, "files": sorted(each.files), "url": urls[each.repo]}
            for each in uploads
        ],
    }
    emit(value, as_json=as_json, human=lambda console: _draw(console, merged, uploads, urls))


def _draw(console: Console, merged: Path | None, uploads: list[Upload], urls: dict[str, str]) -> None:
    if merged:
        console.print(f"{merged}", markup=False, soft_wrap=True)
    for upload in uploads:
        console.print(f"{urls[upload.repo] or f'would go to the {upload.kind} {upload.repo}'}:", markup=False)
        for name in sorted(upload.files):
            console.print(f"  {name}", markup=False)
