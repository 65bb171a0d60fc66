"""The rows of a data set, page by page; curators keep and drop. All of it works after a restart of the bot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import discord

from bot.access import guild_of, has_level, require
from bot.datasets import Sample, judge, read_sample
from bot.errors import Form
from bot.replies.datasets import full_row, sample_embed
from bot.views.standing import Standing

if TYPE_CHECKING:
    from bot.client import RaftBot

DATASET = r"(?P<dataset>ds-[0-9a-f]{8})"
ROW = rf"{DATASET}:(?P<row>\d{{1,7}})"


class Preview(Standing, template=rf"raft:preview:{DATASET}"):
    """Opens the first row of a data set, for whoever presses it alone."""

    label = "Preview"
    emoji = "🔍"

    async def press(self, interaction: discord.Interaction[RaftBot], dataset: str) -> None:  # type: ignore[override]  # the template's groups
        """Show the first row."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await show(interaction, dataset, 0)


class Turn(Standing, template=rf"raft:(?:back|next):{ROW}"):
    """Turns to another row."""

    async def press(self, interaction: discord.Interaction[RaftBot], dataset: str, row: str) -> None:  # type: ignore[override]  # the template's groups
        """Show it in place of the one before."""
        await interaction.response.defer()
        await _turn(interaction, await _read(interaction, dataset, int(row)))


class Jump(Standing, template=rf"raft:jump:{ROW}"):
    """Asks for a row."""

    async def press(self, interaction: discord.Interaction[RaftBot], dataset: str, row: str) -> None:  # type: ignore[override]  # the template's groups
        """Ask for its number."""
        await interaction.response.send_modal(_Where(dataset))


class Judge(Standing, template=rf"raft:(?P<verdict>keep|drop):{ROW}"):
    """Keeps or drops a row: trainings leave dropped rows out."""

    async def press(  # type: ignore[override]  # the template's groups
        self, interaction: discord.Interaction[RaftBot], verdict: str, dataset: str, row: str
    ) -> None:
        """Note what the curator says, and show the row so."""
        await require(interaction, "curator")
        await interaction.response.defer()
        services, guild = interaction.client.services, guild_of(interaction)
        keep, member = verdict == "keep", str(interaction.user.id)
        sample = await services.run(judge, services, guild, dataset, int(row), keep=keep, member=member)
        await _turn(interaction, sample)


class Full(Standing, template=rf"raft:full:{ROW}"):
    """Hands out everything of a row as a file."""

    async def press(self, interaction: discord.Interaction[RaftBot], dataset: str, row: str) -> None:  # type: ignore[override]  # the template's groups
        """Send the file to whoever pressed."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        sample = await _read(interaction, dataset, int(row))
        file = discord.File(
            io.BytesIO(full_row(sample).encode()), f"{sample.info.id}-{sample.number + 1}.txt"
        )
        await interaction.followup.send(file=file, ephemeral=True)


BUTTONS = (Preview, Turn, Jump, Judge, Full)


class _Where(Form, title="Go to row"):
    number: discord.ui.TextInput[_Where] = discord.ui.TextInput(label="Row", max_length=7)

    def __init__(self, dataset: str) -> None:
        super().__init__()
        self._dataset = dataset

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Turn to the row; to the first where it is none."""
        await interaction.response.defer()
        wanted = str(self.number.value).strip()
        at = int(wanted) - 1 if wanted.isascii() and wanted.isdigit() else 0
        await _turn(interaction, await _read(interaction, self._dataset, at))


async def show(interaction: discord.Interaction[RaftBot], dataset: str, row: int) -> None:
    """Answer a deferred interaction with a row, for the member alone."""
    sample = await _read(interaction, dataset, row)
    view = await _view(interaction, sample)
    await interaction.followup.send(embed=sample_embed(sample), view=view, ephemeral=True)


async def _read(interaction: discord.Interaction[RaftBot], dataset: str, row: int) -> Sample:
    services = interaction.client.services
    await require(interaction, "contributor")
    return await services.run(read_sample, services, guild_of(interaction), dataset, row)


async def _turn(interaction: discord.Interaction[RaftBot], sample: Sample) -> None:
    await interaction.edit_original_response(
        embed=sample_embed(sample), view=await _view(interaction, sample)
    )


async def _view(interaction: discord.Interaction[RaftBot], sample: Sample) -> discord.ui.View:
    """Return the buttons of a row; only curators see those that judge it."""
    settings = await interaction.client.services.guild_settings(guild_of(interaction))
    at, last, dataset = sample.number, sample.info.rows - 1, sample.info.id
    view = discord.ui.View(timeout=None)
    view.add_item(Turn(f"raft:back:{dataset}:{max(at - 1, 0)}", label="◀", disabled=at == 0))
    view.add_item(Jump(f"raft:jump:{dataset}:{at}", label=f"{at + 1} / {last + 1}"))
    view.add_item(Turn(f"raft:next:{dataset}:{min(at + 1, last)}", label="▶", disabled=at == last))
    view.add_item(Full(f"raft:full:{dataset}:{at}", label="Full row"))
    if has_level(interaction.user, settings, "curator"):
        said = sample.verdict
        kept, dropped = said is not None and said.keep, said is not None and not said.keep
        view.add_item(Judge(f"raft:keep:{dataset}:{at}", label="Keep", disabled=kept, row=1))
        view.add_item(Judge(f"raft:drop:{dataset}:{at}", label="Drop", disabled=dropped, row=1))
    return view
