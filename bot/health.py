"""Which of the servers behind the bot are up, asked all at once and never for longer than a moment."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from raft_core.errors import EndpointError, JobError, RegistryError, StoreError
from raft_core.openai.client import certificates

if TYPE_CHECKING:
    from bot.services import Services

ANSWER_S = 2.0
"""Members get an answer within three seconds, also where something is down."""
SILENT_S = 30.0
"""A worker that has not been heard of for so long is down."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What a guild has, and how many workers work for all; `jobs` counts by state."""

    workers: int
    jobs: Mapping[str, int]
    documents: int
    datasets: int
    adapters: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What runs; `holds` is None where the database does not answer. `free_bytes` are of the home's disk."""

    chroma: bool
    models: bool
    holds: Holds | None
    free_bytes: int


async def look_around(services: Services, guild: str) -> Seen:
    """Return what is up and what a guild has."""
    chroma, models, holds = await asyncio.gather(
        chroma_answers(services), models_answer(services), _holds(services, guild)
    )
    return Seen(chroma, models, holds, shutil.disk_usage(services.settings.home).free)


async def _holds(services: Services, guild: str) -> Holds | None:
    registry = services.registry
    try:
        return Holds(
            await workers_alive(services),
            await services.look(registry.jobs.counts, guild),
            await services.look(registry.documents.count, guild),
            await services.look(registry.datasets.count, guild),
            await services.look(registry.adapters.count, guild),
        )
    except RegistryError:
        return None


async def need_store(services: Services) -> None:
    """Return when Chroma answers.

    Raises:
        StoreError: it does not.
    """
    if not await chroma_answers(services):
        raise StoreError("the document store is down", remedy="it may be back in a minute: try again")


async def need_models(services: Services) -> None:
    """Return when both Chroma and the model server answer.

    Raises:
        StoreError, EndpointError: one does not; says which.
    """
    chroma, models = await asyncio.gather(chroma_answers(services), models_answer(services))
    if not chroma:
        raise StoreError("the document store is down", remedy="it may be back in a minute: try again")
    if not models:
        raise EndpointError("", "is down", remedy="it may be back in a minute: try again")


async def need_worker(services: Services) -> None:
    """Return when a worker is there to do a job.

    Raises:
        JobError: none is.
    """
    if not await workers_alive(services):
        raise JobError("no worker is running", remedy="whoever runs this bot starts one with: raftbot up")


async def chroma_answers(services: Services) -> bool:
    """Return whether Chroma's server answers; without one the bot cannot read documents."""
    url = services.settings.chroma_url
    return bool(url) and await _answers(f"{url}".rstrip("/") + "/api/v2/heartbeat")


async def models_answer(services: Services) -> bool:
    """Return whether the model server answers."""
    url = services.settings.model_server_url
    return bool(url) and await _answers(f"{url}".rstrip("/").removesuffix("/v1") + "/health")


async def workers_alive(services: Services) -> int:
    """Return how many workers have been heard of lately."""
    found = await services.look(services.registry.workers.all)
    return sum(bool(worker.pid) and silent_s < SILENT_S for worker, silent_s in found)


_under_way: dict[str, asyncio.Task[bool]] = {}
"""Whom is being asked: many members who ask at once share one look."""


async def _answers(url: str) -> bool:
    if (task := _under_way.get(url)) is None:
        task = _under_way[url] = asyncio.create_task(_look(url))
        task.add_done_callback(lambda _: _under_way.pop(url, None))
    return await asyncio.shield(task)


async def _look(url: str) -> bool:
    async with httpx.AsyncClient(timeout=ANSWER_S, verify=certificates()) as client:
        try:
            return (await client.get(url)).status_code < httpx.codes.INTERNAL_SERVER_ERROR
        except httpx.HTTPError:
            return False
