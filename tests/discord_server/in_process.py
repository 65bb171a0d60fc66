"""A discord.py client in a thread of this process, for tests of the server and of single parts of the bot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import discord
from discord import app_commands

from tests.discord_server.launch import point_to
from tests.discord_server.server import DiscordServer


class Client(discord.Client):
    """A client with a command tree, which takes down the events that it gets."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__(intents=intents, max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.resumed = 0

    async def setup_hook(self) -> None:
        """Register the commands that a test has added."""
        if self.tree.get_commands() or self.tree.get_commands(type=discord.AppCommandType.message):
            await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        """Take down a message."""
        self.heard.append(message)

    async def on_resumed(self) -> None:
        """Count the resumptions."""
        self.resumed += 1


class ClientThread:
    """Runs a client while the `with` block runs; `do` awaits something in its loop."""

    def __init__(
        self,
        server: DiscordServer,
        set_up: Callable[[Client], None] = lambda client: None,
        intents: discord.Intents | None = None,
    ) -> None:
        self.server = server
        intents = intents or discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="discord-client")
        self._thread.start()
        self.client: Client = self.do(self._make(set_up, intents))

    async def _make(self, set_up: Callable[[Client], None], intents: discord.Intents) -> Client:
        client = Client(intents)
        set_up(client)
        return client

    def __enter__(self) -> Self:
        point_to(self.server.url)
        self._running = asyncio.run_coroutine_threadsafe(self.client.start(self.server.token), self._loop)
        self.server.wait_for(self._has_guilds, 10, "the client has not all of its guilds")
        if self._running.done():
            self._running.result()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Log out and end the thread."""
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _has_guilds(self) -> bool:
        return self._running.done() or self.do(self._count()) == len(self.server.guilds_of_bot())

    async def _count(self) -> int:
        """Count the guilds in the client's own thread: there none is seen half filled."""
        return len([guild for guild in self.client.guilds if not guild.unavailable])

    async def _close(self) -> None:
        await self.client.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def do(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float = 20.0) -> Any:
        """Await a coroutine in the client's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Begin a coroutine in the client's loop and do not wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    @property
    def channel(self) -> Any:
        """The client's view of the server's first channel."""
        return self.client.get_channel(self.server.channel.id)
