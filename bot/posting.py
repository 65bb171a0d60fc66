"""One message that is edited while answers are written, whatever becomes of its token, and a queue of turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import discord

from bot.delivery import LOST, UNKNOWN_MESSAGE
from bot.errors import TooOften
from raft_core.errors import RaftError

log = logging.getLogger(__name__)

Send = Callable[..., Awaitable["Editable"]]
Version = Callable[[bool], tuple[discord.ui.LayoutView, discord.File | None]]
"""One way of showing something, with or without a file as it is told."""
UNKNOWN_WEBHOOK, INVALID_TOKEN = 10015, 50027
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
BAD_REQUEST, TOO_MANY_REQUESTS, SERVER_ERROR = 400, 429, 500
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0)
"""Five minutes: Discord's outages are mostly shorter."""
WAITING = 50


class Deleted(RaftError):
    """Somebody who may has deleted the message: what it shows is no longer wanted."""


class Editable(Protocol):
    """A message as `Post` uses it: discord.py's messages, and answers of interactions."""

    @property
    def id(self) -> int:
        """The message's id; 0 where it is not known."""

    @property
    def edit(self) -> Callable[..., Awaitable[Any]]:
        """Changes the message."""


class Original:
    """The answer of an interaction, by its token, which is good for 15 minutes."""

    def __init__(self, interaction: discord.Interaction[Any], message_id: int) -> None:
        self._interaction = interaction
        self.id = message_id

    async def edit(self, **changes: Any) -> discord.InteractionMessage:
        """Change it."""
        return await self._interaction.edit_original_response(**changes)


class Hooked:
    """The answer of an interaction of an earlier process, by the token that was kept."""

    def __init__(self, bot: discord.Client, token: str, message_id: int) -> None:
        self._hook = discord.Webhook.partial(bot.application_id or 0, token, client=bot)
        self.id = message_id

    async def edit(self, **changes: Any) -> discord.WebhookMessage:
        """Change it."""
        wanted: Any = self.id or "@original"
        message = await self._hook.edit_message(wanted, **changes)
        self.id = message.id
        return message


class Post:
    """A message that is edited: one that is there, or one that `first` sends.

    An interaction's token is good for 15 minutes; after that the message is edited as any other of the
    bot's, and where the bot may not do that, a new one is sent to `channel`. Messages are sent under `nonce`:
    sent again because Discord's reply was lost, they are there once.
    """

    def __init__(
        self, message: Editable | None, channel: Any, first: Send | None = None, nonce: str = ""
    ) -> None:
        self._message = message
        self._channel = channel
        self._first = first
        self.nonce = nonce
        self.is_shown = False

    @property
    def id(self) -> str:
        """The id of the message; empty until it is known."""
        return str(self._message.id) if self._message and self._message.id else ""

    async def show(self, view: discord.ui.LayoutView, file: discord.File | None = None) -> None:
        """Send or edit the message.

        Raises:
            Deleted: it was deleted.
            discord.HTTPException, aiohttp.ClientError: Discord has trouble.
        """
        if self._message is not None:
            await self._edit(self._message, view, file)
        elif self._first is not None:
            more = {"file": file} if file else {}
            self._message = await self._first(view=view, nonce=self.nonce, **more)
        self.is_shown = True

    async def insist(self, versions: Sequence[Version], pauses_s: Sequence[float] = PAUSES_S) -> bool:
        """Show the first version that Discord takes, again where it has trouble; False where nothing helps.

        Raises:
            Deleted: the message was deleted.
        """
        place, may_attach, pauses = 0, True, list(pauses_s)
        while True:
            try:
                await self.show(*versions[place](may_attach))
                return True
            except discord.Forbidden as error:
                log.warning("may not show an answer: %s", error)
                if not may_attach:
                    return False
                may_attach = False  # perhaps only files are forbidden
            except discord.HTTPException as error:
                log.warning("Discord does not take an answer: %s", error)
                if error.status == BAD_REQUEST and place + 1 < len(versions):
                    place += 1
                elif not _may_pass(error) or not await _paused(pauses):
                    return False
            except LOST as error:
                log.warning("Discord cannot be reached: %r", error)
                if not await _paused(pauses):
                    return False

    async def _edit(self, message: Editable, view: discord.ui.LayoutView, file: discord.File | None) -> None:
        changes: dict[str, Any] = {"view": view} | ({"attachments": [file]} if file else {})
        try:
            await message.edit(**changes)
        except discord.HTTPException as error:
            if error.code == UNKNOWN_MESSAGE:
                raise Deleted("the message was deleted") from error
            if error.code not in (UNKNOWN_WEBHOOK, INVALID_TOKEN):
                raise
            if not message.id:
                raise Deleted("the message can no longer be reached") from error
            if file is not None:
                file.reset()
            await self._edit_as_own(message.id, changes)

    async def _edit_as_own(self, message_id: int, changes: dict[str, Any]) -> None:
        own: Editable = self._channel.get_partial_message(message_id)
        try:
            await own.edit(**changes)
        except (discord.Forbidden, discord.NotFound) as error:
            if error.code == UNKNOWN_MESSAGE:
                raise Deleted("the message was deleted") from error
            files = changes.pop("attachments", [])
            for file in files:
                file.reset()
            own = await self._channel.send(**changes, files=files, nonce=self.nonce)
        self._message = own


def _may_pass(error: discord.HTTPException) -> bool:
    return error.status >= SERVER_ERROR or error.status == TOO_MANY_REQUESTS


async def _paused(pauses_s: list[float]) -> bool:
    """Wait for the first of the pauses and drop it; False where none is left."""
    if not pauses_s:
        return False
    await asyncio.sleep(pauses_s.pop(0))
    return True


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
