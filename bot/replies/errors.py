"""Errors → what a member reads."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.replies.text import cut, escape
from raft_core.errors import RaftError

MESSAGE_LIMIT = 2000
"""Characters of a message's content: https://discord.com/developers/docs/resources/message"""


def error_text(error: BaseException, error_id: str = "") -> str:
    """Return what happened and what to do, never a raw exception; `error_id` finds it in the log."""
    what, remedy = _told(error)
    lines = [f"❌ {what[:1].upper()}{what[1:]}"]
    if remedy:
        lines.append(f"→ {remedy}")
    if error_id:
        lines.append(f"-# error `{error_id}`: whoever runs this bot finds it in its log")
    return cut("\n".join(lines), MESSAGE_LIMIT)


def _told(error: BaseException) -> tuple[str, str]:
    if isinstance(error, RaftError):
        return escape(str(error)), _remedy(error)
    if isinstance(error, app_commands.NoPrivateMessage):
        return "I work in servers only: documents and models belong to a community", "ask me there"
    if isinstance(error, discord.Forbidden):
        return "Discord does not let me do this here", "check my permissions in this channel"
    if isinstance(error, discord.DiscordServerError):
        return "Discord has trouble at the moment", "try again in a minute"
    return "something went wrong that should not have", "try again; if it stays, report it"


def _remedy(error: RaftError) -> str:
    # Mentions of roles and time stamps are our own and must stay whole; the shell's advice is for its operator.
    return error.remedy
