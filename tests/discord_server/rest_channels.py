"""Channels, messages, threads, pins and reactions over REST, with the bot's permissions checked."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.discord_server import errors, posting, threads, wire
from tests.discord_server.messages import Message
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.rest import Request, route
from tests.discord_server.state import DM, Channel
from tests.discord_server.wire_messages import message_json

Json = dict[str, Any]
NONCE_S = 300
"""What Discord calls "the past few minutes": https://discord.com/developers/docs/resources/message#create-message"""


def find_channel(request: Request) -> Channel:
    """Find the channel of a path, which the bot must be able to see."""
    channel = request.server.world.channels.get(int(request.params["channel_id"]))
    if channel is None:
        raise errors.unknown_channel()
    if not in_channel(channel, request.server.bot) & Permission.VIEW_CHANNEL:
        raise errors.missing_access()
    return channel


def need(request: Request, channel: Channel, *permissions: Permission) -> None:
    """Check the bot's rights in a channel."""
    granted = in_channel(channel, request.server.bot)
    if any(not granted & permission for permission in permissions):
        raise errors.missing_permissions()


def find_message(request: Request, channel: Channel) -> Message:
    """Find a message by its id. Ephemeral ones are not to be had through the channel."""
    message = request.server.world.message(channel, int(request.params["message_id"]))
    if message is None or message.seen_only_by is not None:
        raise errors.unknown_message()
    return message


def as_seen(request: Request, message: Message) -> Json:
    """Write a message as the bot may read it."""
    server = request.server
    return message_json(message, server.bot, content_intent=server.gateway.content_intent)


@route("GET", "/channels/{channel_id}")
def get_channel(request: Request) -> Json:
    return wire.channel_json(find_channel(request), request.server.bot)


@route("PATCH", "/channels/{channel_id}")
def edit_channel(request: Request) -> Json:
    """Change a thread: its name, and whether it is archived or locked."""
    thread = find_channel(request)
    if not thread.is_thread or thread.owner is not request.server.bot:
        right = Permission.MANAGE_THREADS if thread.is_thread else Permission.MANAGE_CHANNELS
        need(request, thread, right)
    body = request.body
    problems = errors.Problems()
    problems.length(("name",), body.get("name"), 100, 1)
    problems.stop()
    if thread.archived and body.get("archived") is not False:
        raise errors.archived_thread()
    thread.name = body.get("name") or thread.name
    thread.auto_archive_minutes = body.get("auto_archive_duration") or thread.auto_archive_minutes
    posting.set_archived(
        request.server, thread, archived=body.get("archived", thread.archived), locked=body.get("locked")
    )
    return wire.channel_json(thread, request.server.bot)


@route("GET", "/channels/{channel_id}/messages")
def list_messages(request: Request) -> list[Json]:
    """List messages, newest first."""
    channel = find_channel(request)
    if not in_channel(channel, request.server.bot) & Permission.READ_MESSAGE_HISTORY:
        return []
    limit = int(request.query.get("limit", "50"))
    if not 1 <= limit <= 100:
        problems = errors.Problems()
        problems.add(("limit",), "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
        problems.stop()
    messages = channel.messages
    if before := request.query.get("before"):
        messages = [m for m in messages if m.id < int(before)]
    if after := request.query.get("after"):
        messages = [m for m in messages if m.id > int(after)][:limit]
    if around := request.query.get("around"):
        nearest = sorted(messages, key=lambda m: abs(m.id - int(around)))[:limit]
        messages = sorted(nearest, key=lambda m: m.id)
    return [as_seen(request, message) for message in reversed(messages[-limit:])]


@route("POST", "/channels/{channel_id}/messages")
def create_message(request: Request) -> Json:
    channel, body = find_channel(request), request.body
    send = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    need(request, channel, send)
    if body.get("embeds"):
        need(request, channel, Permission.EMBED_LINKS)
    if request.files:
        need(request, channel, Permission.ATTACH_FILES)
    if channel.locked and channel.archived:
        raise errors.archived_thread()
    if channel.type == DM and not all(user.takes_messages for user in channel.recipients):
        raise errors.cannot_message_user()
    known = body.get("enforce_nonce") and same_nonce(request, channel)
    return as_seen(
        request, known or posting.post(request.server, channel, request.server.bot, body, request.files)
    )


def same_nonce(request: Request, channel: Channel) -> Message | None:
    """Find what the bot sent under the same nonce in the past few minutes."""
    server, nonce = request.server, request.body.get("nonce")
    since = server.clock.now() - NONCE_S
    own = (message for message in channel.messages if message.author is server.bot and message.at >= since)
    return next((message for message in own if nonce is not None and message.nonce == nonce), None)


MESSAGE_PATH = "/channels/{channel_id}/messages/{message_id}"


@route("GET", "/channels/{channel_id}/messages/pins")
def list_pins(request: Request) -> Json:
    pinned = [m for m in find_channel(request).messages if m.pinned]
    items = [{"pinned_at": "2026-01-01T00:00:00+00:00", "message": as_seen(request, m)} for m in pinned]
    return {"items": items, "has_more": False}


@route("PUT", "/channels/{channel_id}/messages/pins/{message_id}")
def pin(request: Request) -> None:
    channel = find_channel(request)
    need(request, channel, Permission.PIN_MESSAGES)
    find_message(request, channel).pinned = True


@route("DELETE", "/channels/{channel_id}/messages/pins/{message_id}")
def unpin(request: Request) -> None:
    channel = find_channel(request)
    need(request, channel, Permission.PIN_MESSAGES)
    find_message(request, channel).pinned = False


@route("GET", MESSAGE_PATH)
def get_message(request: Request) -> Json:
    channel = find_channel(request)
    need(request, channel, Permission.READ_MESSAGE_HISTORY)
    return as_seen(request, find_message(request, channel))


@route("PATCH", MESSAGE_PATH)
def edit_message(request: Request) -> Json:
    channel = find_channel(request)
    message = find_message(request, channel)
    if message.author is not request.server.bot:
        raise errors.not_your_message()
    return as_seen(request, posting.edit_in_channel(request.server, message, request.body, request.files))


@route("DELETE", MESSAGE_PATH)
def delete_message(request: Request) -> None:
    channel = find_channel(request)
    message = find_message(request, channel)
    if message.author is not request.server.bot:
        need(request, channel, Permission.MANAGE_MESSAGES)
    if channel.archived:
        raise errors.archived_thread()
    posting.delete(request.server, message)


@route("PUT", MESSAGE_PATH + "/reactions/{emoji}/@me")
def react(request: Request) -> None:
    channel = find_channel(request)
    need(request, channel, Permission.READ_MESSAGE_HISTORY, Permission.ADD_REACTIONS)
    message, server = find_message(request, channel), request.server
    if channel.archived:
        raise errors.archived_thread()
    users = message.reactions.setdefault(unquote(request.params["emoji"]), [])
    if server.bot not in users:
        users.append(server.bot)
    server.note_change()


@route("DELETE", MESSAGE_PATH + "/reactions/{emoji}/@me")
def unreact(request: Request) -> None:
    message = find_message(request, find_channel(request))
    users = message.reactions.get(unquote(request.params["emoji"]), [])
    if request.server.bot in users:
        users.remove(request.server.bot)


@route("POST", "/channels/{channel_id}/typing")
def typing(request: Request) -> None:
    channel = find_channel(request)
    need(request, channel, Permission.SEND_MESSAGES)
    channel.typing_at.append(request.server.clock.now())


def parent_of_thread(request: Request, permission: Permission) -> Channel:
    """Find the channel to open a thread in."""
    channel = find_channel(request)
    if channel.is_thread or channel.guild is None:
        raise errors.ApiError(400, 50024, "Cannot execute action on this channel type")
    need(request, channel, permission)
    return channel


@route("POST", MESSAGE_PATH + "/threads")
def thread_from_message(request: Request) -> Json:
    channel = parent_of_thread(request, Permission.CREATE_PUBLIC_THREADS)
    message, server = find_message(request, channel), request.server
    thread = threads.open_thread(server, channel, server.bot, request.body, message)
    return wire.channel_json(thread, server.bot)


@route("POST", "/channels/{channel_id}/threads")
def thread_without_message(request: Request) -> Json:
    public = request.body.get("type") == 11
    right = Permission.CREATE_PUBLIC_THREADS if public else Permission.CREATE_PRIVATE_THREADS
    channel, server = parent_of_thread(request, right), request.server
    thread = threads.open_thread(server, channel, server.bot, request.body, None)
    return wire.channel_json(thread, server.bot)


@route("PUT", "/channels/{channel_id}/thread-members/{user_id}")
def add_to_thread(request: Request) -> None:
    who, server = request.params["user_id"], request.server
    find_channel(request).thread_members.add(server.bot.id if who == "@me" else int(who))


@route("DELETE", "/channels/{channel_id}/thread-members/{user_id}")
def remove_from_thread(request: Request) -> None:
    who, server = request.params["user_id"], request.server
    find_channel(request).thread_members.discard(server.bot.id if who == "@me" else int(who))
