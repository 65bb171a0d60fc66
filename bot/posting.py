"""One message that is edited while answers are written, whatever becomes of its token, and a queue of turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import discord

from bot.errors import TooOften
from raft_core.errors import RaftError

log = logging.getLogger(__name__)

Send = Callable[..., Awaitable[discord.Message]]
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, INVALID_TOKEN = 10003, 10008, 10015, 50027
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
TRIES = 4
WAITING = 50


class Deleted(RaftError):
    """Somebody who may has deleted the message: what it shows is no longer wanted."""


class Post:
    """A message that `first` sends and that is edited from then on.

    An interaction's token is good for 15 minutes; after that the message is edited as any other of the
    bot's, and where the bot may not do that, a new one is sent to `channel`.
    """

    def __init__(self, first: Send, channel: Any) -> None:
        self._first = first
        self._channel = channel
        self._message: discord.Message | discord.PartialMessage | None = None

    @property
    def id(self) -> str:
        """The id of the message; empty until it is sent."""
        return str(self._message.id) if self._message else ""

    async def show(self, view: discord.ui.LayoutView, file: discord.File | None = None) -> None:
        """Send or edit the message.

        Raises:
            Deleted: it was deleted.
            discord.HTTPException, aiohttp.ClientError: Discord has trouble.
        """
        if self._message is None:
            self._message = await self._first(view=view, **({"file": file} if file else {}))
            return
        more: dict[str, Any] = {"attachments": [file]} if file else {}
        try:
            await self._message.edit(view=view, **more)
        except discord.HTTPException as error:
            if error.code == UNKNOWN_MESSAGE:
                raise Deleted("the message was deleted") from error
            if error.code not in (UNKNOWN_WEBHOOK, INVALID_TOKEN):
                raise
            await self._edit_as_own(view, file)

    async def insist(
        self, view: discord.ui.LayoutView, file: Callable[[], discord.File] | None = None
    ) -> bool:
        """Send or edit the message, several times where Discord has trouble; False where nothing helps."""
        for number in range(TRIES):
            try:
                await self.show(view, file() if file else None)
            except Deleted:
                return False
            except discord.Forbidden as error:
                log.warning("may not show an answer: %s", error)
                file = None  # perhaps only files are forbidden
            except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
                log.warning("Discord does not take an answer: %s", error)
                await asyncio.sleep(2**number)
            else:
                return True
        return False

    async def _edit_as_own(self, view: discord.ui.LayoutView, file: discord.File | None) -> None:
        more: dict[str, Any] = {"attachments": [file]} if file else {}
        own = self._channel.get_partial_message(int(self.id))
        try:
            await own.edit(view=view, **more)
        except (discord.Forbidden, discord.NotFound) as error:
            if error.code == UNKNOWN_MESSAGE:
                raise Deleted("the message was deleted") from error
            if file is not None:
                file.reset()
            own = await self._channel.send(view=view, **({"file": file} if file else {}))
        self._message = own


class Ticket:
    """A place in line; `told` hears the place in the guild's line, from 1, and None when it begins."""

    def __init__(self, guild: str) -> None:
        self.guild = guild
        self.told: Callable[[int | None], None] = lambda _: None
        self.place: int | None = None
        self._begins = asyncio.Event()

    def move(self, place: int | None) -> None:
        """Take a place, or begin."""
        self.place = place
        self.told(place)
        if place is None:
            self._begins.set()

    async def turn(self, told: Callable[[int | None], None]) -> None:
        """Return when it is this one's turn."""
        self.told = told
        told(self.place)
        await self._begins.wait()


class Turns:
    """Lets so many at once of each guild, and in all; the others wait in line and are told their place."""

    def __init__(self, of_guild: int, in_all: int) -> None:
        self._of_guild = of_guild
        self._in_all = in_all
        self._working: list[Ticket] = []
        self._line: list[Ticket] = []

    @contextmanager
    def line_up(self, guild: str) -> Iterator[Ticket]:
        """Take a place in line, and give it up at the end of the block, wherever it is by then.

        Raises:
            TooOften: the guild's line is full.
        """
        if sum(other.guild == guild for other in self._line) >= WAITING:
            soon = discord.utils.utcnow().timestamp() + 60
            raise TooOften(f"{WAITING} questions of this server wait already", soon)
        ticket = Ticket(guild)
        self._line.append(ticket)
        self._advance()
        try:
            yield ticket
        finally:
            (self._line if ticket in self._line else self._working).remove(ticket)
            self._advance()

    def _advance(self) -> None:
        places: dict[str, int] = {}
        for ticket in list(self._line):
            at_once = sum(other.guild == ticket.guild for other in self._working)
            if len(self._working) < self._in_all and at_once < self._of_guild:
                self._line.remove(ticket)
                self._working.append(ticket)
                ticket.move(None)
            else:
                places[ticket.guild] = places.get(ticket.guild, 0) + 1
                ticket.move(places[ticket.guild])
