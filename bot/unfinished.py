"""Messages that an earlier process left unfinished: found again, and brought to their end."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

import discord

from bot.access import day_ago
from bot.delivery import LOST
from bot.posting import Deleted, Editable, Hooked, Post
from bot.replies.answers import ROOMS, Board, texts_of
from bot.views.answers import final_board, versions
from bot.views.standing import walk

if TYPE_CHECKING:
    from bot.services import Services
    from raft_core.registry.exchanges import Asked

log = logging.getLogger(__name__)

SEARCHED = 100
"""Messages of a channel that are looked through: one request."""
PAUSES_S = (1.0, 4.0, 15.0)


async def finish_all(bot: discord.Client, services: Services, but: Collection[str]) -> None:
    """Have every unfinished message show its answers, or that they broke off; `but` are those of this process.

    What Discord does not take now is left for the next time.
    """
    for guild, kept in await services.look(services.registry.exchanges.unfinished, day_ago()):
        if kept.id in but:
            continue
        try:
            await _finish(bot, services, guild, kept)
        except (discord.HTTPException, *LOST) as error:  # others do not wait for it
            log.warning("the message of question %s stays unfinished: %r", kept.id, error)


async def _finish(bot: discord.Client, services: Services, guild: str, kept: Asked) -> None:
    board = await final_board(services, guild, kept)
    channel = bot.get_partial_messageable(int(kept.channel), guild_id=int(guild))
    shown_in, is_over = kept.message, True
    for message in await _messages(bot, channel, kept, board):
        post = Post(message, channel, nonce=kept.id)
        try:
            if await post.insist(versions(board, kept.id, kept.comparison), PAUSES_S):
                shown_in, is_over = post.id, True
                break
            is_over = False
        except Deleted:
            log.info("the message of question %s is gone", kept.id)
    if is_over:
        await services.look(services.registry.exchanges.finish, guild, kept.id, shown_in, kept.comparison)


async def _messages(
    bot: discord.Client, channel: discord.PartialMessageable, kept: Asked, board: Board
) -> list[Editable]:
    """Return the ways to reach the message of a question, the surest first."""
    number = int(kept.message or 0)
    ways: list[Editable] = [Hooked(bot, kept.token, number)] if kept.token else []
    if not number:
        ways += await _found(bot, channel, board)
    elif not kept.token:
        ways.append(channel.get_partial_message(number))
    return ways


async def _found(
    bot: discord.Client, channel: discord.PartialMessageable, board: Board
) -> list[discord.Message]:
    """Look for a message that shows a question and no buttons yet: it was sent, and nothing more was noted."""
    heads = {texts_of(board, room).head for room in ROOMS}
    try:
        return [
            message
            async for message in channel.history(limit=SEARCHED)
            if message.author == bot.user and _is_unfinished(message, heads)
        ][:1]
    except (discord.Forbidden, discord.NotFound):  # the thread was never opened, or may not be seen
        return []


def _is_unfinished(message: discord.Message, heads: Collection[str]) -> bool:
    parts = list(walk(message.components))
    if any(isinstance(part, discord.ActionRow) for part in parts):
        return False
    return any(isinstance(part, discord.TextDisplay) and part.content in heads for part in parts)
