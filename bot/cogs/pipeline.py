"""/pipeline: build, train and evaluate in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot import cards, choices, datasets
from bot.access import guild_of, needs
from bot.views.samples import Preview
from raft_core.jobs.questions import SAMPLE

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot
    from raft_core.records import JobInfo

SAMPLES, MOST_SAMPLES = 100, 2000


class Pipeline(commands.Cog):
    """The whole way from documents to scores, as one job."""

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.describe(
        questions="Questions a chunk",
        distractors="Distractors a row",
        p="Share of rows that show their oracle",
        chunks="Ask about so many chunks only",
        generator="Who writes questions and answers: rules, or the model that was set up",
        rank="The rank of the LoRA adapter",
        bits="16, or 4 to save memory on a GPU",
        epochs="How often each row is seen",
        samples="How many questions to evaluate on",
        split="Which questions: the sample exam's, its development ones, or a file",
        seed="Of all stages",
    )
    @app_commands.autocomplete(split=choices.splits)
    @needs("trainer")
    async def pipeline(
        self,
        interaction: Interaction,
        questions: app_commands.Range[int, 1, datasets.MOST_QUESTIONS] = 1,
        distractors: app_commands.Range[int, 0, datasets.MOST_DISTRACTORS] = 3,
        p: app_commands.Range[float, 0.0, 1.0] = 1.0,
        chunks: app_commands.Range[int, 1, datasets.MOST_CHUNKS] | None = None,
        generator: datasets.Generator = "rules",
        rank: app_commands.Range[int, 1, datasets.MOST_RANK] = 64,
        bits: Literal[16, 4] = 16,
        epochs: app_commands.Range[int, 1, datasets.MOST_EPOCHS] | None = None,
        samples: app_commands.Range[int, 1, MOST_SAMPLES] = SAMPLES,
        split: str = SAMPLE,
        seed: app_commands.Range[int, 0, 2**31] = 0,
    ) -> None:
        """Build a data set, train on it, and evaluate, in one go"""
        guild, services = guild_of(interaction), interaction.client.services
        await interaction.response.defer(ephemeral=True)
        build = {"generator": generator, "questions": questions, "distractors": distractors, "p": p}
        recipe = {"r": rank, "bits": bits, "num_train_epochs": epochs}
        spec = await services.run(
            datasets.pipeline_spec,
            services,
            guild,
            build | {"chunks": chunks},
            recipe,
            samples=samples,
            split=split,
            seed=seed,
        )
        await cards.start(interaction, "pipeline", spec)


def next_steps(job: JobInfo) -> list[discord.ui.Item[Any]]:
    """Return what one does with what a pipeline made."""
    made: dict[str, str] = job.result["dataset"]  # type: ignore[assignment]  # as raft_core.jobs.plans.outcome says
    return [Preview(f"raft:preview:{made['id']}")]


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    bot.cards.offer("pipeline", next_steps)
    await bot.add_cog(Pipeline())
