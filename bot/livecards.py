"""The cards of all jobs, kept up to date by one task that looks at the registry once a second.

Each card has at most one edit under way, and the next one shows whatever is true by then: so slow edits and
rate limits cost freshness and nothing else. All that matters is in the registry, and a restart goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bot.replies.cards import (
    KINDS,
    card_embed,
    card_key,
    finished_stages,
    milestones,
    receipt_embed,
    title_of,
)
from bot.views.cards import BUTTONS, button_for, view_of
from raft_core.errors import JobError, RaftError
from raft_core.records import JobInfo

if TYPE_CHECKING:
    from pathlib import Path

    from bot.client import RaftBot
    from raft_core.registry.cards import JobCard

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
OLD_S = 3600.0
"""Discord limits the edits of older messages: https://discord.com/developers/docs/topics/rate-limits"""
OLD_EDIT_EVERY_S = 60.0
OLD_EDIT_TAKES_S = 15.0
"""An edit of an old message that waits for longer is refused in all but name: discord.py waits the limit out."""
AFTER_TROUBLE_S = 5.0
FORBIDDEN_RETRY_S = 60.0
REPOSTS = 1
"""A card that is deleted is posted again once; whoever deletes it twice does not want it."""
CURVE_EVERY_S = 5.0
CURVE_NAME = "loss.png"
TOO_MANY_OLD_EDITS = 30046
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 10003, 10008
NO_THREAD = "0"
"""In place of a thread's id: none can be opened there."""

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
    busy: asyncio.Task[None] | None = field(default=None, repr=False)


class Cards:
    """Posts and edits cards, tells milestones in threads, and the end in a message of its own."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot
        self._live: dict[str, Live] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._steps: dict[str, list[NextSteps]] = {}
        self._watching: asyncio.Task[None] | None = None

    def offer(self, kind: str, steps: NextSteps) -> None:
        """Have the receipts of a kind of job show buttons: called in the `setup` of the cog that they belong to."""
        self._steps.setdefault(kind, []).append(steps)

    def begin(self) -> None:
        """Make the buttons of old cards work; called once."""
        self._bot.add_dynamic_items(*BUTTONS)

    async def recover(self) -> None:
        """Go on with the cards of all jobs whose end has not been told; called whenever Discord is connected."""
        services = self._bot.services
        for card in await services.look(services.registry.cards.live):
            if card.id not in self._live:
                await self._follow(card)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="cards")

    async def close(self) -> None:
        """Stop following; the registry knows where to go on."""
        tasks = [live.busy for live in self._live.values() if live.busy]
        tasks += [self._watching] if self._watching else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def asking(self, guild: str) -> asyncio.Lock:
        """Return the lock under which a guild's jobs are asked for."""
        return self._asking[guild]

    async def need_no_training(self, guild: str, kind: str) -> None:
        """Return when a job of a kind may begin: a guild trains one adapter at a time.

        Raises:
            JobError: it trains another; says whose.
        """
        if kind not in KINDS or not KINDS[kind].trains:
            return
        services = self._bot.services
        jobs = services.registry.jobs
        going = [
            job_id for job_id, other, _ in await services.look(jobs.asked_for, guild) if KINDS[other].trains
        ]
        for job in await services.look(jobs.get, going):
            who = f"<@{job.requester}>" if job.requester.isdigit() else "the shell"
            raise JobError(
                "this server trains one adapter at a time",
                remedy=f"wait until `{job.id}` of {who} is done ({job.percent:.0f} % now), or have it cancelled",
            )

    async def show(self, card: JobCard, job: JobInfo) -> JobCard:
        """Post the card of a new job and follow it; return it as it is kept now."""
        live = await self._follow(card, job)
        if live is None:
            return card
        if live.busy is None:
            live.busy = asyncio.create_task(self._update(live))
        with suppress(TimeoutError):  # the task goes on: only who asked does not wait for it
            await asyncio.wait_for(asyncio.shield(live.busy), AFTER_TROUBLE_S)
        return live.card

    async def revive(self, guild: str, job_id: str) -> None:
        """Follow a job again that goes on after its end was told."""
        services = self._bot.services
        await services.look(services.registry.cards.revive, guild, job_id)
        card = await services.look(services.registry.cards.get, guild, job_id)
        if card is not None and job_id not in self._live:
            await self._follow(card)

    def look_again(self, job_id: str) -> None:
        """Show at the next look what became of a job, without waiting for the card's turn."""
        if job_id in self._live:
            self._live[job_id].next_edit = 0.0

    async def _follow(self, card: JobCard, job: JobInfo | None = None) -> Live | None:
        services = self._bot.services
        found = [job] if job else await services.look(services.registry.jobs.get, [card.id])
        if not found or found[0].guild != card.guild:
            log.warning("the card of %s shows a job that is not there", card.id)
            return None
        _, _, spec = await services.look(services.registry.jobs.spec, card.id)
        return self._live.setdefault(card.id, Live(card, spec, found[0]))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except Exception as error:  # whatever it is, the cards must go on once it has passed
                log.warning("cannot look at the jobs: %s", error, exc_info=not isinstance(error, RaftError))

    async def _look(self) -> None:
        """Read the state of all followed jobs, and start the edits that are due."""
        if not self._live:
            return
        services = self._bot.services
        for job in await services.look(services.registry.jobs.get, list(self._live)):
            self._live[job.id].job = job
        crowd = Counter(live.card.channel for live in self._live.values())
        for live in list(self._live.values()):
            if live.busy is None and self._is_due(live):
                live.next_edit = time.monotonic() + self._pause(live, crowd[live.card.channel])
                live.busy = asyncio.create_task(self._update(live))

    def _is_due(self, live: Live) -> bool:
        over = live.job.is_over and not live.over
        live.over = live.job.is_over
        if over and not live.in_trouble:  # the end is told at once
            return True
        return time.monotonic() >= live.next_edit and (live.over or live.shown != card_key(live.job))

    def _pause(self, live: Live, crowd: int) -> float:
        """Return how long a card is left alone: cards of one channel share its edits, old messages have few."""
        return OLD_EDIT_EVERY_S if _age_s(live.card) > OLD_S else max(LOOK_EVERY_S * crowd - 0.1, 0.0)

    async def _update(self, live: Live) -> None:
        """Bring all that shows a job up to date; whatever Discord says to it, the job goes on."""
        live.in_trouble = True
        try:
            await self._show(live, live.job)
            live.in_trouble = False
        except discord.NotFound as error:
            await self._lost(live, error)
        except discord.Forbidden as error:
            await self._forbidden(live, error)
        except (discord.HTTPException, aiohttp.ClientError, OSError, RaftError) as error:
            self._later(live, AFTER_TROUBLE_S, error)
        except Exception as error:  # whatever it is, the other cards must go on
            log.exception("the card of %s cannot be shown", live.card.id)
            self._later(live, FORBIDDEN_RETRY_S, error)
        finally:
            live.busy = None

    async def _show(self, live: Live, job: JobInfo) -> None:
        services = self._bot.services
        done = finished_stages(await services.look(services.registry.jobs.units, job.id), job.kind)
        await self._look_for_curve(live, job)
        if not live.hidden and live.shown != card_key(job):
            await self._draw(live, job, done)
        live.shown = card_key(job)
        await self._tell_milestones(live, milestones(job, done), over=job.is_over)
        if job.is_over:
            await self._end(live, job)

    async def _look_for_curve(self, live: Live, job: JobInfo) -> None:
        if not KINDS[job.kind].trains or (time.monotonic() < live.next_curve and not job.is_over):
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
        if not live.card.message:
            message = await self._place(live).send(**shown, files=files)
            await self._note(live, message=str(message.id))
        else:
            await self._edit(live, shown | ({"attachments": files} if files else {}))
        live.curve_shown = stamp

    async def _edit(self, live: Live, shown: dict[str, Any]) -> None:
        """Edit a card; an old one whose edits are used up is replaced by a fresh one."""
        message = self._place(live).get_partial_message(int(live.card.message))
        old = _age_s(live.card) > OLD_S
        try:
            async with asyncio.timeout(OLD_EDIT_TAKES_S if old else None):
                await message.edit(**shown)
        except (TimeoutError, discord.HTTPException) as error:
            if isinstance(error, discord.HTTPException) and error.code != TOO_MANY_OLD_EDITS:
                raise
            files = shown.pop("attachments", [])
            for file in files:
                file.reset()
            log.info("the card of %s is too old to be edited: posting a fresh one", live.card.id)
            fresh = await self._place(live).send(**shown, files=files)
            await self._note(live, message=str(fresh.id))
            live.curve_shown = 0
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
                await thread.send("\n".join(fresh))
            except (discord.NotFound, discord.Forbidden) as error:  # the thread is gone, or locked
                log.warning("the thread of %s cannot be used: %s", live.card.id, error)
                await self._note(live, thread=NO_THREAD)
        await self._note(live, told=len(all_of_them))

    async def _open_thread(self, live: Live) -> None:
        message = self._place(live).get_partial_message(int(live.card.message))
        try:
            thread = await message.create_thread(
                name=f"{title_of(live.job.kind)} · {live.card.id}", auto_archive_duration=1440
            )
            await self._note(live, thread=str(thread.id))
        except (discord.HTTPException, ValueError) as error:  # in a thread, or without the permission
            log.info("no thread for %s: %s", live.card.id, error)
            await self._note(live, thread=NO_THREAD)

    async def _end(self, live: Live, job: JobInfo) -> None:
        """Tell a job's end once, in a message that pings only who asked for it."""
        services = self._bot.services
        if await services.look(services.registry.cards.announce, live.card.guild, job.id):
            try:
                await self._announce(live, job)
            finally:
                self._bot.dispatch("job_over", job)  # what else follows from it: an evaluation's summary
        again = await services.look(services.registry.jobs.get, [job.id])
        if again and again[0].is_over:  # someone may have sent it on meanwhile
            self._live.pop(job.id, None)

    async def _announce(self, live: Live, job: JobInfo) -> None:
        services, card = self._bot.services, live.card
        spending = await services.look(services.registry.costs.of_job, card.guild, job.id)
        files = [discord.File(live.curve, CURVE_NAME)] if live.curve else []
        embed = receipt_embed(job, live.spec, spending, CURVE_NAME if files else "")
        if card.message:
            embed.url = f"https://discord.com/channels/{card.guild}/{card.channel}/{card.message}"
        button = button_for(job)
        steps = [step for make in self._steps.get(job.kind, ()) for step in make(job)]
        view = view_of(*([button] if button else steps))
        shown: dict[str, Any] = {"embed": embed, "files": files} | ({"view": view} if view else {})
        pinged = [discord.Object(int(card.requester))] if card.requester.isdigit() else []
        await self._place(live).send(
            f"<@{card.requester}>" if pinged else None,
            allowed_mentions=discord.AllowedMentions(everyone=False, roles=False, users=pinged),
            **shown,
        )

    async def _lost(self, live: Live, error: discord.NotFound) -> None:
        """Post a card again that somebody deleted, once; give up where its channel is gone."""
        if error.code != UNKNOWN_MESSAGE:
            await self._give_up(live, error)
            return
        live.reposts += 1
        live.hidden = live.reposts > REPOSTS
        live.shown = ()
        live.curve_shown = 0
        log.info(
            "the card of %s was deleted: %s",
            live.card.id,
            "leaving it" if live.hidden else "posting it again",
        )
        await self._note(live, message="")
        live.next_edit, live.in_trouble = 0.0, False

    async def _forbidden(self, live: Live, error: discord.Forbidden) -> None:
        if live.job.is_over:
            await self._give_up(live, error)
        else:
            self._later(live, FORBIDDEN_RETRY_S, error)

    async def _give_up(self, live: Live, error: Exception) -> None:
        log.warning("giving the card of %s up: %s", live.card.id, error)
        self._live.pop(live.card.id, None)
        cards = self._bot.services.registry.cards
        await self._bot.services.look(cards.announce, live.card.guild, live.card.id)

    def _later(self, live: Live, wait_s: float, error: Exception) -> None:
        log.warning("the card of %s waits for %.0f s: %s", live.card.id, wait_s, error)
        live.next_edit = time.monotonic() + wait_s
        live.shown = ()

    async def _note(self, live: Live, **values: Any) -> None:
        """Keep what has become of a card, here and in the registry."""
        live.card = replace(live.card, **values)
        cards = self._bot.services.registry.cards
        await self._bot.services.look(cards.note, live.card.guild, live.card.id, **values)

    def _place(self, live: Live) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(int(live.card.channel), guild_id=int(live.card.guild))


def _age_s(card: JobCard) -> float:
    if not card.message:
        return 0.0
    return time.time() - discord.utils.snowflake_time(int(card.message)).timestamp()
