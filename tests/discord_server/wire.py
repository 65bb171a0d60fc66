"""Writes what the server knows as Discord's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server.clock import iso
from tests.discord_server.permissions import in_channel
from tests.discord_server.state import DM, Attachment, Channel, Command, Guild, GuildMember, Role, User

if TYPE_CHECKING:
    pass

Json = dict[str, Any]


def user_json(user: User) -> Json:
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.bot else user.name,
        "discriminator": "0",
        "avatar": None,
        "bot": user.bot,
        "public_flags": 0,
        "flags": 0,
    }


def member_json(member: GuildMember, *, with_user: bool = True) -> Json:
    roles = [str(role.id) for role in member.roles]
    data = {
        "roles": roles,
        "joined_at": iso(member.joined_at),
        "nick": None,
        "avatar": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "premium_since": None,
        "communication_disabled_until": None,
    }
    return {**data, "user": user_json(member.user)} if with_user else data


def role_json(role: Role) -> Json:
    position = list(role.guild.roles).index(role.id)
    return {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "color": role.color,
        "colors": {"primary_color": role.color, "secondary_color": None, "tertiary_color": None},
        "position": position,
        "hoist": False,
        "managed": False,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def channel_json(channel: Channel, me: User) -> Json:
    last = channel.messages[-1].id if channel.messages else None
    data: Json = {
        "id": str(channel.id),
        "type": channel.type,
        "last_message_id": str(last) if last else None,
        "flags": 0,
    }
    if channel.type == DM:
        others = [user_json(user) for user in channel.recipients if user is not me]
        return {**data, "recipients": others}
    assert channel.guild
    data |= {"guild_id": str(channel.guild.id), "name": channel.name, "rate_limit_per_user": 0}
    if channel.is_thread:
        return data | thread_fields(channel)
    return data | {
        "position": 0,
        "permission_overwrites": [
            {
                "id": str(number),
                "type": 0 if number in channel.guild.roles else 1,
                "allow": str(int(allow)),
                "deny": str(int(deny)),
            }
            for number, (allow, deny) in channel.overwrites.items()
        ],
        "topic": None,
        "nsfw": False,
        "parent_id": None,
        "default_auto_archive_duration": 4320,
    }


def thread_fields(thread: Channel) -> Json:
    assert thread.parent and thread.owner
    return {
        "parent_id": str(thread.parent.id),
        "owner_id": str(thread.owner.id),
        "message_count": len(thread.messages),
        "member_count": len(thread.thread_members),
        "total_message_sent": len(thread.all_messages),
        "thread_metadata": {
            "archived": thread.archived,
            "auto_archive_duration": thread.auto_archive_minutes,
            "archive_timestamp": iso(thread.created_at),
            "create_timestamp": iso(thread.created_at),
            "locked": thread.locked,
        },
    }


def partial_channel_json(channel: Channel, me: User, user: User) -> Json:
    """The channel of an interaction says what the member may do in it."""
    return {**channel_json(channel, me), "permissions": str(in_channel(channel, user))}


def guild_json(guild: Guild, me: User, *, all_members: bool) -> Json:
    members = list(guild.members.values()) if all_members else [guild.members[me.id]]
    places = [c for c in guild.channels.values() if not c.is_thread]
    threads = [c for c in guild.threads if not c.archived and in_channel(c, me)]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner.id),
        "roles": [role_json(role) for role in guild.roles.values()],
        "members": [member_json(member) for member in members],
        "member_count": len(guild.members),
        "channels": [channel_json(channel, me) for channel in places],
        "threads": [channel_json(thread, me) for thread in threads],
        "joined_at": iso(guild.members[me.id].joined_at),
        "large": False,
        "unavailable": False,
        "icon": None,
        "description": None,
        "splash": None,
        "banner": None,
        "features": [],
        "emojis": [],
        "stickers": [],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "afk_timeout": 300,
        "afk_channel_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
    }


def attachment_json(attachment: Attachment) -> Json:
    data: Json = {
        "id": str(attachment.id),
        "filename": attachment.name,
        "size": attachment.size,
        "url": attachment.url,
        "proxy_url": attachment.url,
        "content_type": attachment.content_type,
    }
    if attachment.ephemeral:
        data["ephemeral"] = True
    if attachment.description:
        data["description"] = attachment.description
    if attachment.width:
        data |= {"width": attachment.width, "height": attachment.height}
    return data


def command_json(command: Command, application_id: int) -> Json:
    data: Json = {
        "default_member_permissions": None,
        "nsfw": False,
        "dm_permission": True,
        "contexts": None,
        "integration_types": [0],
        "description": "",
        **command.data,
        "id": str(command.id),
        "application_id": str(application_id),
        "version": str(command.version),
        "type": command.type,
    }
    return {**data, "guild_id": str(command.guild_id)} if command.guild_id else data
