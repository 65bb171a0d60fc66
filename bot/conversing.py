"""Mentions of the bot and replies to it → answers in a thread, with what was said there before.

Discord hands over a message's content only where it mentions the bot, which a reply does unless its
author turns that off. Nothing else of a channel is read: who writes in the bot's own thread without a
mention gets a hint instead of an answer, once a thread.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import discord

from bot.answerers import default_model, full_names
from bot.asking import Question
from bot.delivery import LOST
from bot.errors import CannotHere
from bot.greetings import greeting_reply
from bot.permissions import THREAD
from bot.posting import Post
from bot.replies.errors import error_text, is_outage
from bot.replies.text import choice_name
from raft_core.answering.history import TURNS
from raft_core.errors import RaftError, UnknownModel
from raft_core.registry.exchanges import Asked, turn_of

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import Turn

log = logging.getLogger(__name__)

HINT = "Mention me with a question, or reply to one of my answers. `/help` shows what else I can do."
UNREADABLE = (
    "I cannot read messages that do not mention me. To go on here, reply to one of my answers, or write <@{bot}> "
    "before your question."
)
THREAD_EXISTS = 160004
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
HINTED = 1000
"""Threads whose hint is remembered."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the answer goes: `channel` is the thread's id, which is the message's where it is still to be opened."""

    channel: str
    post: Post
    is_thread: bool


async def converse(bot: RaftBot, message: discord.Message) -> None:
    """Answer a message that mentions the bot; tell in a reply what goes wrong."""
    try:
        await _converse(bot, message)
    except Exception as error:  # whatever it is, the member must hear of it
        error_id = "" if isinstance(error, RaftError) else uuid4().hex[:8]
        if error_id or is_outage(error):
            log.error("error %s in a conversation", error_id, exc_info=error)
        await _reply(message, error_text(error, error_id))


async def hint(bot: RaftBot, message: discord.Message) -> None:
    """Say once in a thread of the bot's own how to go on, where someone writes without mentioning it."""
    thread = message.channel
    if message.is_system() or not await _is_own(bot, message) or thread.id in bot.hinted:
        return
    bot.hinted[thread.id] = None
    while len(bot.hinted) > HINTED:
        bot.hinted.popitem(last=False)
    await _reply(message, UNREADABLE.format(bot=bot.user and bot.user.id))


async def _is_own(bot: RaftBot, message: discord.Message) -> bool:
    """Return whether a message is in a thread that the bot opened."""
    thread = message.channel
    if isinstance(thread, discord.Thread):
        return bot.user is not None and thread.owner_id == bot.user.id
    if message.guild is None or not isinstance(thread, discord.PartialMessageable):
        return False
    # A thread from before the bot's start, of which no more than the id is known.
    turns = bot.services.registry.exchanges.turns
    return bool(await bot.services.look(turns, str(message.guild.id), str(thread.id), 1))


def question_in(content: str, bot_id: int) -> str:
    """Return a message's text without its mentions of the bot."""
    return re.sub(rf"<@!?{bot_id}>", "", content).strip()


async def _converse(bot: RaftBot, message: discord.Message) -> None:
    if message.guild is None or bot.user is None:
        raise CannotHere
    text = question_in(message.content, bot.user.id)
    if said := greeting_reply(text) if text else HINT:
        await _reply(message, said)
        return
    guild, services = str(message.guild.id), bot.services
    before = None
    if message.reference is not None and message.reference.message_id is not None:
        shown_by = services.registry.exchanges.shown_by
        before = await services.look(shown_by, guild, str(message.reference.message_id))
    place = _place(bot, message, text)
    history: Sequence[Turn] = ()
    if place.is_thread:
        history = await services.look(services.registry.exchanges.turns, guild, place.channel, TURNS)
    if not history and before is not None and (turn := turn_of(before.comparison)):
        history = (turn,)
    models = await _models(bot, guild, before)
    question = Question(guild, place.channel, str(message.author.id), text, models, tuple(history))
    await bot.asking.answer(question, message.author, place.post)


async def _models(bot: RaftBot, guild: str, before: Asked | None) -> tuple[str, ...]:
    """Return the models whose answer is replied to, or the server's own."""
    if before is not None:
        try:
            return await full_names(bot.services, guild, [each.model for each in before.comparison.answers])
        except UnknownModel:
            log.info("a model of an earlier answer is gone: the server's own answers")
    return (await default_model(bot.services, guild),)


def _place(bot: RaftBot, message: discord.Message, text: str) -> _Place:
    """Return where to answer: in the thread where it was asked, or in one that the first answer opens.

    Raises:
        CannotHere: the bot lacks a permission; names it.
    """
    channel: Any = message.channel
    opens = isinstance(channel, discord.TextChannel)
    _need(
        message, THREAD if opens else (THREAD[1] if isinstance(channel, discord.Thread) else "send_messages",)
    )

    async def in_new_thread(**sent: Any) -> discord.Message:
        thread = await _open_thread(bot, message, choice_name(text))
        return await thread.send(**sent)

    async def here(**sent: Any) -> discord.Message:
        return await channel.send(reference=message.to_reference(fail_if_not_exists=False), **sent)  # type: ignore[no-any-return]  # any channel

    if opens:
        return _Place(str(message.id), Post(None, channel, in_new_thread), is_thread=False)
    return _Place(str(channel.id), Post(None, channel, here), is_thread=isinstance(channel, discord.Thread))


async def _open_thread(bot: RaftBot, message: discord.Message, name: str) -> discord.abc.Messageable:
    """Open a thread from a message, or return the one that is there: Discord's reply to the first try was lost."""
    try:
        return await message.create_thread(name=name)
    except discord.HTTPException as error:
        if error.code != THREAD_EXISTS:
            raise
        return bot.get_partial_messageable(message.id, guild_id=message.guild.id if message.guild else None)


def _need(message: discord.Message, names: Sequence[str]) -> None:
    if message.guild is None or isinstance(message.channel, discord.PartialMessageable):
        return  # a thread from before the bot's start, of which it knows no more than the id
    granted = message.channel.permissions_for(message.guild.me)
    lacking = [name.replace("_", " ").title() for name in names if not getattr(granted, name)]
    if lacking:
        raise CannotHere(
            f"I lack permissions in this channel: {', '.join(lacking)}",
            remedy="whoever manages the server grants them to me, or use `/ask`",
        )


async def _reply(message: discord.Message, text: str) -> None:
    try:
        await message.reply(text)
    except (discord.HTTPException, *LOST) as error:
        log.warning("cannot reply to a message: %r", error)
