"""Who may do what: levels by role, checked in code whatever the server's own permissions say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands

from bot.errors import CannotHere, NotAllowed, OverQuota, Refused, TooOften
from bot.replies.text import count
from bot.settings import LEVELS, GuildSettings, Level, Quota
from raft_core.errors import RaftError

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import JobInfo

T = TypeVar("T")


def guild_of(interaction: discord.Interaction[Any]) -> str:
    """Return the guild that everything asked for belongs to: always Discord's word, never an argument.

    Raises:
        CannotHere: it is a direct message.
    """
    if interaction.guild_id is None:
        raise CannotHere
    return str(interaction.guild_id)


def needs(level: Level) -> Callable[[T], T]:
    """Let a command run only for members of a level or above."""

    async def predicate(interaction: discord.Interaction[RaftBot]) -> bool:
        try:
            await require(interaction, level)
        except RaftError as error:
            raise Refused from error  # discord.py hands only errors of its own to the handler from here
        return True

    return app_commands.check(predicate)


async def require(interaction: discord.Interaction[RaftBot], level: Level) -> GuildSettings:
    """Return the server's settings, for a member of a level or above; for buttons and modals too.

    Raises:
        CannotHere: it is a direct message.
        NotAllowed: the member lacks the level.
    """
    settings = await interaction.client.services.guild_settings(guild_of(interaction))
    if not has_level(interaction.user, settings, level):
        raise NotAllowed(level, _roles(settings, level))
    return settings


async def need_own_job(interaction: discord.Interaction[RaftBot], job_id: str) -> JobInfo:
    """Return a job of the server, for whoever asked for it or may train.

    Raises:
        UnknownJob: the server has no such job.
        NotAllowed: it is another's.
    """
    services = interaction.client.services
    job = await services.look(services.queue.find, guild_of(interaction), job_id)
    if job.requester != str(interaction.user.id):
        await require(interaction, "trainer")
    return job


def has_level(user: discord.abc.User, settings: GuildSettings, level: Level) -> bool:
    """Return whether a member has a level; nobody outside the server has any."""
    if not isinstance(user, discord.Member):
        return False
    if user.guild_permissions.manage_guild:
        return True
    if level == "contributor" and not settings.roles.get("contributor"):
        return True
    return not {role.id for role in user.roles}.isdisjoint(_roles(settings, level))


def _roles(settings: GuildSettings, level: Level) -> list[int]:
    above = LEVELS[LEVELS.index(level) :]
    return [role for each in above for role in settings.roles.get(each, ())]


def quota_of(user: discord.abc.User, settings: GuildSettings) -> Quota:
    """Return the most that one of the member's roles allows, or the server's quota."""
    roles = [str(role.id) for role in user.roles] if isinstance(user, discord.Member) else []
    own = [settings.role_quotas[role] for role in roles if role in settings.role_quotas]
    return Quota(*map(max, zip(*map(astuple, own), strict=True))) if own else settings.quota


def check_quota(noun: str, times: Sequence[str], limit: int, wanted: int = 1) -> None:
    """Refuse what would be more than `limit` in a day; `times` (ISO 8601) are when it was done, the oldest first.

    Raises:
        OverQuota: so many are never allowed.
        TooOften: says when there is room again.
    """
    over = len(times) + wanted - limit
    if over <= 0:
        return
    if wanted > limit:
        raise OverQuota(noun, limit)
    until = datetime.fromisoformat(times[over - 1]) + timedelta(days=1)
    left = max(limit - len(times), 0)
    raise TooOften(
        f"your limit is {count(limit, noun)} a day, and {left or 'none'} is left", until.timestamp()
    )


def day_ago() -> str:
    """Return the time a day ago, as the records write it."""
    return (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")


def check_asks(times: Sequence[str], user: discord.abc.User, settings: GuildSettings) -> None:
    """Refuse a question beyond a member's quota or within their cooldown; `times` as those of `check_quota`.

    Raises:
        TooOften: says when to try again.
    """
    check_quota("question", times, quota_of(user, settings).asks)
    if times:
        free = datetime.fromisoformat(times[-1]).timestamp() + settings.cooldown_s
        if free > datetime.now(UTC).timestamp():
            raise TooOften("one question after the other, please", free)
