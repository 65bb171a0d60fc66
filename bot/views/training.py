"""The button that trains on a data set as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot import cards
from bot.access import guild_of, require
from bot.datasets import dropped_rows, train_spec
from bot.replies.datasets import drops_note
from bot.views.samples import DATASET
from bot.views.standing import Standing

if TYPE_CHECKING:
    from bot.client import RaftBot


class TrainOn(Standing, template=rf"train:on:{DATASET}"):
    """Asks for a training on a data set with the recipe as it is."""

    label = "Train on it"
    emoji = "🎓"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[RaftBot], dataset: str) -> None:  # type: ignore[override]  # the template's groups
        """Ask the member, and start it."""
        await require(interaction, "trainer")
        await interaction.response.defer(ephemeral=True, thinking=True)
        await start_training(interaction, dataset)


async def start_training(interaction: discord.Interaction[RaftBot], dataset: str, **recipe: object) -> None:
    """Ask a member whose interaction is deferred, and start a training; `recipe` are a Recipe's values.

    Raises:
        RaftError: as `bot.cards.start` and `bot.datasets.train_spec`.
    """
    guild, services = guild_of(interaction), interaction.client.services
    spec = await services.run(train_spec, services, guild, dataset, **recipe)
    dropped = await services.look(dropped_rows, services, guild, spec["dataset"])
    await cards.start(interaction, "train", spec, note=drops_note(dropped))
