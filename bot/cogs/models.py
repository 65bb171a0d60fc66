"""/models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord import app_commands
from discord.ext import commands

from bot import choices, models
from bot.access import guild_of, needs
from bot.answerers import default_model, full_names
from bot.replies import models as replies
from bot.replies.text import inline
from bot.views.pages import Pages
from raft_core.records import BASE

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot


class Models(
    commands.GroupCog, name="models", description="The base model and what this community trained on it"
):
    """Who answers, and where they come from."""

    @app_commands.command(name="list")
    async def list_(self, interaction: Interaction) -> None:
        """List the models with their latest scores"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        default = await default_model(services, guild)
        listed = await services.look(models.read_list, services, guild, default)
        pages = replies.pages(listed)
        await Pages(interaction.user, pages, lambda number: replies.list_page(listed, number)).send(
            interaction
        )

    @app_commands.command()
    @app_commands.describe(model="The base, or an adapter")
    @app_commands.autocomplete(model=choices.models)
    async def info(self, interaction: Interaction, model: str) -> None:
        """Show where a model comes from, what it took and how it scored"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        (name,) = await full_names(services, guild, [model])
        default = name == await default_model(services, guild)
        if name == BASE:
            scores = await services.look(services.registry.evaluations.latest_scores, guild)
            embed = replies.base_embed(services.settings.base_model, scores.get(name), default=default)
        else:
            lineage = await services.run(models.read_lineage, services, guild, name)
            embed = replies.lineage_embed(lineage, default=default)
        await interaction.followup.send(embed=embed, ephemeral=True)

    @app_commands.command()
    @app_commands.describe(model="The base, or an adapter")
    @app_commands.autocomplete(model=choices.models)
    @needs("trainer")
    async def use(self, interaction: Interaction, model: str) -> None:
        """Have a model answer where none is named"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        (name,) = await full_names(services, guild, [model])
        before = await default_model(services, guild)
        await services.look(models.use, services, guild, name, before)
        told = f"⭐ {inline(name)} answers from now on, in place of {inline(before)}."
        told = told if name != before else f"⭐ {inline(name)} goes on to answer."
        await interaction.followup.send(told, ephemeral=True)

    @app_commands.command()
    @needs("trainer")
    async def rollback(self, interaction: Interaction) -> None:
        """Have the model answer again that did before"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        name = await services.look(models.rollback, services, guild)
        await interaction.followup.send(f"↩️ {inline(name)} answers again.", ephemeral=True)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Models())
