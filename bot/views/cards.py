"""The buttons of job cards and receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot import jobs
from bot.access import guild_of, need_own_job, require
from bot.health import need_worker
from bot.replies.cards import KINDS, already_text
from bot.replies.text import inline
from bot.views.standing import Standing

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import JobInfo

JOB = r"(?P<job>job-[0-9a-f]{10})"


class Cancel(Standing, template=rf"card:cancel:{JOB}"):
    """Stops a job."""

    label = "Cancel"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[RaftBot], job: str) -> None:  # type: ignore[override]  # the template's one group
        """Stop the job, for the member who asked for it or one who may train."""
        bot, guild = interaction.client, guild_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await need_own_job(interaction, job)
        said = await bot.services.run(jobs.cancel, bot.services, guild, found.id)
        if str(interaction.user.id) == found.requester:  # they know: no ping
            await bot.services.look(bot.services.registry.cards.announce, guild, found.id)
        bot.cards.look_again(found.id)
        await interaction.followup.send(said, ephemeral=True)


class _Again(Standing, template="(?!)"):
    """Sends a cancelled or failed job on from what it had finished."""

    async def press(self, interaction: discord.Interaction[RaftBot], job: str) -> None:  # type: ignore[override]  # the template's one group
        """Send the job on, for the member who asked for it or one who may train."""
        bot, guild = interaction.client, guild_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await need_own_job(interaction, job)
        if found.kind in KINDS:
            await require(interaction, KINDS[found.kind].level)
        await need_worker(bot.services)
        async with bot.cards.asking(guild):
            found = await bot.services.look(bot.services.queue.find, guild, job)
            if found.state not in {"cancelled", "failed"}:  # a second click, or somebody else's
                await interaction.followup.send(already_text(found), ephemeral=True)
                return
            await bot.cards.need_no_training(guild, found.kind)
            await bot.services.run(bot.services.queue.resume, guild, found.id)
        await bot.cards.revive(guild, found.id)
        said = f"▶️ {inline(found.id)} goes on from its finished work."
        await interaction.followup.send(said, ephemeral=True)


class Resume(_Again, template=rf"card:resume:{JOB}"):
    """Sends a cancelled job on."""

    label = "Resume"
    style = discord.ButtonStyle.primary


class Retry(_Again, template=rf"card:retry:{JOB}"):
    """Tries a failed job again."""

    label = "Retry"
    style = discord.ButtonStyle.primary


BUTTONS = (Cancel, Resume, Retry)


def button_for(job: JobInfo) -> Standing | None:
    """Return the button that a job in its state can use."""
    if not job.is_over:
        return Cancel(f"card:cancel:{job.id}")
    if job.state == "cancelled":
        return Resume(f"card:resume:{job.id}")
    return Retry(f"card:retry:{job.id}") if job.state == "failed" else None


def view_of(*items: discord.ui.Item[Any]) -> discord.ui.View | None:
    """Return the items as a view that never times out; None without any."""
    if not items:
        return None
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view
