"""How a command starts a job: the checks, the estimate, the question, the queue, and the card that shows it.

    await interaction.response.defer(ephemeral=True)
    await cards.start(interaction, "train", spec)

The card is a normal message of the channel; `bot.livecards` keeps it up to date and tells the end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import discord

from bot.access import check_quota, guild_of, quota_of
from bot.health import need_worker
from bot.permissions import need_to_post
from bot.replies.cards import Money, confirm_text
from bot.replies.text import inline
from bot.views.confirm import confirmed
from raft_core.errors import OverBudget, RaftError
from raft_core.jobs.costs import Estimate, committed, daily_budget
from raft_core.registry.cards import JobCard

if TYPE_CHECKING:
    from bot.client import RaftBot
    from bot.services import Services
    from raft_core.records import JobInfo

Json = dict[str, Any]

DAY_S = 24 * 3600
GO = "Start"


async def start(
    interaction: discord.Interaction[RaftBot], kind: str, spec: Json, *, confirm: bool = True, note: str = ""
) -> JobInfo:
    """Ask the member, put a job into the queue and post its card; return the job.

    The interaction must have been deferred, ephemerally; the member's level is the command's to check. `note` is a
    line for the question. Without `confirm` nothing is asked: for what costs nothing.

    Raises:
        CannotHere: the bot lacks a permission in the channel.
        TooOften: the member's jobs of today are used up.
        JobError: no worker runs, or another training of the server does.
        OverBudget, QueueFull: there is no room for the job.
        Declined: the member did not confirm.
    """
    bot, guild = interaction.client, guild_of(interaction)
    need_to_post(interaction)
    await _check(interaction, guild, kind)
    answered = interaction
    if confirm:
        answered = await confirmed(interaction, await _question(bot.services, guild, kind, spec, note), GO)
        await answered.response.edit_message(content="⏳ Putting it into the queue …", view=None)
    channel = interaction.channel_id or 0
    try:
        card = await enqueue(bot, guild, channel, kind, spec, str(interaction.user.id))
    except RaftError:
        await answered.edit_original_response(content="Nothing was started.", view=None)
        raise
    where = (
        f"https://discord.com/channels/{guild}/{card.channel}/{card.message}" if card.message else "a moment"
    )
    await answered.edit_original_response(content=f"▶️ {inline(card.id)}: its card is {where}", view=None)
    return await bot.services.look(bot.services.queue.find, guild, card.id)


async def enqueue(
    bot: RaftBot, guild: str, channel: int, kind: str, spec: Json, requester: str = ""
) -> JobCard:
    """Put a job into the queue and post its card in a channel, with nobody asked; an empty requester is never pinged.

    Raises:
        JobError: another training of the server runs.
        OverBudget, QueueFull: there is no room for the job.
    """
    services = bot.services
    async with bot.cards.asking(guild):  # so that two members cannot start a training each at the same moment
        await bot.cards.need_no_training(guild, kind)
        job = await services.run(services.queue.enqueue, kind, guild, spec, requester)
    # Kept before it is sent: whatever happens to the bot now, it posts the card later.
    card = JobCard(guild, job.id, str(channel), "", requester)
    await services.look(services.registry.cards.add, card)
    return await bot.cards.show(card, job)


async def _check(interaction: discord.Interaction[RaftBot], guild: str, kind: str) -> None:
    services = interaction.client.services
    settings = await services.guild_settings(guild)
    if kind != "ingest":  # documents have a quota of their own
        day_ago = datetime.now(UTC).timestamp() - DAY_S
        asked = services.registry.jobs.requested_since
        found = await services.look(asked, guild, str(interaction.user.id), day_ago)
        times = [datetime.fromtimestamp(each.at, UTC).isoformat() for each in found if each.kind != "ingest"]
        check_quota("job", times, quota_of(interaction.user, settings).jobs)
    await need_worker(services)
    await interaction.client.cards.need_no_training(guild, kind)


async def _question(services: Services, guild: str, kind: str, spec: Json, note: str) -> str:
    """Return what the member is asked.

    Raises:
        OverBudget: there is no need to ask.
    """
    settings, registry = services.settings, services.registry

    def figures() -> tuple[Estimate, Money, int]:
        estimate = services.queue.estimate(kind, guild, spec)
        money = Money(daily_budget(settings, registry, guild), committed(settings, registry, guild))
        return estimate, money, registry.jobs.unfinished(guild)

    estimate, money, waiting = await services.look(figures)
    if money.limit is not None and estimate.usd and money.spent + estimate.usd > money.limit:
        raise OverBudget(estimate.usd, money.spent, money.limit)
    return confirm_text(kind, spec, estimate, money, waiting, note)
