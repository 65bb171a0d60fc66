"""Writes messages as Discord's JSON: what the bot may read of them, and by whose interaction they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server.clock import iso
from tests.discord_server.messages import HAS_THREAD, Message
from tests.discord_server.state import Channel, User
from tests.discord_server.wire import attachment_json, channel_json, member_json, user_json

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction

Json = dict[str, Any]


def may_read(message: Message, me: User, *, content_intent: bool) -> bool:
    """Say whether the bot sees what a message says: not without the intent, unless it is concerned."""
    own = message.author is me or message.channel.guild is None
    return content_intent or own or me in message.mentions


def message_json(message: Message, me: User, *, content_intent: bool, nested: bool = False) -> Json:
    """Write a message as the bot gets it."""
    readable = may_read(message, me, content_intent=content_intent)
    data: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": message.type,
        "author": user_json(message.author),
        "content": message.content if readable else "",
        "timestamp": iso(message.at),
        "edited_timestamp": iso(message.edited_at),
        "tts": False,
        "mention_everyone": message.mention_everyone,
        "mentions": [mentioned_json(user, message.channel) for user in message.mentions],
        "mention_roles": [str(number) for number in message.mention_roles],
        "attachments": [attachment_json(a) for a in message.attachments] if readable else [],
        "embeds": message.embeds if readable else [],
        "components": message.components if readable else [],
        "pinned": message.pinned,
        "flags": message.flags | (HAS_THREAD if message.thread else 0),
    }
    if message.nonce is not None:
        data["nonce"] = message.nonce
    if message.interaction:
        data |= interaction_fields(message.interaction)
    if message.reactions:
        data["reactions"] = reactions_json(message, me)
    if message.thread:
        data["thread"] = channel_json(message.thread, me)
    if message.reply_to and not nested:
        data |= reference_fields(message, me, content_intent=content_intent)
    return data


def mentioned_json(user: User, channel: Channel) -> Json:
    member = channel.guild.members.get(user.id) if channel.guild else None
    return {**user_json(user), **({"member": member_json(member, with_user=False)} if member else {})}


def reactions_json(message: Message, me: User) -> list[Json]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(users),
            "count_details": {"normal": len(users), "burst": 0},
            "me": me in users,
            "me_burst": False,
            "burst_colors": [],
        }
        for emoji, users in message.reactions.items()
    ]


def reference_fields(message: Message, me: User, *, content_intent: bool) -> Json:
    target = message.reply_to
    assert target
    place: Json = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel.id)}
    if target.channel.guild:
        place["guild_id"] = str(target.channel.guild.id)
    quoted = None if target.deleted else message_json(target, me, content_intent=content_intent, nested=True)
    return {"message_reference": place, "referenced_message": quoted}


def interaction_fields(interaction: Interaction) -> Json:
    """Say by whose interaction a message came."""
    owners = {"0": str(interaction.guild.id if interaction.guild else 0)}
    metadata: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": user_json(interaction.user),
        "authorizing_integration_owners": owners,
    }
    if interaction.type == 2:
        metadata |= {"name": interaction.command_name, "command_type": interaction.data["type"]}
    if interaction.message_used:
        metadata["interacted_message_id"] = str(interaction.message_used.id)
    if interaction.opened_by:
        opener = interaction_fields(interaction.opened_by)["interaction_metadata"]
        metadata["triggering_interaction_metadata"] = opener
    application = str(interaction.application_id)
    data: Json = {"application_id": application, "webhook_id": application, "interaction_metadata": metadata}
    if interaction.type == 2:
        name = interaction.command_name
        data["interaction"] = {
            "id": str(interaction.id),
            "type": 2,
            "name": name,
            "user": user_json(interaction.user),
        }
    return data


def event_json(message: Message, me: User, *, content_intent: bool) -> Json:
    """Write a message as the gateway sends it: with guild and member."""
    data = message_json(message, me, content_intent=content_intent)
    guild = message.channel.guild
    if guild:
        data["guild_id"] = str(guild.id)
        if message.author.id in guild.members:
            data["member"] = member_json(guild.members[message.author.id], with_user=False)
    return data
