"""Who answers: the base, and this server's own adapters and no others, whatever the model server knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from raft_core.errors import RaftError
from raft_core.records import BASE

if TYPE_CHECKING:
    from bot.services import Services


async def full_names(services: Services, guild: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the full names of the base or of the guild's adapters, which may be given by their beginning.

    Raises:
        UnknownModel: the guild has no such adapter.
        RaftError: one is named twice.
    """
    found = [await _full_name(services, guild, name.strip()) for name in names]
    if len(set(found)) != len(found):
        raise RaftError("these are the same model", remedy="choose two different ones")
    return tuple(found)


async def default_model(services: Services, guild: str) -> str:
    """Return who answers where nobody is named: the server's choice, its newest adapter, or the base."""
    chosen = (await services.guild_settings(guild)).default_model
    if chosen == BASE or (chosen and await _newest(services, guild, chosen)):
        return chosen
    return await _newest(services, guild) or BASE


async def one_model(services: Services, guild: str, name: str | None) -> list[str]:
    """Return who answers a question: the one that is named, or the server's own."""
    return [name or await default_model(services, guild)]


async def two_models(services: Services, guild: str, a: str | None, b: str | None) -> list[str]:
    """Return whom to compare: what is not named is the base, or beside it the server's own adapter.

    Raises:
        RaftError: there is no adapter to compare the base with.
    """
    own = await default_model(services, guild)
    if own == BASE:
        own = await _newest(services, guild) or BASE
    first = a or (own if b == BASE else BASE)
    second = b or (own if first == BASE else BASE)
    if first == second == BASE:
        raise RaftError(
            "there is no adapter yet to compare the base with", remedy="train one with `/pipeline`"
        )
    return [first, second]


async def _full_name(services: Services, guild: str, name: str) -> str:
    if name.lower() == BASE:
        return BASE
    return (await services.look(services.registry.adapters.get, guild, name)).id


async def _newest(services: Services, guild: str, text: str = "") -> str:
    found = await services.look(services.registry.adapters.search, guild, text, 1)
    return found[0].id if found else ""
