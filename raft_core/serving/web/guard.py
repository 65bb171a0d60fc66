"""What every request must pass before its body is parsed: the host's name, the key, and its size.

Without a key a server answers only to the names that it is bound to. A web page whose own name is made to resolve
to this machine (DNS rebinding) sends that name as Host, and any page sends its own as Origin.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import Request

from raft_core.serving.web.protocol import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 4 * 1024 * 1024
"""A context of a million tokens, or 2,048 chunks of text to embed."""
OPEN_PATHS = frozenset({"/health"})
"""Supervisors and load balancers ask these without a key."""
TEXT_PATHS = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/embeddings"})
CONTROL_BYTES = 64 * 1024
"""For all other paths: a name and a folder."""
DRAINED_BYTES, DRAINED_S = 256 * 1024 * 1024, 10.0
"""A client sends its whole body before it reads an answer: so much of a refused one is read and dropped."""
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:@/\[\]]+)(:\d{1,5})?")


class Guard:
    """The rules of one server. `host` is the address that it is bound to; None answers to every name."""

    def __init__(self, key: str | None, owner_actions: str, *, host: str | None, max_body_bytes: int) -> None:
        self._key = key
        self._owner_actions = owner_actions
        self._host = host
        self._max_body_bytes = max_body_bytes

    async def check_owner(self, request: Request) -> None:
        """Refuse clients that are neither on this machine nor have the key: adapters are read from its disk."""
        if self._key is None and not _is_loopback(request.client.host if request.client else ""):
            raise ApiError(403, f"{self._owner_actions} from this machine, or with the server's key")

    def check(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        """Refuse a request by its head alone.

        Raises:
            ApiError: wrong host, no key, or a body that says itself that it is too large.
        """
        found: dict[str, list[str]] = {}
        for name, value in headers:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if self._key is None:
            self._check_names(found)
        elif path not in OPEN_PATHS and not self._has_key(found.get("authorization", [""])[0]):
            raise ApiError(401, "the API key is missing or wrong", code="invalid_api_key")
        claimed = found.get("content-length", ["0"])[0]
        if not claimed.isdecimal() or len(claimed) > 15 or int(claimed) > self.limit(path):
            raise self.too_large(path)

    def limit(self, path: str) -> int:
        """Return how many bytes the body of a request to `path` may have."""
        return self._max_body_bytes if path in TEXT_PATHS else min(CONTROL_BYTES, self._max_body_bytes)

    def too_large(self, path: str) -> ApiError:
        """Return the refusal of a body over the limit."""
        return ApiError(413, f"the body is larger than {self.limit(path):,} bytes", code="request_too_large")

    def _has_key(self, authorization: str) -> bool:
        given = authorization.removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), (self._key or "").encode())

    def _check_names(self, headers: dict[str, list[str]]) -> None:
        origins = [urlsplit(origin).netloc for origin in headers.get("origin", [])]
        for name in (*headers.get("host", []), *origins):
            if self._host is not None and not _is_bound(name, self._host):
                raise ApiError(
                    403,
                    f"this server does not answer to the name {name[:100]!r}: use the address that it is bound "
                    "to, or give it a key",
                    code="unknown_host",
                )


class GuardRequests:
    """ASGI middleware that lets through what a guard allows, and answers the rest itself."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body read, or refuse it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = scope["path"]
        try:
            self._guard.check(path, scope["headers"])
            body = await self._body(path, receive)
        except ApiError as error:
            return await _refuse(error, scope, receive, send)
        if body is None:  # the client has gone
            return None
        sent = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return sent.pop() if sent else await receive()

        return await self._app(scope, replay, send)

    async def _body(self, path: str, receive: Receive) -> bytes | None:
        read = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            read += message.get("body", b"")
            if len(read) > self._guard.limit(path):
                raise self._guard.too_large(path)
            if not message.get("more_body"):
                return bytes(read)


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    body = json.dumps(error.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(
        {
            "type": "http.response.start",
            "status": error.status,
            "headers": [*headers, (b"connection", b"close")],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": True})
    expects = any(name.lower() == b"expect" for name, _ in scope["headers"])
    if not expects:  # such a client sends nothing before it is asked to
        with suppress(TimeoutError):
            await asyncio.wait_for(_drain(receive), DRAINED_S)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    dropped, more = 0, True
    while more and dropped < DRAINED_BYTES:
        message: Any = await receive()
        dropped += len(message.get("body", b""))
        more = message.get("more_body", False)


def _is_bound(header: str, host: str) -> bool:
    """Return whether a Host header names an address that a server bound to `host` has."""
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    name = match[1].strip("[]").rstrip(".").lower()
    if name == "localhost" or _is_loopback(name) or name == host.strip("[]").lower():
        return True
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  # all of this machine's addresses: no page can have them as its name
        return _is_address(name) or name == socket.gethostname().lower()
    return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
