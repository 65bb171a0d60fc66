"""What a member may do: roles, overwrites of a channel, and the order in which Discord applies them."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.discord_server.state import Channel, Guild, User


class Permission(IntFlag):
    """The bits that the server knows."""

    KICK_MEMBERS = 1 << 1
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51


ALL = (1 << 53) - 1
# What @everyone has in a new guild, without the right to mention it.
EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


def in_guild(guild: Guild, user: User) -> int:
    """Return what the roles of a member allow."""
    member = guild.members.get(user.id)
    if member is None:
        return 0
    if guild.owner is user:
        return ALL
    granted = int(guild.everyone.permissions)
    for role in member.roles:
        granted |= role.permissions
    return ALL if granted & Permission.ADMINISTRATOR else granted


def in_channel(channel: Channel, user: User) -> int:
    """Return what a member may do in a channel; a thread takes its parent's overwrites."""
    if channel.guild is None:
        return ALL if user in channel.recipients else 0
    granted = in_guild(channel.guild, user)
    if granted == ALL or not granted:
        return granted
    place = channel.parent or channel
    member = channel.guild.members[user.id]
    everyone = place.overwrites.get(channel.guild.id, (0, 0))
    granted = granted & ~everyone[1] | everyone[0]
    allowed = denied = 0
    for role in member.roles:
        allow, deny = place.overwrites.get(role.id, (0, 0))
        allowed, denied = allowed | allow, denied | deny
    granted = granted & ~denied | allowed
    allow, deny = place.overwrites.get(user.id, (0, 0))
    granted = granted & ~deny | allow
    if channel.is_private_thread and user.id not in channel.thread_members:
        granted &= ~Permission.VIEW_CHANNEL if not granted & Permission.MANAGE_THREADS else granted
    # Who may not see a channel may do nothing in it.
    return granted if granted & Permission.VIEW_CHANNEL else 0
