"""The server: starts and stops, holds the world, and hands out guilds, channels, roles and members."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from tests.discord_server import rest, rest_channels, rest_interactions, rest_world
from tests.discord_server.arranging import Arranging
from tests.discord_server.clock import Clock
from tests.discord_server.faults import Faults
from tests.discord_server.gateway import PRIVILEGED, Gateway
from tests.discord_server.interactions import ACK_S
from tests.discord_server.openapi import shared_openapi
from tests.discord_server.permissions import EVERYONE, Permission
from tests.discord_server.ratelimits import RateLimits
from tests.discord_server.state import World

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.local.not-a-real-token"
BOT_PERMISSIONS = EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS
# Flags of an application that may use an intent in fewer than 100 guilds.
INTENT_FLAGS = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}
ROUTE_MODULES = (rest_world, rest_channels, rest_interactions)


@dataclass(frozen=True)
class Seen:
    """One request that the bot made."""

    method: str
    path: str
    status: int
    at: float


class DiscordServer(Arranging):
    """A Discord of its own, in a thread, while the `with` block runs. See the package's docstring."""

    def __init__(
        self,
        *,
        rate_limits: bool = True,
        privileged_intents: Iterable[str] = (),
        token: str = TOKEN,
        bot_name: str = "raftbot",
        heartbeat_s: float = 41.25,
        port: int = 0,
    ) -> None:
        assert set(privileged_intents) <= set(PRIVILEGED), f"privileged intents are {sorted(PRIVILEGED)}"
        self.token, self.port = token, port
        self.privileged_intents = set(privileged_intents)
        self.application_flags = sum(INTENT_FLAGS[name] for name in self.privileged_intents)
        self.recommended_shards = 1
        # Discord's limit. A test of something else may widen it where the machine is starved.
        self.ack_s = ACK_S
        self.clock, self.faults, self.world = Clock(), Faults(), World()
        self.rate_limits = RateLimits(self.clock, rate_limits)
        self.openapi = shared_openapi()
        # Off while a benchmark measures: a check costs about a millisecond of this process.
        self.check_schemas = True
        self.gateway = Gateway(self, heartbeat_s)
        self.requests: list[Seen] = []
        # What a test should find empty: see check().
        self.unknown_requests: list[str] = []
        self.schema_problems: list[str] = []
        self.crashes: list[str] = []
        # Every refusal, in words: good to print when a test fails.
        self.errors: list[str] = []
        self.syncs = 0
        self._burst: list[tuple[Interaction, dict[str, Any]]] | None = None
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.bot = self._user(bot_name, bot=True)
        self.owner = self._user("owner")
        self.guild = self.add_guild("Library")
        self.channel = self.channel_named("general")

    @property
    def application_id(self) -> int:
        """The application's id, which is its bot's too."""
        return self.bot.id

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway_url(self) -> str:
        """Where its gateway listens."""
        return f"ws://127.0.0.1:{self.port}/gateway"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="discord-server")
        self._thread.start()
        self.run_async(self._start())
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._loop
        self.run_async(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = None

    async def _start(self) -> None:
        app = web.Application(client_max_size=rest.BODY_BYTES * 2)

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await rest.handle(self, request)
            except Exception as crash:  # A fault of ours must fail the test, not look like Discord's.
                self.crashes.append(f"{request.method} {request.path}: {crash!r}")
                raise

        async def serve_file(request: web.Request) -> web.StreamResponse:
            return await rest.serve_file(self, request)

        for folder in ("attachments", "ephemeral-attachments"):
            app.router.add_get(f"/{folder}/{{place}}/{{attachment_id}}/{{name}}", serve_file)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_route("*", rest.API + "/{path:.*}", handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self.gateway.drop()
        await self._runner.cleanup()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run_async(self, coroutine: Any) -> Any:
        """Run a coroutine in the server's thread and return what it returns."""
        assert self._loop
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def run(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function in the server's thread: all changes of the world happen there while it runs."""
        if self._loop is None:
            return function(*args, **options)

        async def call() -> Any:
            return function(*args, **options)

        return self.run_async(call())

    def note_change(self) -> None:
        """Wake those who wait for something."""
        with self._changed:
            self._changed.notify_all()

    def note_request(self, method: str, path: str, status: int, at: float) -> None:
        """Remember a request."""
        self.requests.append(Seen(method, path, status, at))
        self.note_change()

    def last_requests(self, count: int = 6) -> list[str]:
        """Return the latest requests in words."""
        return [
            f"{seen.method} {seen.path} → {seen.status}" for seen in self.requests[-count:]
        ] + self.errors[-3:]

    def wait_for(
        self, condition: Callable[[], Any], timeout_s: float = 10.0, failure: Callable[[], str] | str = ""
    ) -> Any:
        """Wait until a condition holds and return its value; fail with a clear text after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            left = deadline - time.monotonic()
            if left <= 0:
                text = failure() if callable(failure) else failure or "what the test waits for did not happen"
                raise AssertionError(f"after {timeout_s:g} s: {text}; last requests: {self.last_requests()}")
            with self._changed:
                self._changed.wait(min(left, 0.05))
        return value

    def wait_ready(self, timeout_s: float = 20.0, *, commands: bool = True) -> None:
        """Wait until the bot is connected and, unless told otherwise, has registered its commands."""
        self.wait_for(lambda: self.gateway.connected, timeout_s, "the bot did not connect")
        if commands:
            self.wait_for(
                lambda: any(self.world.commands.values()), timeout_s, "the bot registered no commands"
            )

    def check(self) -> None:
        """Fail where the bot asked for what does not exist, or sent what Discord's schema forbids."""
        assert not self.crashes, f"the local server itself failed: {self.crashes}"
        assert not self.unknown_requests, f"requests that Discord does not know: {self.unknown_requests}"
        assert not self.schema_problems, f"bodies against Discord's OpenAPI file: {self.schema_problems}"

    def drop_gateway(self, code: int | None = None) -> None:
        """Cut the bot's gateway connection, without a word or with a close code."""
        self.run(self.gateway.drop, code)

    def send_interaction(self, interaction: Interaction, payload: dict[str, Any]) -> None:
        """Hand an interaction to the bot, or keep it for the end of a burst."""
        self.world.interactions[interaction.token] = interaction
        if self._burst is not None:
            self._burst.append((interaction, payload))
        else:
            self.gateway.event("INTERACTION_CREATE", interaction.guild, payload)

    @contextmanager
    def burst(self) -> Iterator[None]:
        """Keep the interactions of a block and send them all in one moment at its end."""
        self._burst = []
        yield
        held, self._burst = self._burst, None

        def send() -> None:
            for interaction, payload in held:
                interaction.started_at = self.clock.now()
                self.gateway.event("INTERACTION_CREATE", interaction.guild, payload)

        self.run(send)
