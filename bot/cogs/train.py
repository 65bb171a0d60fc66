"""/train: teach a model a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.access import needs
from bot.datasets import MOST_EPOCHS, MOST_RANK, bases
from bot.views.training import TrainOn, start_training

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot
    from bot.services import Services


async def _bases(services: Services, guild: str, typed: str) -> list[tuple[str, str]]:
    known = await services.look(bases, services, guild)
    return [(name, name) for name in known if typed.strip().lower() in name.lower()]


@app_commands.guild_only()
class Train(commands.GroupCog, group_name="train", group_description="Teach a model a data set"):
    """Trainings, one at a time."""

    @app_commands.command()
    @app_commands.describe(
        dataset="What to learn",
        base="The model to begin with; the one that is served if left out",
        rank="The rank of the LoRA adapter",
        bits="16, or 4 to save memory on a GPU",
        epochs="How often each row is seen",
    )
    @app_commands.autocomplete(dataset=choices.datasets, base=choices.offer(_bases))
    @needs("trainer")
    async def start(
        self,
        interaction: Interaction,
        dataset: str,
        base: str | None = None,
        rank: app_commands.Range[int, 1, MOST_RANK] = 64,
        bits: Literal[16, 4] = 16,
        epochs: app_commands.Range[int, 1, MOST_EPOCHS] | None = None,
    ) -> None:
        """Train an adapter on a data set"""
        await interaction.response.defer(ephemeral=True)
        await start_training(interaction, dataset, base=base, r=rank, bits=bits, num_train_epochs=epochs)


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    bot.add_dynamic_items(TrainOn)
    await bot.add_cog(Train())
