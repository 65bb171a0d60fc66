"""What the bot itself may do in a channel, asked before it begins: a missing permission is named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord

from bot.errors import CannotHere

POST = ("view_channel", "send_messages", "embed_links", "attach_files")
"""For what is posted beside an interaction's own answer: cards, receipts, summaries."""
THREAD = ("create_public_threads", "send_messages_in_threads")


def missing(interaction: discord.Interaction[Any], *names: str) -> list[str]:
    """Return which permissions the bot lacks where it was asked, by the names that Discord's settings show."""
    in_thread = isinstance(interaction.channel, discord.Thread)
    wanted = ["send_messages_in_threads" if in_thread and name == "send_messages" else name for name in names]
    return _lacking(interaction.app_permissions, wanted)


def missing_in(channel: discord.abc.GuildChannel | discord.Thread) -> list[str]:
    """Return which permissions the bot lacks to post in another channel of the server."""
    return _lacking(channel.permissions_for(channel.guild.me), POST)


def need_permissions(interaction: discord.Interaction[Any], *names: str) -> None:
    """Return when the bot has all permissions where it was asked.

    Raises:
        CannotHere: it lacks some; names them.
    """
    lacking = missing(interaction, *names)
    if lacking:
        raise CannotHere(
            f"I lack permissions in this channel: {', '.join(lacking)}",
            remedy="whoever manages the server grants them to me in the channel's settings, or use another channel",
        )


def need_to_post(interaction: discord.Interaction[Any]) -> None:
    """Return when the bot can post and illustrate a message here, and tell its milestones in a thread.

    Raises:
        CannotHere: it cannot; names the missing permissions.
    """
    threads = () if isinstance(interaction.channel, discord.Thread) else THREAD
    need_permissions(interaction, *POST, *threads)


def _lacking(granted: discord.Permissions, wanted: Iterable[str]) -> list[str]:
    lacking = [name for name in dict.fromkeys(wanted) if not getattr(granted, name)]
    return [name.replace("_", " ").title() for name in lacking]
