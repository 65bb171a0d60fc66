"""/raft: build data sets, look at their rows, export them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot import cards, choices, datasets
from bot.access import guild_of, needs
from bot.replies.datasets import export_text, list_embed, pages
from bot.views.pages import Pages
from bot.views.samples import BUTTONS, Preview, show
from bot.views.training import TrainOn

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot
    from raft_core.records import JobInfo


@app_commands.guild_only()
class Raft(commands.GroupCog, group_name="raft", group_description="Make training data of the documents"):
    """Data sets: questions about the documents, with distractors and quoted answers."""

    @app_commands.command()
    @app_commands.describe(
        questions="Questions a chunk",
        distractors="Distractors a row",
        p="Share of rows that show their oracle",
        chunks="Ask about so many chunks only",
        generator="Who writes questions and answers: rules, or the model that was set up",
        seed="The same seed makes the same rows",
    )
    @needs("trainer")
    async def build(
        self,
        interaction: Interaction,
        questions: app_commands.Range[int, 1, datasets.MOST_QUESTIONS] = 1,
        distractors: app_commands.Range[int, 0, datasets.MOST_DISTRACTORS] = 3,
        p: app_commands.Range[float, 0.0, 1.0] = 1.0,
        chunks: app_commands.Range[int, 1, datasets.MOST_CHUNKS] | None = None,
        generator: datasets.Generator = "rules",
        seed: app_commands.Range[int, 0, 2**31] = 0,
    ) -> None:
        """Build a data set from this server's documents"""
        guild, services = guild_of(interaction), interaction.client.services
        await interaction.response.defer(ephemeral=True)
        spec = await services.run(
            datasets.build_spec,
            services,
            guild,
            generator,
            questions=questions,
            distractors=distractors,
            p=p,
            chunks=chunks,
            seed=seed,
        )
        await cards.start(interaction, "build", spec)

    @app_commands.command()
    @app_commands.describe(dataset="Which data set", row="Where to begin")
    @app_commands.autocomplete(dataset=choices.datasets)
    @needs("contributor")
    async def preview(
        self, interaction: Interaction, dataset: str, row: app_commands.Range[int, 1, 9_999_999] = 1
    ) -> None:
        """Look at the rows of a data set; curators keep and drop"""
        await interaction.response.defer(ephemeral=True)
        await show(interaction, dataset, row - 1)

    @app_commands.command()
    @app_commands.describe(
        dataset="Which data set", form="What its rows look like", file_type="What the file is"
    )
    @app_commands.rename(form="format", file_type="type")
    @app_commands.autocomplete(dataset=choices.datasets)
    @needs("contributor")
    async def export(
        self,
        interaction: Interaction,
        dataset: str,
        form: Literal["raft", "completion", "chat", "eval"] = "raft",
        file_type: Literal["jsonl", "parquet"] = "jsonl",
    ) -> None:
        """Get a data set as a file"""
        guild, services = guild_of(interaction), interaction.client.services
        await interaction.response.defer(ephemeral=True)
        made = await services.run(
            datasets.export, services, guild, dataset, form, file_type, interaction.filesize_limit
        )
        files = [discord.File(io.BytesIO(made.data), made.name)] if made.data is not None else []
        text = export_text(made, guild, form, file_type)
        await interaction.followup.send(text, files=files, ephemeral=True)

    @app_commands.command(name="list")
    @needs("contributor")
    async def list_(self, interaction: Interaction) -> None:
        """List this server's data sets"""
        guild, services = guild_of(interaction), interaction.client.services
        await interaction.response.defer(ephemeral=True)
        listed = await services.look(datasets.listed, services, guild)
        count = pages(len(listed.infos))
        await Pages(interaction.user, count, lambda number: list_embed(listed, number)).send(interaction)


def next_steps(job: JobInfo) -> list[discord.ui.Item[Any]]:
    """Return what one does with a new data set."""
    dataset = str(job.result["id"])
    return [Preview(f"raft:preview:{dataset}"), TrainOn(f"train:on:{dataset}")]


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    bot.add_dynamic_items(*BUTTONS)
    bot.cards.offer("build", next_steps)
    await bot.add_cog(Raft())
