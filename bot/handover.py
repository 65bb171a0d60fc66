"""Files that members hand over: checked by size before they are fetched, streamed to the disk, put into the queue."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord
import httpx

from bot import cards
from bot.access import check_quota, guild_of, has_level, quota_of, require
from bot.health import need_store, need_worker
from bot.permissions import need_to_post
from raft_core.documents.names import safe_name
from raft_core.errors import DocumentError, UnreadableDocument
from raft_core.markup import printable
from raft_core.openai.client import certificates

if TYPE_CHECKING:
    from bot.client import RaftBot
    from bot.services import Services
    from bot.settings import GuildSettings

Json = dict[str, Any]

MIB = 1 << 20
BLOCK = 256 * 1024
"""Bytes of a file that are in memory at a time."""
FETCH_S = 30.0
"""Silence after which a file is given up."""
DAY_S = 24 * 3600


async def hand_over(
    interaction: discord.Interaction[RaftBot],
    files: Sequence[discord.Attachment],
    *,
    title: str = "",
    consent: bool,
) -> None:
    """Take files into the knowledge base: what they come to is told by the job's card.

    The interaction must have been deferred or answered, ephemerally.

    Raises:
        NotAllowed, CannotHere, TooOften: the member or the bot may not.
        StoreError, JobError: the document store or the workers are down.
        DocumentError: none of the files can be taken.
    """
    guild = guild_of(interaction)
    settings = await require(interaction, "contributor")
    need_to_post(interaction)
    await need_store(interaction.client.services)
    await need_worker(interaction.client.services)
    await _need_quota(interaction, settings, len(files))
    small, rejected = sort_out(files, settings.max_file_mb)
    await interaction.edit_original_response(content=f"⏳ Fetching {_files(len(small))} …", view=None)
    spec = await _spec(interaction.client.services, guild, small, rejected)
    spec |= {"by": str(interaction.user.id), "consent": consent, "title": printable(title).strip()}
    spec["of_others"] = has_level(interaction.user, settings, "curator")
    await cards.start(interaction, "ingest", spec, confirm=False)


def sort_out(
    files: Sequence[discord.Attachment], max_mb: float
) -> tuple[list[discord.Attachment], list[dict[str, str]]]:
    """Return what is small enough to be fetched, and what is not, with the reason.

    Raises:
        DocumentError: nothing is.
    """
    limit = int(max_mb * MIB)
    large = [file for file in files if file.size > limit]
    rejected = [
        {
            "path": file.filename,
            "reason": f"it has {file.size / MIB:.1f} MiB, and {max_mb:g} MiB is the limit here",
        }
        for file in large
    ]
    if len(large) == len(files):
        first = rejected[0] if rejected else {"path": "nothing", "reason": "was handed over"}
        raise DocumentError(
            f"{first['path']}: {first['reason']}", remedy="hand over smaller files, or parts of it"
        )
    return [file for file in files if file.size <= limit], rejected


async def _need_quota(
    interaction: discord.Interaction[RaftBot], settings: GuildSettings, wanted: int
) -> None:
    services = interaction.client.services
    since = datetime.now(UTC).timestamp() - DAY_S
    asked = services.registry.jobs.requested_since
    found = await services.look(asked, guild_of(interaction), str(interaction.user.id), since)
    times = [datetime.fromtimestamp(each.at, UTC).isoformat() for each in found for _ in range(each.files)]
    check_quota("document", times, quota_of(interaction.user, settings).documents, wanted)


async def _spec(
    services: Services, guild: str, files: Sequence[discord.Attachment], rejected: list[dict[str, str]]
) -> Json:
    """Fetch files and keep them for an ingestion.

    Raises:
        DocumentError: none could be fetched.
    """
    folder = Path(await services.run(_make_folder, services, guild))
    try:
        paths = []
        for number, file in enumerate(files):
            path = folder / str(number) / safe_name(file.filename)
            try:
                await _fetch(services, file, path)
                paths.append(path)
            except UnreadableDocument as error:
                rejected.append({"path": file.filename, "reason": error.reason})
        if not paths:
            first = rejected[0]
            raise DocumentError(f"cannot take {first['path']}: {first['reason']}", remedy="try again")
        spec = await services.run(_kept, services, guild, paths)
    finally:
        await services.run(shutil.rmtree, folder, ignore_errors=True)
    return spec | {"rejected": [*rejected, *spec["rejected"]]}


def _make_folder(services: Services, guild: str) -> str:
    # Within the home: the temporary files of many systems lie in memory.
    incoming = services.settings.guild_dir(guild) / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return tempfile.mkdtemp(dir=incoming)


async def _fetch(services: Services, file: discord.Attachment, path: Path) -> None:
    """Stream an attachment to the disk; discord.py itself would hold it in memory.

    Raises:
        UnreadableDocument: Discord does not give it, or more than it announced.
    """
    await services.run(path.parent.mkdir)
    gone = UnreadableDocument(file.filename, "Discord did not give it; hand it over again")
    target = await services.run(path.open, "wb")
    try:
        async with _client() as client, client.stream("GET", file.url) as answer:
            if not answer.is_success:
                raise gone
            received = 0
            async for block in answer.aiter_bytes(BLOCK):
                received += len(block)
                if received > file.size:
                    raise UnreadableDocument(file.filename, "it is larger than Discord said")
                await services.run(target.write, block)
        if received < file.size:
            raise gone
    except httpx.HTTPError as error:
        raise gone from error
    finally:
        await services.run(target.close)


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=FETCH_S, verify=certificates())


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def _kept(services: Services, guild: str, paths: Sequence[Path]) -> Json:
    from raft_core.jobs.specs import ingest_spec

    return ingest_spec(services.settings, guild, paths, source=lambda path: path.name)
