"""The one handler of everything that goes wrong: the member is told in clear words, the log has the rest.

RaftError
├── NotAllowed       the member lacks a role
├── TooOften         a quota or a cooldown; says when it ends
├── OverQuota        more at once than is allowed in a day
├── Declined         the member was asked and did not confirm; they know
└── CannotHere       not in a direct message, or the bot lacks a permission there
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import discord
from discord import app_commands

from bot.delivery import LOST
from bot.replies.errors import error_text, is_outage
from bot.replies.text import count
from raft_core.errors import RaftError

if TYPE_CHECKING:
    from bot.client import RaftBot

log = logging.getLogger(__name__)


SERVERS_ONLY = "I work in servers only: documents and models belong to a community"


class Refused(app_commands.CheckFailure):
    """A check did not let a command run; its cause is the RaftError that says why."""


class NotAllowed(RaftError):
    """The member lacks a role."""

    def __init__(self, level: str, roles: Sequence[int]) -> None:
        who = ", ".join(f"<@&{role}>" for role in roles) or "members who may manage the server"
        article = "an" if level == "admin" else "a"
        super().__init__(f"only {article} {level} may do this", remedy=f"ask for one of these roles: {who}")
        self.level = level


class TooOften(RaftError):
    """A quota is used up, or a cooldown runs; `until` is when to try again, in Unix seconds."""

    def __init__(self, what: str, until: float) -> None:
        super().__init__(what, remedy=f"try again <t:{round(until)}:R>")
        self.until = until


class OverQuota(RaftError):
    """More was asked for at once than is allowed in a whole day."""

    def __init__(self, noun: str, limit: int) -> None:
        super().__init__(
            f"your limit is {count(limit, noun)} a day" if limit else f"you may have no {noun}s here",
            remedy="ask for fewer at once" if limit else "an admin sets this with `/settings limits`",
        )
        self.limit = limit


class CannotHere(RaftError):
    """It cannot be done in this place: a direct message, or a channel where the bot lacks a permission."""

    def __init__(self, what: str = SERVERS_ONLY, remedy: str = "ask me there") -> None:
        super().__init__(what, remedy=remedy)


class Declined(RaftError):
    """The member was asked and did not confirm; they know."""


async def handle(interaction: discord.Interaction[RaftBot], error: Exception) -> None:
    """Tell the member what happened and what to do; what is not their doing gets an id that the log has."""
    cause = _cause(error)
    if isinstance(cause, Declined):
        return
    if isinstance(cause, discord.NotFound) and cause.code in (10062, 10008):
        log.warning("%s came too late: %s", _name(interaction), cause)
        return
    if isinstance(cause, LOST):
        # It may have arrived, and whatever is said now may be said beside it.
        log.warning("the reply to %s was lost: %r", _name(interaction), cause)
        return
    error_id = ""
    if not isinstance(cause, RaftError):
        error_id = uuid4().hex[:8]
        log.error("error %s in %s", error_id, _name(interaction), exc_info=cause)
    elif is_outage(cause):
        log.warning("%s failed: %s", _name(interaction), cause)
    await tell(interaction, error_text(cause, error_id))


async def tell(interaction: discord.Interaction[Any], text: str) -> None:
    """Send the member alone a text, whatever was sent before."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except (discord.HTTPException, *LOST) as error:
        log.warning("cannot reply to %s: %r", _name(interaction), error)


class Form(discord.ui.Modal):
    """A modal that tells what goes wrong."""

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception) -> None:  # type: ignore[override]  # as discord.py's own Modal does
        """Tell the member what went wrong."""
        await handle(interaction, error)


def _cause(error: BaseException) -> BaseException:
    if isinstance(error, app_commands.CommandInvokeError):
        return error.original
    if isinstance(error, Refused) and error.__cause__ is not None:
        return error.__cause__
    return error


def _name(interaction: discord.Interaction[Any]) -> str:
    if interaction.command:
        return interaction.command.qualified_name
    data: Mapping[str, Any] = interaction.data or {}
    return str(data.get("custom_id", "an interaction"))
