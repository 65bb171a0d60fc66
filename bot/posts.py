"""Summaries in channels: those asked for, those at a job's end, and the weekly ones.

What comes by itself is sent before it is noted as sent, under a nonce by which Discord drops a second one:
a bot that is killed between the two does not post twice, nor never.
"""

from __future__ import annotations

import io
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import discord

from bot import weekly
from bot.access import guild_of
from bot.errors import CannotHere
from bot.evaluations import Summary, evaluate_spec, evaluation_of, find_evaluation, read_summary
from bot.permissions import missing_in
from bot.replies.errors import error_text, is_outage
from bot.replies.evaluations import summary_embed
from bot.views.evaluations import summary_view
from raft_core.errors import RaftError

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import JobInfo

log = logging.getLogger(__name__)

CHART = "f1.png"
WEEKLY_SAMPLES = 200
NONCE = 25
"""Characters: https://discord.com/developers/docs/resources/message#create-message"""
GONE = (discord.Forbidden, discord.NotFound, CannotHere)
"""Trying again would not help."""

Places = discord.TextChannel | discord.Thread | discord.VoiceChannel | discord.StageChannel


async def show_summary(interaction: discord.Interaction[RaftBot], evaluation: str = "") -> None:
    """Answer with an evaluation's summary for all to see, or post it in the server's summary channel.

    Raises:
        EvaluationError: the guild has none, or none by this id.
        CannotHere: the bot cannot post in the summary channel.
    """
    bot, guild = interaction.client, guild_of(interaction)
    services = bot.services
    settings = await services.guild_settings(guild)
    found = await services.look(find_evaluation, services, guild, evaluation)  # its error is for one alone
    elsewhere = settings.summary_channel not in (None, interaction.channel_id)
    await interaction.response.defer(ephemeral=elsewhere, thinking=True)
    summary = await services.run(read_summary, services, guild, found)
    if elsewhere and settings.summary_channel is not None:
        message = await place_for(bot, guild, settings.summary_channel).send(**_contents(summary))
        await interaction.followup.send(f"📊 The summary is here: {message.jump_url}", ephemeral=True)
    else:
        await interaction.followup.send(**_contents(summary))


async def post_at_end(bot: RaftBot, job: JobInfo) -> None:
    """Post the summary of what a job evaluated in the server's summary channel, where one is set."""
    settings = await bot.services.guild_settings(job.guild)
    evaluation = evaluation_of(job)
    if job.state != "succeeded" or not evaluation or settings.summary_channel is None:
        return
    try:
        await _post(bot, job.guild, settings.summary_channel, evaluation, job.id)
    except (RaftError, discord.HTTPException) as error:
        log.warning("the summary of %s was not posted: %s", job.id, error)


async def post_due(bot: RaftBot, now: datetime) -> None:
    """Begin the weekly evaluations that are due, and post those that are over."""
    services = bot.services
    for guild, plan in await services.look(weekly.plans, services.registry.guilds):
        home = bot.get_guild(int(guild))
        if home is None or home.unavailable:  # its channels are not known: they would be taken for gone
            continue
        try:
            hour = weekly.due(plan, now)
            if plan.job:
                await _finish(bot, guild, plan)
            elif hour:
                await _begin(bot, guild, plan, hour)
        except (RaftError, discord.HTTPException) as error:  # others' posts do not wait for it
            log.warning("the weekly post of guild %s has to wait: %s", guild, error)


def place_for(bot: RaftBot, guild: str, channel: int) -> Places:
    """Return a channel of a guild in which the bot can post.

    Raises:
        CannotHere: it is gone, or the bot lacks a permission there; names it.
    """
    home = bot.get_guild(int(guild))
    found = home.get_channel_or_thread(channel) if home else None
    if home is None or not isinstance(found, Places):
        raise CannotHere("the channel for summaries is gone", remedy="have an admin set another: `/settings`")
    lacking = missing_in(found)
    if lacking:
        raise CannotHere(
            f"I lack permissions in {found.mention}: {', '.join(lacking)}",
            remedy="whoever manages the server grants them to me in the channel's settings",
        )
    return found


async def _begin(bot: RaftBot, guild: str, plan: weekly.Weekly, hour: str) -> None:
    services = bot.services
    try:
        spec = await services.run(evaluate_spec, services, guild, "", WEEKLY_SAMPLES, plan.split)
        job = await services.run(services.queue.enqueue, "evaluate", guild, spec)
    except RaftError as error:
        if is_outage(error):
            raise
        if await services.look(weekly.noted, services.registry.guilds, guild, hour, ""):
            text = f"📅 This week's evaluation could not start.\n{error_text(error)}"
            await _say(bot, guild, plan.channel, text, f"{guild[-9:]}-{hour}")
        return
    if not await services.look(weekly.noted, services.registry.guilds, guild, hour, job.id):
        await services.run(services.queue.cancel, guild, job.id)  # another bot was quicker


async def _finish(bot: RaftBot, guild: str, plan: weekly.Weekly) -> None:
    services = bot.services
    found = await services.look(services.registry.jobs.get, [plan.job])
    if found and not found[0].is_over:
        return
    try:
        if found and found[0].state == "succeeded":
            await _post(bot, guild, plan.channel, evaluation_of(found[0]), plan.job)
        elif found:
            why = error_text(RaftError(found[0].reason or f"it was {found[0].state}"))
            text = f"📅 This week's evaluation has no result.\n{why}"
            await _say(bot, guild, plan.channel, text, plan.job)
    except GONE as error:
        log.warning("the weekly post of guild %s cannot be posted: %s", guild, error)
    await services.look(weekly.posted, services.registry.guilds, guild, plan.job)


async def _post(bot: RaftBot, guild: str, channel: int, evaluation: str, nonce: str) -> None:
    place = place_for(bot, guild, channel)
    summary = await bot.services.run(read_summary, bot.services, guild, evaluation)
    await place.send(**_contents(summary), nonce=nonce)


async def _say(bot: RaftBot, guild: str, channel: int, text: str, nonce: str) -> None:
    try:
        await place_for(bot, guild, channel).send(text, nonce=nonce[:NONCE])
    except GONE as error:
        log.warning("guild %s cannot be told: %s", guild, error)


def _contents(summary: Summary) -> dict[str, Any]:
    name = CHART if summary.chart else ""
    contents: dict[str, Any] = {
        "embed": summary_embed(summary.result, summary.counts, chart=name),
        "view": summary_view(summary),
    }
    return contents | ({"file": discord.File(io.BytesIO(summary.chart), name)} if name else {})
