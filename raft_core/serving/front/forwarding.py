"""A request on its way to whoever can answer it, and the answer on its way back."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from raft_core.serving.front.engine import Route
from raft_core.serving.front.upstream import Unavailable
from raft_core.serving.web.protocol import ApiError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

GONE_CHECK_S = 0.1
_MODEL = re.compile(rb'"model":\s*"[^"]*"')
"""Within strings of JSON the quotes are escaped: this is found in what the server says of itself alone."""
_USAGE = re.compile(rb'"usage":\s*\{')

Find = Callable[[], Awaitable[Route]]
"""Returns where a request goes; raises Unavailable where that place cannot answer now."""
Told = Callable[[Route, dict[str, Any], float], None]
"""Hears which route answered, its usage object, and the seconds from request to finished answer."""


async def forward(
    finds: Sequence[Find], path: str, body: dict[str, Any], request: Request, told: Told
) -> Response:
    """Return the answer of the first place that can give one; once a stream has begun, no other is asked.

    Raises:
        ApiError: the request is refused, or nobody can answer.
    """
    refusal = ApiError(503, "nobody can answer", code="unavailable")
    for number, find in enumerate(finds):
        try:
            return await _answer(await find(), path, body, request, told)
        except Unavailable as error:
            # The first is the preferred place: what it says is what the asker should know.
            refusal = error.error if number == 0 else refusal
    raise refusal


async def _answer(route: Route, path: str, body: dict[str, Any], request: Request, told: Told) -> Response:
    asked, started = str(body["model"]), time.perf_counter()

    def hear(usage: dict[str, Any]) -> None:
        told(route, usage, time.perf_counter() - started)

    sent = {**body, "model": route.model}
    async with AsyncExitStack() as stack:
        if not body.get("stream"):
            whole = route.upstream.whole(path, sent)
            found = _renamed(await _unless_gone(whole, request.is_disconnected), asked)
            if usage := _usage(found):
                hear(usage)
            return Response(found, media_type="application/json")
        read = await stack.enter_async_context(route.upstream.stream(path, sent))
        events = _events(read, route, asked, hear)
        return _Stream(events, media_type="text/event-stream", closing=stack.pop_all())


async def _unless_gone(whole: Any, is_gone: Callable[[], Awaitable[bool]]) -> bytes:
    """Return what is awaited; cancel it when the client has gone."""
    task: asyncio.Task[bytes] = asyncio.ensure_future(whole)
    try:
        while not (await asyncio.wait([task], timeout=GONE_CHECK_S))[0]:
            if await is_gone():
                raise ApiError(499, "the client has gone")
        return await task
    finally:
        task.cancel()


async def _events(
    answer: AsyncIterator[bytes], route: Route, asked: str, hear: Callable[[dict[str, Any]], None]
) -> AsyncIterator[bytes]:
    """Yield a stream's events, each under the name that was asked for; tell in the stream when it breaks off."""
    rest, usage = b"", dict[str, Any]()
    try:
        async for read in answer:
            *events, rest = (rest + read).replace(b"\r\n", b"\n").split(b"\n\n")
            for event in events:
                usage = _usage(event) or usage  # some servers count in every event
                yield _renamed(event, asked) + b"\n\n"
        if rest.strip():
            yield rest + b"\n\n"
    except httpx.HTTPError as error:
        broken = ApiError(502, f"{route.upstream.label} broke off: {error or type(error).__name__}")
        yield b"data: " + json.dumps(broken.body()).encode() + b"\n\n"
    finally:
        if usage:
            hear(usage)


def _renamed(said: bytes, model: str) -> bytes:
    return _MODEL.sub(lambda _: b'"model":' + json.dumps(model).encode(), said, count=1)


def _usage(said: bytes) -> dict[str, Any]:
    if not _USAGE.search(said):
        return {}
    try:
        usage = json.loads(said[said.index(b"{") :])["usage"]
    except (ValueError, KeyError, TypeError):
        return {}
    return usage if isinstance(usage, dict) else {}


class _Stream(StreamingResponse):
    """A stream that lets go of its upstream however it ends, even before it has begun."""

    def __init__(self, *args: Any, closing: AsyncExitStack, **options: Any) -> None:
        super().__init__(*args, **options)
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        async with self._closing:
            await super().__call__(scope, receive, send)
