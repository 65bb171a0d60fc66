"""Mentions of the bot, and replies to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.conversing import converse

if TYPE_CHECKING:
    from bot.client import RaftBot


class Mention(commands.Cog):
    """Answers who talks to the bot."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer people who mention the bot, or write to it directly."""
        if message.author.bot or self._bot.user is None:
            return
        if message.guild is None or self._bot.user in message.mentions:
            command = (await self._bot.get_context(message)).command
            if command is None or not await self._bot.is_owner(
                message.author
            ):  # the owner's are no questions
                await converse(self._bot, message)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Mention(bot))
