"""What autocomplete offers: at most 25 of a guild's own things, from one query each; never an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from discord import app_commands

from bot.replies.text import choice_name
from raft_core.jobs.questions import splits as splits_of
from raft_core.records import BASE

if TYPE_CHECKING:
    from bot.client import Interaction
    from bot.services import Services

log = logging.getLogger(__name__)

LIMIT = 25
"""https://discord.com/developers/docs/interactions/application-commands#autocomplete"""

Choices = list[app_commands.Choice[str]]
Search = Callable[["Services", str, str], Coroutine[Any, Any, Sequence[tuple[str, str]]]]
"""(services, guild, what was typed) → (name, value) of what to offer."""


def offer(search: Search) -> Callable[[Interaction, str], Coroutine[Any, Any, Choices]]:
    """Make an autocomplete callback of a search."""

    async def complete(interaction: Interaction, typed: str) -> Choices:
        if interaction.guild_id is None:
            return []
        try:
            found = await search(interaction.client.services, str(interaction.guild_id), typed)
        except Exception as error:  # nobody can be told: the member sees an empty list and may still type
            log.warning(
                "autocomplete of %s failed: %s",
                interaction.command and interaction.command.qualified_name,
                error,
            )
            return []
        return [app_commands.Choice(name=choice_name(name), value=value) for name, value in found[:LIMIT]]

    return complete


async def _documents(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(services.registry.documents.search, guild, typed, LIMIT)
    return [(f"{info.title} · {info.added_at[:10]}", info.id) for info in found]


async def _datasets(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(services.registry.datasets.search, guild, typed, LIMIT)
    return [(f"{info.id} · {info.rows} rows · {info.created_at[:10]}", info.id) for info in found]


async def _adapters(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(services.registry.adapters.search, guild, typed, LIMIT)
    return [(f"{info.id} · {info.base} · {info.created_at[:10]}", info.id) for info in found]


async def _models(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    base = [("base · as it came", BASE)] if typed.strip().lower() in BASE else []
    return base + await _adapters(services, guild, typed)


async def _jobs(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(services.registry.jobs.search, guild, typed, LIMIT)
    return [(f"{kind} · {state} · {job}", job) for job, kind, state in found]


async def _running(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    jobs = services.registry.jobs
    found = await services.look(jobs.search, guild, typed, LIMIT, ("running", "queued"))
    return [(f"{kind} · {state} · {job}", job) for job, kind, state in found]


async def _evaluations(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(services.registry.evaluations.search, guild, typed, LIMIT)
    return [(f"{each.id} · {each.data} · n = {each.n} · {each.created_at[:10]}", each.id) for each in found]


async def _splits(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    found = await services.look(splits_of, services.settings, guild)
    return [(name, name) for name in found if typed.strip().lower() in name.lower()]


documents = offer(_documents)
datasets = offer(_datasets)
adapters = offer(_adapters)
models = offer(_models)
"""The base and the adapters."""
jobs = offer(_jobs)
running_jobs = offer(_running)
evaluations = offer(_evaluations)
splits = offer(_splits)
"""The questions that a guild can be evaluated on."""
