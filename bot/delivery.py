"""Answers to interactions, delivered once although replies get lost on the way.

A request may have been applied although the connection broke before Discord's reply to it arrived. What can
be repeated is repeated: an acknowledgement (Discord refuses the second with 40060, which says that the first
one arrived), edits and deletions, and the first follow-up after a deferral, which is sent as an edit of it.
Any other follow-up is sent once: nobody can ask whether it arrived.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
from discord.http import Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

log = logging.getLogger(__name__)

LOST = (aiohttp.ClientError, OSError, TimeoutError)
"""What a broken connection to Discord raises, which discord.py repeats hardly ever."""
ALREADY_ACKNOWLEDGED, UNKNOWN_MESSAGE = 40060, 10008
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
ACKNOWLEDGE_AGAIN_S = (0.1, 0.3, 0.6)
"""Within the three seconds that Discord waits."""
AGAIN_S = (0.5, 1.0, 2.0, 4.0)
DEFERRED = 5
"""https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback-type"""
EPHEMERAL = 1 << 6
REMEMBERED = 1000
"""Deferrals that may still be filled: tokens live for 15 minutes."""

Request = Callable[[], Awaitable[Any]]


class Delivery(AsyncWebhookAdapter):
    """Sends what discord.py sends to interactions' webhooks; `install` has it used."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # discord.py's
        self._deferred: OrderedDict[str, None] = OrderedDict()

    def install(self) -> None:
        """Have discord.py use this in the present task, and in all that it starts."""
        async_context.set(self)

    async def request(self, route: Route, session: aiohttp.ClientSession, **options: Any) -> Any:
        """Send a request, again where that can do no harm.

        Raises:
            discord.HTTPException: Discord refuses it.
            aiohttp.ClientError, OSError: Discord cannot be reached.
        """
        token = route.webhook_token or ""
        if route.path.endswith("/callback"):
            return await self._acknowledge(route, token, session, options)
        fills = token in self._deferred and (route.method == "POST" or route.path.endswith("/@original"))
        if not fills:
            again = () if route.method == "POST" else AGAIN_S
            return await self._send(route, session, options, again)
        del self._deferred[token]
        if route.method == "POST":
            route, options = _as_edit(route, options)
        try:
            return await self._send(route, session, options, AGAIN_S)
        except BaseException:
            self._remember(token)  # what is sent in its place fills the deferral
            raise

    async def _acknowledge(
        self, route: Route, token: str, session: aiohttp.ClientSession, options: dict[str, Any]
    ) -> Any:
        try:
            answer = await self._send(route, session, options, ACKNOWLEDGE_AGAIN_S)
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
            log.info("an acknowledgement had arrived already")
            answer = {"interaction": {"id": str(route.webhook_id), "type": 0}}
        if _body(options).get("type") == DEFERRED:
            self._remember(token)
        return answer

    async def _send(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        options: dict[str, Any],
        pauses_s: tuple[float, ...],
    ) -> Any:
        for number, pause_s in enumerate((*pauses_s, None)):
            for file in options.get("files") or () if number else ():
                file.reset(seek=True)
            try:
                return await super().request(route, session, **options)
            except LOST as error:
                if pause_s is None:
                    raise
                log.info("%s %s is sent again: %r", route.method, route.path, error)
                await asyncio.sleep(pause_s)
            except discord.NotFound as error:
                if number and route.method == "DELETE" and error.code == UNKNOWN_MESSAGE:
                    return None  # the first time did it
                raise
        raise AssertionError("unreachable")

    def _remember(self, token: str) -> None:
        self._deferred[token] = None
        while len(self._deferred) > REMEMBERED:
            self._deferred.popitem(last=False)


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a request, wherever discord.py put it."""
    if options.get("payload") is not None:
        return dict(options["payload"])
    part = next((each for each in options.get("multipart") or () if each["name"] == "payload_json"), None)
    return dict(json.loads(part["value"])) if part else {}


def _as_edit(route: Route, options: dict[str, Any]) -> tuple[Route, dict[str, Any]]:
    """Return the edit that fills a deferral with what a follow-up says; it is as visible as the deferral."""
    edit = Route(
        "PATCH",
        "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
        webhook_id=route.webhook_id,
        webhook_token=route.webhook_token,
    )
    body = _body(options)
    body["flags"] = (body.get("flags") or 0) & ~EPHEMERAL
    options = {name: value for name, value in options.items() if name != "params"}
    if options.get("payload") is not None:
        options["payload"] = body
    else:
        form = [each for each in options["multipart"] if each["name"] != "payload_json"]
        options["multipart"] = [{"name": "payload_json", "value": json.dumps(body)}, *form]
    return edit, options
