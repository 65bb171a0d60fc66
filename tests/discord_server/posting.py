"""Creates, edits and deletes messages and threads, whoever asks for it: the bot by REST or a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server import errors
from tests.discord_server import files as files_of
from tests.discord_server.components import give_ids, without_nulls
from tests.discord_server.errors import Path, Problems
from tests.discord_server.limits import check_message
from tests.discord_server.mentions import Mentions, find_mentions
from tests.discord_server.messages import (
    CONTEXT_MENU,
    DEFAULT,
    EPHEMERAL,
    IS_COMPONENTS_V2,
    LOADING,
    REPLY,
    SLASH,
    THREAD_STARTER,
    Message,
)
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.state import (
    Channel,
    Upload,
    User,
)

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]
HOUR_S = 3600
CDN_LIFE_S = 24 * 3600


def post(
    server: DiscordServer,
    channel: Channel,
    author: User,
    body: Json,
    files: dict[int, Upload],
    *,
    interaction: Interaction | None = None,
    answers: Message | None = None,
    path: Path = (),
) -> Message:
    """Create a message from the body that a bot or a client sends."""
    # Only an interaction's answer can be for one reader.
    flags = (body.get("flags") or 0) & (~0 if interaction else ~EPHEMERAL)
    has_content = any(body.get(key) for key in ("embeds", "components", "sticker_ids", "poll")) or files
    has_content = has_content or bool((body.get("content") or "").strip())
    check_message(body, files, flags=flags, has_content=bool(has_content), path=path)
    reply_to = find_reply(server, channel, author, body) if answers is None else answers
    now = server.clock.now()
    message = Message(server.clock.snowflake(), channel, author, now, flags=flags, reply_to=reply_to)
    message.nonce = body.get("nonce")
    message.interaction = interaction
    message.type = REPLY if reply_to else type_of(interaction)
    if flags & EPHEMERAL and interaction:
        message.seen_only_by = interaction.user
    fill(server, message, body, files, path)
    replied_to = reply_to.author if reply_to and answers is None else None
    mentions = find_mentions(
        server.world,
        channel,
        author,
        message.content,
        message.components,
        body.get("allowed_mentions"),
        replied_to,
    )
    set_mentions(message, mentions, pings=True)
    return publish(server, message)


def type_of(interaction: Interaction | None) -> int:
    """Return the message type of an interaction's answer."""
    if interaction is None or interaction.type != 2:
        return DEFAULT
    return SLASH if interaction.data["type"] == 1 else CONTEXT_MENU


def publish(server: DiscordServer, message: Message) -> Message:
    """Put a message into its channel and tell the bot, unless only one member sees it."""
    message.edits.append(message.version(message.at))
    message.channel.all_messages.append(message)
    if message.channel.archived and message.type != THREAD_STARTER:
        set_archived(server, message.channel, archived=False)
    if message.seen_only_by is None:
        server.gateway.message_event("MESSAGE_CREATE", message)
    server.note_change()
    return message


def set_mentions(message: Message, mentions: Mentions, *, pings: bool) -> None:
    """Note who is mentioned and, for a new message, who is pinged. An ephemeral one reaches its reader only."""
    message.mentions, message.mention_roles = mentions.users, [role.id for role in mentions.roles]
    message.mention_everyone = bool(mentions.everyone)
    if pings and not message.thinking:
        reader = message.seen_only_by
        message.pinged = mentions.names if reader is None else mentions.names & {reader.name}


def fill(server: DiscordServer, message: Message, body: Json, files: dict[int, Upload], path: Path) -> None:
    """Write the fields of a body into a message, its files first: components and embeds refer to them."""
    files_of.add_files(server, message, body, files)
    if "content" in body:
        message.content = (body["content"] or "").strip()
    if "embeds" in body:
        message.embeds = [{"type": "rich", **without_nulls(embed)} for embed in body["embeds"] or []]
        for embed in message.embeds:
            for key in ("image", "thumbnail"):
                if (embed.get(key) or {}).get("url", "").startswith("attachment://"):
                    found = files_of.find_attached(message, embed[key]["url"])
                    embed[key] = {"url": found.url if found else "", "proxy_url": found.url if found else ""}
    if "components" in body:
        message.components = without_nulls(body["components"] or [])
        give_ids(message.components)
        files_of.resolve_media(server, message, path)


def find_reply(server: DiscordServer, channel: Channel, author: User, body: Json) -> Message | None:
    """Find the message that is replied to."""
    reference = body.get("message_reference")
    if not reference:
        return None
    if not in_channel(channel, author) & Permission.READ_MESSAGE_HISTORY:
        raise errors.no_reply_without_history()
    target = server.world.message(channel, int(reference["message_id"]))
    if target is None and reference.get("fail_if_not_exists", True):
        problems = Problems()
        problems.add(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        problems.stop()
    return target


def edit(
    server: DiscordServer, message: Message, body: Json, files: dict[int, Upload], *, path: Path = ()
) -> Message:
    """Change a message. Nobody is pinged, not even by filling a deferral."""
    if message.channel.archived:
        raise errors.archived_thread()
    filling = message.thinking
    flags = message.flags | ((body.get("flags") or 0) & IS_COMPONENTS_V2)
    kept = {name: body[name] if name in body else getattr(message, name) for name in ("content", "embeds")}
    if flags & IS_COMPONENTS_V2 and any(kept.values()):
        body = {**kept, **body}
    listed = body.get("attachments", message.attachments)
    components = body.get("components", message.components)
    has_content = any(kept.values()) or bool(components or listed or files)
    check_message(body, files, flags=flags, has_content=has_content, path=path)
    before = (message.content, message.embeds, message.components, message.attachments)
    try:
        fill(server, message, body, files, path)
    except errors.ApiError:
        message.content, message.embeds, message.components, message.attachments = before
        raise
    message.flags = flags & ~LOADING
    now = server.clock.now()
    if not filling:
        message.edited_at = now
    mentions = find_mentions(
        server.world, message.channel, message.author, message.content, message.components,
        body.get("allowed_mentions"), message.reply_to.author if message.reply_to else None,
    )  # fmt: skip
    set_mentions(message, mentions, pings=False)
    message.edits.append(message.version(now))
    if message.seen_only_by is None:
        server.gateway.message_event("MESSAGE_UPDATE", message)
    server.note_change()
    return message


def edit_in_channel(server: DiscordServer, message: Message, body: Json, files: dict[int, Upload]) -> Message:
    """Change a message by its channel, where old ones may be changed only now and then."""
    if server.clock.now() - message.at > HOUR_S:
        server.rate_limits.old_edit(message.late_edits)
    return edit(server, message, body, files)


def delete(server: DiscordServer, message: Message) -> None:
    """Delete a message."""
    message.deleted = True
    if message.seen_only_by is None:
        server.gateway.message_event("MESSAGE_DELETE", message)
    server.note_change()


def set_archived(
    server: DiscordServer, thread: Channel, *, archived: bool, locked: bool | None = None
) -> None:
    """Archive a thread or bring it back."""
    thread.archived = archived
    thread.locked = thread.locked if locked is None else locked
    server.gateway.channel_event("THREAD_UPDATE", thread)
    server.note_change()
