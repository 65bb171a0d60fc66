"""Mentions of the bot, and replies to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.conversing import converse, hint

if TYPE_CHECKING:
    from bot.client import RaftBot


class Mention(commands.Cog):
    """Answers who talks to the bot."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer people who mention the bot, or write to it directly."""
        bot = self._bot
        if message.author.bot or bot.user is None:
            return
        if message.guild is not None and bot.user not in message.mentions:
            await hint(bot, message)
            return
        command = (await bot.get_context(message)).command
        if command is None or not await bot.is_owner(message.author):  # the owner's are no questions
            await converse(bot, message)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Mention(bot))
