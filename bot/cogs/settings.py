"""/settings: what admins decide for their server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.access import guild_of, needs
from bot.answerers import default_model, full_names
from bot.errors import CannotHere
from bot.models import use
from bot.permissions import missing_in
from bot.replies import settings as replies
from bot.replies.text import inline
from bot.settings import change_quota, change_settings
from bot.views.roles import RoleLevels
from raft_core.errors import SettingsError
from raft_core.jobs.costs import daily_budget

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot

MOST = 100_000


class Settings(commands.GroupCog, name="settings", description="Who may do what here, and what it may cost"):
    """What a server's admins set."""

    @app_commands.command()
    async def show(self, interaction: Interaction) -> None:
        """Show all settings of this server"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        settings = await services.guild_settings(guild)
        model = await default_model(services, guild)
        budget = await services.look(daily_budget, services.settings, services.registry, guild)
        await interaction.followup.send(embed=replies.settings_embed(settings, model, budget), ephemeral=True)

    @app_commands.command()
    @needs("admin")
    async def roles(self, interaction: Interaction) -> None:
        """Choose which roles may contribute, curate, train and administer"""
        await interaction.response.defer(ephemeral=True)
        settings = await interaction.client.services.guild_settings(guild_of(interaction))
        view = RoleLevels(interaction.user, settings)
        text = "Each level may do what those above it may. Who may manage the server may do all."
        view.message = await interaction.followup.send(text, view=view, ephemeral=True, wait=True)

    @app_commands.command()
    @app_commands.describe(
        questions="Questions a day",
        documents="Documents a day",
        jobs="Jobs a day: data sets, trainings, evaluations",
        role="Only for members with this role; with no number it loses its own limits",
    )
    @needs("admin")
    async def limits(
        self,
        interaction: Interaction,
        questions: app_commands.Range[int, 0, MOST] | None = None,
        documents: app_commands.Range[int, 0, MOST] | None = None,
        jobs: app_commands.Range[int, 0, MOST] | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Set how much a member may do in a day"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        amounts = {"asks": questions, "documents": documents, "jobs": jobs}
        guilds, role_id = services.registry.guilds, role.id if role else None
        new = await services.look(change_quota, guilds, guild, role_id, **amounts)
        await interaction.followup.send(f"✅ {replies.quotas_text(new)}", ephemeral=True)

    @app_commands.command()
    @app_commands.describe(
        cooldown="Seconds between two questions of a member",
        file_size="MiB of the largest document",
        budget="US dollars that a day's jobs may cost; -1 for no limit of this server's own",
    )
    @needs("admin")
    async def costs(
        self,
        interaction: Interaction,
        cooldown: app_commands.Range[float, 0.0, 3600.0] | None = None,
        file_size: app_commands.Range[float, 0.1, 64.0] | None = None,
        budget: app_commands.Range[float, -1.0, 100_000.0] | None = None,
    ) -> None:
        """Set the cooldown, the largest file and the budget of a day"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        given = {"cooldown_s": cooldown, "max_file_mb": file_size, "daily_budget_usd": budget}
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise SettingsError("there is nothing to set", remedy="give one of the options")
        if budget is not None and budget < 0:
            changes["daily_budget_usd"] = None  # type: ignore[assignment]  # no limit
        await services.look(change_settings, services.registry.guilds, guild, **changes)
        shown = {"cooldown_s": "cooldown", "max_file_mb": "file size", "daily_budget_usd": "budget"}
        told = replies.changed_text([shown[name] for name in changes])
        await interaction.followup.send(told, ephemeral=True)

    @app_commands.command()
    @app_commands.describe(model="base, or an adapter; leave it out for always the newest")
    @app_commands.autocomplete(model=choices.models)
    @needs("admin")
    async def model(self, interaction: Interaction, model: str | None = None) -> None:
        """Choose the model that answers where none is named"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        before = await default_model(services, guild)
        name = (await full_names(services, guild, [model]))[0] if model else ""
        await services.look(use, services, guild, name, before)
        now = await default_model(services, guild)
        await interaction.followup.send(f"✅ {inline(now)} answers.", ephemeral=True)

    @app_commands.command()
    @app_commands.describe(to="A text channel; leave it out for wherever they are asked for")
    @needs("admin")
    async def summaries(self, interaction: Interaction, to: discord.TextChannel | None = None) -> None:
        """Choose the channel that summaries of evaluations go to"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        lacking = missing_in(to) if to else []
        if to and lacking:
            raise CannotHere(
                f"I lack permissions in {to.mention}: {', '.join(lacking)}",
                remedy="grant them to me there, or choose another channel",
            )
        chosen = to.id if to else None
        await services.look(change_settings, services.registry.guilds, guild, summary_channel=chosen)
        where = f"to {to.mention}" if to else "wherever they are asked for"
        await interaction.followup.send(f"✅ Summaries go {where}.", ephemeral=True)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Settings())
