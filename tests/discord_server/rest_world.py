"""The bot itself, users, guilds and the application's commands over REST."""

from __future__ import annotations

from typing import Any

from tests.discord_server import errors, wire
from tests.discord_server.commands import check_commands
from tests.discord_server.rest import Request, route
from tests.discord_server.state import Command, Guild

Json = dict[str, Any]


@route("GET", "/gateway/bot")
def gateway(request: Request) -> Json:
    limit = {"total": 1000, "remaining": 1000, "reset_after": 86400000, "max_concurrency": 1}
    return {
        "url": request.server.gateway_url,
        "shards": request.server.recommended_shards,
        "session_start_limit": limit,
    }


@route("GET", "/gateway", auth=False)
def gateway_url(request: Request) -> Json:
    return {"url": request.server.gateway_url}


@route("GET", "/users/@me")
def me(request: Request) -> Json:
    return {
        **wire.user_json(request.server.bot),
        "verified": True,
        "mfa_enabled": True,
        "email": None,
        "locale": "en-US",
    }


@route("GET", "/oauth2/applications/@me")
@route("GET", "/applications/@me")
def application(request: Request) -> Json:
    server = request.server
    return {
        "id": str(server.application_id),
        "name": server.bot.name,
        "icon": None,
        "description": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": wire.user_json(server.owner),
        "team": None,
        "flags": server.application_flags,
        "approximate_guild_count": len(server.world.guilds),
        "bot": wire.user_json(server.bot),
    }


@route("GET", "/users/@me/guilds")
def my_guilds(request: Request) -> list[Json]:
    guilds = request.server.world.guilds.values()
    return [
        {"id": str(g.id), "name": g.name, "icon": None, "owner": False, "permissions": "0", "features": []}
        for g in guilds
    ]


@route("POST", "/users/@me/channels")
def open_dm(request: Request) -> Json:
    user = request.server.world.users.get(int(request.body["recipient_id"]))
    if user is None:
        raise errors.unknown_user()
    return wire.channel_json(request.server.dm_channel(user), request.server.bot)


@route("GET", "/users/{user_id}")
def get_user(request: Request) -> Json:
    user = request.server.world.users.get(int(request.params["user_id"]))
    if user is None:
        raise errors.unknown_user()
    return wire.user_json(user)


def find_guild(request: Request) -> Guild:
    """Find a guild that the bot is in."""
    guild = request.server.world.guilds.get(int(request.params["guild_id"]))
    if guild is None:
        raise errors.unknown_guild()
    if request.server.bot.id not in guild.members:
        raise errors.missing_access()
    return guild


@route("GET", "/guilds/{guild_id}")
def get_guild(request: Request) -> Json:
    return wire.guild_json(find_guild(request), request.server.bot, all_members=False)


@route("GET", "/guilds/{guild_id}/channels")
def get_channels(request: Request) -> list[Json]:
    places = [channel for channel in find_guild(request).channels.values() if not channel.is_thread]
    return [wire.channel_json(channel, request.server.bot) for channel in places]


@route("GET", "/guilds/{guild_id}/threads/active")
def get_threads(request: Request) -> Json:
    threads = [thread for thread in find_guild(request).threads if not thread.archived]
    return {"threads": [wire.channel_json(t, request.server.bot) for t in threads], "members": []}


@route("GET", "/guilds/{guild_id}/roles")
def get_roles(request: Request) -> list[Json]:
    return [wire.role_json(role) for role in find_guild(request).roles.values()]


@route("GET", "/guilds/{guild_id}/roles/{role_id}")
def get_role(request: Request) -> Json:
    role = find_guild(request).roles.get(int(request.params["role_id"]))
    if role is None:
        raise errors.unknown_role()
    return wire.role_json(role)


@route("GET", "/guilds/{guild_id}/members/{user_id}")
def get_member(request: Request) -> Json:
    member = find_guild(request).members.get(int(request.params["user_id"]))
    if member is None:
        raise errors.unknown_member()
    return wire.member_json(member)


COMMANDS = "/applications/{application_id}/commands"
GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"


def place_of(request: Request) -> int | None:
    """Return the guild whose commands are meant, or None for the global ones."""
    if request.params["application_id"] != str(request.server.application_id):
        raise errors.ApiError(404, 10002, "Unknown Application")
    return find_guild(request).id if "guild_id" in request.params else None


@route("GET", COMMANDS)
@route("GET", GUILD_COMMANDS)
def get_commands(request: Request) -> list[Json]:
    commands = request.server.world.commands.get(place_of(request), [])
    return [wire.command_json(command, request.server.application_id) for command in commands]


@route("PUT", COMMANDS)
@route("PUT", GUILD_COMMANDS)
def put_commands(request: Request) -> list[Json]:
    """Replace all commands of a place; those that stay keep their ids."""
    server, place = request.server, place_of(request)
    check_commands(request.body)
    known = {(command.type, command.name): command for command in server.world.commands.get(place, [])}
    commands = []
    for data in request.body:
        kind = data.get("type") or 1
        old = known.get((kind, data["name"]))
        unchanged = old is not None and old.data == data
        version = old.version if old and unchanged else server.clock.snowflake()
        number = old.id if old else server.clock.snowflake()
        commands.append(Command(number, data["name"], kind, place, data, version))
    server.world.commands[place] = commands
    server.syncs += 1
    server.note_change()
    return [wire.command_json(command, server.application_id) for command in commands]


@route("POST", COMMANDS)
@route("POST", GUILD_COMMANDS)
def post_command(request: Request) -> Json:
    """Add or replace one command."""
    server, place = request.server, place_of(request)
    commands = server.world.commands.setdefault(place, [])
    kind, name = request.body.get("type") or 1, request.body["name"]
    others = [c for c in commands if (c.type, c.name) != (kind, name)]
    check_commands([*(c.data for c in others), request.body])
    command = Command(server.clock.snowflake(), name, kind, place, request.body, server.clock.snowflake())
    server.world.commands[place] = [*others, command]
    server.note_change()
    return wire.command_json(command, server.application_id)


@route("DELETE", COMMANDS + "/{command_id}")
@route("DELETE", GUILD_COMMANDS + "/{command_id}")
def delete_command(request: Request) -> None:
    commands = request.server.world.commands.get(place_of(request), [])
    for command in commands:
        if str(command.id) == request.params["command_id"]:
            commands.remove(command)
            return
    raise errors.unknown_command()
