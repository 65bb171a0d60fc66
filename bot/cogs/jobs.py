"""/jobs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices, jobs
from bot.access import guild_of, need_own_job
from bot.replies import jobs_list as replies
from bot.views.pages import Pages

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot


class Jobs(commands.GroupCog, name="jobs", description="What I was asked to do, and how far it is"):
    """What was asked for."""

    @app_commands.command(name="list")
    async def list_(self, interaction: Interaction) -> None:
        """List the jobs, the newest first"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        found = await services.look(services.queue.list, guild, jobs.MOST)
        pages = replies.pages(len(found))
        await Pages(interaction.user, pages, lambda number: replies.list_page(found, number)).send(
            interaction
        )

    @app_commands.command()
    @app_commands.describe(job="A job that is not over")
    @app_commands.autocomplete(job=choices.running_jobs)
    async def cancel(self, interaction: Interaction, job: str) -> None:
        """Stop a job: trainers, and whoever asked for it"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        found = await need_own_job(interaction, job)
        said = await services.run(jobs.cancel, services, guild, found.id)
        interaction.client.cards.look_again(found.id)
        await interaction.followup.send(said, ephemeral=True)

    @app_commands.command()
    @app_commands.describe(job="A job")
    @app_commands.autocomplete(job=choices.jobs)
    async def logs(self, interaction: Interaction, job: str) -> None:
        """Show what a job wrote: trainers, and whoever asked for it"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        found = await need_own_job(interaction, job)
        log = await services.run(jobs.read_log, services, guild, found.id, interaction.filesize_limit)
        files = [discord.File(io.BytesIO(log.encode()), f"{found.id}.log")] if log.strip() else []
        await interaction.followup.send(replies.log_text(found, log), files=files, ephemeral=True)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Jobs())
