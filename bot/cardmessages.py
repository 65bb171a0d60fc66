"""What one job shows in Discord: its card, the thread of its milestones, and the receipt at its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import discord

from bot.replies.cards import (
    card_embed,
    card_key,
    finished_stages,
    is_card,
    milestones,
    receipt_embed,
    title_of,
    trains,
)
from bot.views.cards import button_for, view_of
from raft_core.records import JobInfo

if TYPE_CHECKING:
    from pathlib import Path

    from bot.client import RaftBot
    from raft_core.registry.cards import JobCard

log = logging.getLogger(__name__)

OLD_S = 3600.0
"""Discord limits the edits of older messages: https://discord.com/developers/docs/topics/rate-limits"""
OLD_EDIT_TAKES_S = 15.0
"""An edit of an old message that waits for longer is refused in all but name: discord.py waits the limit out."""
CURVE_EVERY_S = 5.0
CURVE_NAME = "loss.png"
TOO_MANY_OLD_EDITS = 30046
THREAD_EXISTS = 160004
NO_THREAD = "0"
"""In place of a thread's id: none can be opened there."""
SEARCHED = 100
"""Messages that are looked through for a card: one request."""
NONCE = 25
"""Characters: https://discord.com/developers/docs/resources/message#create-message"""

NextSteps = Callable[[JobInfo], Sequence[discord.ui.Item[Any]]]


@dataclass(slots=True)
class Live:
    """A card that is followed: what is kept of it, the job as last seen, and what was shown when."""

    card: JobCard
    spec: dict[str, Any]
    job: JobInfo
    shown: tuple[object, ...] = ()
    next_edit: float = 0.0
    over: bool = False
    in_trouble: bool = False
    """The last edit failed, and the next one has to wait."""
    reposts: int = 0
    hidden: bool = False
    """Nobody wants to see it: only its end is told."""
    curve: Path | None = None
    curve_shown: int = 0
    """When the curve that the card shows was drawn, as its file says."""
    next_curve: float = 0.0
    is_recovered: bool = False
    """It was kept by an earlier process, which may have posted it and noted no more."""
    busy: asyncio.Task[None] | None = field(default=None, repr=False)


class CardMessages:
    """Writes what a card's job comes to; `steps` make the buttons of receipts, by kind of job."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot
        self.steps: dict[str, list[NextSteps]] = {}

    async def show(self, live: Live, job: JobInfo) -> bool:
        """Bring card, thread and, at the end, receipt up to date; return whether there is nothing left to tell.

        Raises:
            discord.HTTPException, aiohttp.ClientError: Discord does not take it.
            RaftError: the registry or the artifacts cannot be read.
        """
        services = self._bot.services
        done = finished_stages(await services.look(services.registry.jobs.units, job.id), job.kind)
        await self._look_for_curve(live, job)
        if not live.hidden and live.shown != card_key(job):
            await self._draw(live, job, done)
        live.shown = card_key(job)
        await self._tell_milestones(live, milestones(job, done), over=job.is_over)
        return job.is_over and await self._end(live, job)

    async def _look_for_curve(self, live: Live, job: JobInfo) -> None:
        if not trains(job.kind) or (time.monotonic() < live.next_curve and not job.is_over):
            return
        live.next_curve = time.monotonic() + CURVE_EVERY_S
        services = self._bot.services
        live.curve = await services.run(services.queue.curve, job.guild, job.id)

    async def _draw(self, live: Live, job: JobInfo, done: Sequence[str]) -> None:
        embed = card_embed(job, live.spec, done, CURVE_NAME if live.curve else "")
        button = button_for(job)
        shown: dict[str, Any] = {"embed": embed, "view": view_of(button) if button else None}
        stamp = live.curve.stat().st_mtime_ns if live.curve else 0
        files = [discord.File(live.curve, CURVE_NAME)] if live.curve and stamp != live.curve_shown else []
        if not live.card.message and live.is_recovered:
            await self._look_for_card(live)
        if not live.card.message:
            # Sent again because Discord's reply was lost, it is there once.
            nonce = f"{live.card.id}-card{live.reposts}"
            message = await self._place(live).send(**shown, files=files, nonce=nonce)
            await self.note(live, message=str(message.id))
        else:
            await self._edit(live, shown | ({"attachments": files} if files else {}))
        live.curve_shown = stamp

    async def _look_for_card(self, live: Live) -> None:
        live.is_recovered = False
        async for message in self._place(live).history(limit=SEARCHED):
            if message.author == self._bot.user and any(
                is_card(each, live.card.id) for each in message.embeds
            ):
                await self.note(live, message=str(message.id))
                return

    async def _edit(self, live: Live, shown: dict[str, Any]) -> None:
        """Edit a card; an old one whose edits are used up is replaced by a fresh one."""
        message = self._place(live).get_partial_message(int(live.card.message))
        old = age_s(live.card) > OLD_S
        try:
            async with asyncio.timeout(OLD_EDIT_TAKES_S if old else None):
                await message.edit(**shown)
        except (TimeoutError, discord.HTTPException) as error:
            if isinstance(error, discord.HTTPException) and error.code != TOO_MANY_OLD_EDITS:
                raise
            shown.pop("attachments", None)
            files = [discord.File(live.curve, CURVE_NAME)] if live.curve else []
            log.info("the card of %s is too old to be edited: posting a fresh one", live.card.id)
            nonce = f"{live.card.id}-{live.card.message}"[:NONCE]
            fresh = await self._place(live).send(**shown, files=files, nonce=nonce)
            await self.note(live, message=str(fresh.id))
            with suppress(discord.HTTPException):
                await message.delete()

    async def _tell_milestones(self, live: Live, all_of_them: Sequence[str], *, over: bool) -> None:
        """Tell in the card's thread what has been reached and is not told yet; a job that ends needs none for it."""
        fresh = all_of_them[live.card.told :]
        if not fresh:
            return
        if not live.card.thread and not over and live.card.message:
            await self._open_thread(live)
        if live.card.thread not in {"", NO_THREAD}:
            thread = self._bot.get_partial_messageable(int(live.card.thread), guild_id=int(live.card.guild))
            try:
                await thread.send("\n".join(fresh), nonce=f"{live.card.id}-told{live.card.told}")
            except (discord.NotFound, discord.Forbidden) as error:  # the thread is gone, or locked
                log.warning("the thread of %s cannot be used: %s", live.card.id, error)
                await self.note(live, thread=NO_THREAD)
        await self.note(live, told=len(all_of_them))

    async def _open_thread(self, live: Live) -> None:
        message = self._place(live).get_partial_message(int(live.card.message))
        try:
            thread = await message.create_thread(
                name=f"{title_of(live.job.kind)} · {live.card.id}", auto_archive_duration=1440
            )
            await self.note(live, thread=str(thread.id))
        except (discord.HTTPException, ValueError) as error:  # in a thread, or without the permission
            # A thread has the id of its message; the reply to the request that opened it was lost.
            opened = isinstance(error, discord.HTTPException) and error.code == THREAD_EXISTS
            log.info("no new thread for %s: %s", live.card.id, error)
            await self.note(live, thread=live.card.message if opened else NO_THREAD)

    async def _end(self, live: Live, job: JobInfo) -> bool:
        """Tell a job's end once, in a message that pings only who asked for it; False where it goes on already."""
        services = self._bot.services
        kept = await services.look(services.registry.cards.get, live.card.guild, job.id)
        if kept is not None and not kept.announced:
            await self._announce(live, job)
            # What else follows from it, such as an evaluation's summary: begun before the end counts as told.
            self._bot.dispatch("job_over", job)
            await services.look(services.registry.cards.announce, live.card.guild, job.id)
        again = await services.look(services.registry.jobs.get, [job.id])
        return bool(again) and again[0].is_over  # someone may have sent it on meanwhile

    async def _announce(self, live: Live, job: JobInfo) -> None:
        services, card = self._bot.services, live.card
        spending = await services.look(services.registry.costs.of_job, card.guild, job.id)
        files = [discord.File(live.curve, CURVE_NAME)] if live.curve else []
        embed = receipt_embed(job, live.spec, spending, CURVE_NAME if files else "")
        if card.message:
            embed.url = f"https://discord.com/channels/{card.guild}/{card.channel}/{card.message}"
        button = button_for(job)
        steps = [step for make in self.steps.get(job.kind, ()) for step in make(job)]
        view = view_of(*([button] if button else steps))
        shown: dict[str, Any] = {"embed": embed, "files": files} | ({"view": view} if view else {})
        pinged = [discord.Object(int(card.requester))] if card.requester.isdigit() else []
        await self._place(live).send(
            f"<@{card.requester}>" if pinged else None,
            allowed_mentions=discord.AllowedMentions(everyone=False, roles=False, users=pinged),
            # Sent before it is noted as sent: killed in between, the bot sends it again and Discord drops it.
            nonce=f"{job.id}-{job.finished_at or 0:.0f}"[:NONCE],
            **shown,
        )

    async def note(self, live: Live, **values: Any) -> None:
        """Keep what has become of a card, here and in the registry."""
        live.card = replace(live.card, **values)
        cards = self._bot.services.registry.cards
        await self._bot.services.look(cards.note, live.card.guild, live.card.id, **values)

    def _place(self, live: Live) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(int(live.card.channel), guild_id=int(live.card.guild))


def age_s(card: JobCard) -> float:
    """Return how long ago a card was posted, by its message's id; 0 before it is."""
    if not card.message:
        return 0.0
    return time.time() - discord.utils.snowflake_time(int(card.message)).timestamp()
