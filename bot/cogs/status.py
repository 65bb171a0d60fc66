"""/status and /help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord import app_commands
from discord.ext import commands

from bot.access import guild_of
from bot.health import look_around
from bot.replies.status import help_embed, status_embed

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot


class Status(commands.Cog):
    """What runs, what this server has, and what one can ask of the bot."""

    @app_commands.command()
    async def status(self, interaction: Interaction) -> None:
        """Show what is up, what is down, and what this server has"""
        guild = guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        seen = await look_around(interaction.client.services, guild)
        await interaction.followup.send(embed=status_embed(seen), ephemeral=True)

    @app_commands.command(name="help")
    @app_commands.allowed_contexts(guilds=True, dms=True)
    async def help_(self, interaction: Interaction) -> None:
        """Show what I can do and in which order to do it"""
        await interaction.response.send_message(embed=help_embed(), ephemeral=True)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Status())
