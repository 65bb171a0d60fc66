"""What cogs call: the registry, the queue, the library and the models, without ever blocking the event loop.

A call that reads a database or waits for a server runs in a thread: `await services.run(function, …)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from bot.settings import GuildSettings, read_settings
from raft_core.errors import RegistryError
from raft_core.jobs.queue import Queue
from raft_core.registry.registry import Registry
from raft_core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

P = ParamSpec("P")
R = TypeVar("R")

LOOK_S = 2.5
"""Discord waits three seconds for an answer; a database that hangs must be told before."""
BUSY_S = 2.0
"""A write waits for other processes' until then: shorter, so that what was told to have failed is not done later."""
QUICK_THREADS = 8
"""Looks at the registry: milliseconds each. Autocomplete and acknowledgements wait for nothing slower."""
SLOW_THREADS = 32
"""Answers, retrievals and files: seconds each."""


class Services:
    """Everything behind the bot; opened once, passed to all.

    Raises:
        RegistryError: the registry's database cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry(settings.registry_url, busy_timeout_s=BUSY_S)
        self.queue = Queue(settings, self.registry)
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "quick")
        self._slow = ThreadPoolExecutor(SLOW_THREADS, "slow")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)
        self.queue.close()
        self.registry.close()

    async def look(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a look at the registry, of milliseconds, in a thread.

        Raises:
            RegistryError: the database does not answer in time to be told so.
        """
        looking = asyncio.get_running_loop().run_in_executor(self._quick, partial(function, *args, **kwargs))
        try:
            return await asyncio.wait_for(looking, LOOK_S)
        except TimeoutError as error:
            raise RegistryError("the registry's database", "does not answer") from error

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what may take seconds in a thread; it never delays a `look`."""
        return await asyncio.get_running_loop().run_in_executor(
            self._slow, partial(function, *args, **kwargs)
        )

    async def guild_settings(self, guild: str) -> GuildSettings:
        """Return a server's settings."""
        return await self.look(read_settings, self.registry.guilds, guild)

    def embeddings(self) -> Embeddings:
        """Return what embeds questions without a model in this process: the model server's, or a set URL's."""
        from raft_core.store.embeddings import remote_embeddings

        return remote_embeddings(self.settings)
