"""The cards of all jobs, kept up to date by one task that looks at the registry once a second.

Each card has at most one edit under way, and the next one shows whatever is true by then: so slow edits and
rate limits cost freshness and nothing else. All that matters is in the registry, and a restart goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot.cardmessages import OLD_S, CardMessages, Live, NextSteps, age_s
from bot.replies.cards import card_key, trains
from bot.views.cards import BUTTONS
from raft_core.errors import JobError, RaftError

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import JobInfo
    from raft_core.registry.cards import JobCard

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
OLD_EDIT_EVERY_S = 60.0
AFTER_TROUBLE_S = 5.0
FORBIDDEN_RETRY_S = 60.0
REPOSTS = 1
"""A card that is deleted is posted again once; whoever deletes it twice does not want it."""
UNKNOWN_MESSAGE = 10008


class Cards:
    """Posts and edits cards, tells milestones in threads, and the end in a message of its own."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot
        self._live: dict[str, Live] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._messages = CardMessages(bot)
        self._watching: asyncio.Task[None] | None = None

    def offer(self, kind: str, steps: NextSteps) -> None:
        """Have the receipts of a kind of job show buttons: called in the `setup` of the cog that they belong to."""
        self._messages.steps.setdefault(kind, []).append(steps)

    def begin(self) -> None:
        """Make the buttons of old cards work; called once."""
        self._bot.add_dynamic_items(*BUTTONS)

    async def recover(self) -> None:
        """Go on with the cards of all jobs whose end has not been told; called whenever Discord is connected."""
        services = self._bot.services
        for card in await services.look(services.registry.cards.live):
            if card.id not in self._live and (live := await self._follow(card)):
                live.is_recovered = True
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
        if not trains(kind):
            return
        services = self._bot.services
        jobs = services.registry.jobs
        going = [job_id for job_id, other, _ in await services.look(jobs.asked_for, guild) if trains(other)]
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
            if live := self._live.get(job.id):  # it may have been given up meanwhile
                live.job = job
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
        return OLD_EDIT_EVERY_S if age_s(live.card) > OLD_S else max(LOOK_EVERY_S * crowd - 0.1, 0.0)

    async def _update(self, live: Live) -> None:
        """Bring all that shows a job up to date; whatever Discord says to it, the job goes on."""
        live.in_trouble = True
        try:
            if await self._messages.show(live, live.job):
                self._live.pop(live.card.id, None)
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
        await self._messages.note(live, message="")
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
