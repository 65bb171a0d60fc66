"""/ask, /compare and the context menu "Ask about this"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.asking import QUESTION_LIMIT
from bot.views.answers import BUTTONS
from bot.views.question import QuestionForm

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot

Text = app_commands.Range[str, 1, QUESTION_LIMIT]


class Ask(commands.Cog):
    """Questions over this server's documents."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Finish what an earlier process left, and import what asking needs, once the bot can be talked to."""
        await self._bot.asking.recover(self._bot)
        await self._bot.asking.preload()

    async def cog_unload(self) -> None:
        """Break off what is being answered."""
        await self._bot.asking.close()

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.describe(question="What to ask", model="Who answers; this server's own model if left out")
    @app_commands.autocomplete(model=choices.models)
    async def ask(self, interaction: Interaction, question: Text, model: str | None = None) -> None:
        """Ask a question about this server's documents"""
        await interaction.client.asking.ask(interaction, question, model)

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.describe(
        question="What to ask",
        a="The first model; the base if left out",
        b="The second model; this server's own if left out",
    )
    @app_commands.autocomplete(a=choices.models, b=choices.models)
    async def compare(
        self, interaction: Interaction, question: Text, a: str | None = None, b: str | None = None
    ) -> None:
        """Ask two models the same question and see their answers side by side"""
        await interaction.client.asking.compare(interaction, question, a, b)


@app_commands.context_menu(name="Ask about this")
@app_commands.guild_only()
async def ask_about_this(interaction: Interaction, message: discord.Message) -> None:
    """Ask with a message's text at hand."""
    await interaction.response.send_modal(QuestionForm(message.content))


async def setup(bot: RaftBot) -> None:
    """Add the cog, its context menu and the buttons of answers."""
    bot.add_dynamic_items(*BUTTONS)
    bot.tree.add_command(ask_about_this)
    await bot.add_cog(Ask(bot))
