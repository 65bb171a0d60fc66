"""The REST API: routes, and what every request goes through (token, rate limit, body, schema, faults)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.discord_server import errors
from tests.discord_server.commands import check_commands
from tests.discord_server.errors import ApiError, Problems
from tests.discord_server.limits import check_choices, check_message, check_modal
from tests.discord_server.state import MIB, Upload

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

API = "/api/v10"
# An interaction has a bucket of its own, as a webhook has: hundreds may be answered at once.
MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_id")
# Discord refuses request bodies above this before it looks into them.
BODY_BYTES = 100 * MIB


@dataclass
class Request:
    """One request, checked and taken apart."""

    server: DiscordServer
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any = field(default_factory=dict)
    files: dict[int, Upload] = field(default_factory=dict)
    received_at: float = 0.0


@dataclass(frozen=True)
class Route:
    """A path with placeholders, and the function that answers it."""

    method: str
    path: str
    answer: Callable[[Request], Any]
    auth: bool
    # Whether the bot's global rate limit holds here: not for interactions.
    bound: bool
    pattern: re.Pattern[str]


ROUTES: list[Route] = []


def route(
    method: str, path: str, *, auth: bool = True, bound: bool = True
) -> Callable[[Callable[[Request], Any]], Callable[[Request], Any]]:
    """Register a function as the answer to a path."""

    def register(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")
        ROUTES.append(Route(method, path, answer, auth, bound, pattern))
        return answer

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Find the route of a path. Fixed ones are registered before those with placeholders."""
    for candidate in ROUTES:
        if candidate.method == method and (match := candidate.pattern.match(path)):
            return candidate, match.groupdict()
    return None


async def handle(server: DiscordServer, raw: web.Request) -> web.StreamResponse:
    """Answer one request to the API."""
    path = raw.path.removeprefix(API)
    started = server.clock.now()
    headers: dict[str, str] = {}
    try:
        fault = await server.faults.meet(raw.method, path)
        if fault and fault.drop:
            raise ConnectionResetError
        if fault and fault.error:
            raise fault.error
        found = find_route(raw.method, path)
        if found is None:
            server.unknown_requests.append(f"{raw.method} {path}")
            raise errors.not_found()
        chosen, params = found
        if chosen.auth and raw.headers.get("Authorization") != f"Bot {server.token}":
            raise errors.unauthorized()
        major = "+".join(params[name] for name in MAJOR if name in params)
        headers = server.rate_limits.take(raw.method, chosen.path, major, bound=chosen.bound)
        request = Request(server, raw.method, path, params, dict(raw.query), received_at=started)
        await read_body(raw, request)
        answer = run(server, chosen, request)
        if fault and fault.lost:
            raise ConnectionResetError
        response = as_json(200 if answer is not None else 204, answer, headers)
    except ApiError as error:
        response = as_json(error.status, error.body(), {**headers, **error.headers})
        server.errors.append(
            f"{error.status} {error.code} {raw.method} {path}: {error.message} {error.errors or ''}"
        )
    except ConnectionResetError:
        if raw.transport:
            raw.transport.abort()
        server.note_request(raw.method, path, 0, started)
        return web.Response()
    server.note_request(raw.method, path, response.status, started)
    return response


def run(server: DiscordServer, chosen: Route, request: Request) -> Any:
    """Answer a checked request; what our own rules let pass, the OpenAPI file still may not."""
    problem = None
    has_body = request.method in ("POST", "PUT", "PATCH") and (request.body or request.files)
    if has_body and server.check_schemas:
        problem = server.openapi.problem(request.method, request.path, request.body)
    if problem:
        with suppress(KeyError, ValueError, TypeError, AttributeError):
            check_body(request)
        server.schema_problems.append(f"{request.method} {request.path}: {problem}")
        problems = Problems()
        problems.add((), "BASE_TYPE_INVALID", problem)
        problems.stop()
    return chosen.answer(request)


def check_body(request: Request) -> None:
    """Raise the error that Discord would, where a limit is what the schema finds fault with."""
    body, files = request.body, request.files
    if "/commands" in request.path:
        check_commands(body)
    elif "/callback" in request.path:
        data = body.get("data") or {}
        if body["type"] == 9:
            check_modal(data)
        elif body["type"] == 8:
            check_choices(data, 3)
        else:
            check_message(data, files, flags=data.get("flags") or 0, has_content=True, path=("data",))
    elif "/messages" in request.path or request.path.startswith("/webhooks"):
        check_message(body, files, flags=body.get("flags") or 0, has_content=True)


def as_json(status: int, data: Any, headers: dict[str, str]) -> web.Response:
    """Answer JSON. Its type must be without charset: discord.py compares it as it is."""
    body = b"" if status == 204 else json.dumps(data).encode()
    kind = {} if status == 204 else {"Content-Type": "application/json"}
    return web.Response(status=status, body=body, headers={**kind, **headers})


async def read_body(raw: web.Request, request: Request) -> None:
    """Read a JSON or multipart body."""
    if raw.method not in ("POST", "PUT", "PATCH") or not raw.can_read_body:
        return
    kind = raw.content_type
    try:
        if kind == "application/json":
            request.body = json.loads(await raw.read())
        elif kind == "multipart/form-data":
            await read_multipart(raw, request)
        elif await raw.read():
            raise errors.bad_json()
    except ValueError:
        raise errors.bad_json() from None


async def read_multipart(raw: web.Request, request: Request) -> None:
    """Read `payload_json` and `files[n]`."""
    total = 0
    async for part in await raw.multipart():
        name = part.name or ""
        data = bytes(await part.read(decode=False))
        total += len(data)
        if total > BODY_BYTES:
            raise errors.too_large()
        if name == "payload_json":
            request.body = json.loads(data)
        elif match := re.fullmatch(r"files\[(\d+)\]", name):
            request.files[int(match[1])] = Upload(part.filename or "unknown", data)
        else:
            raise errors.bad_json()


async def serve_file(server: DiscordServer, raw: web.Request) -> web.StreamResponse:
    """Serve a file as the CDN does, until its address expires."""
    attachment = server.world.attachments.get(int(raw.match_info["attachment_id"]))
    expired = attachment and int(raw.query.get("ex", "0"), 16) < server.clock.now()
    if attachment is None or expired or raw.query.get("ex") is None:
        return web.Response(status=404, text="This content is no longer available.")
    fault = await server.faults.meet("GET", raw.path)
    if fault and raw.transport and fault.drop:
        raw.transport.abort()
        return web.Response()
    if fault and fault.error:
        return web.Response(status=fault.error.status)
    attachment.downloads += 1
    headers = {"Content-Type": attachment.content_type, "Content-Length": str(attachment.size)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(raw)
    await response.write(attachment.data)
    left = attachment.size - len(attachment.data)
    while left > 0:
        await response.write(bytes(min(left, MIB)))
        left -= MIB
    return response
