"""Which commands Discord's client offers a member in a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.discord_server.modal import ClientRefuses
from tests.discord_server.permissions import Permission, in_channel, in_guild
from tests.discord_server.state import Channel, Command

if TYPE_CHECKING:
    from tests.discord_server.member import Member


def known(member: Member, channel: Channel) -> list[Command]:
    """Return all commands that exist in a place; the guild's own hide global ones of the same name."""
    commands = member.server.world.commands
    own = commands.get(channel.guild.id, []) if channel.guild else []
    return list({(c.type, c.name): c for c in [*commands.get(None, []), *own]}.values())


def offered(member: Member, channel: Channel) -> list[Command]:
    """Return the commands that a member may use in a channel."""
    return [command for command in known(member, channel) if is_offered(member, command, channel)]


def is_offered(member: Member, command: Command, channel: Channel) -> bool:
    """Say whether the client shows a command: by its contexts and by the member's rights."""
    contexts = command.data.get("contexts")
    if channel.guild is None:
        return command.data.get("dm_permission", True) if contexts is None else 1 in contexts
    if contexts is not None and 0 not in contexts:
        return False
    if not in_channel(channel, member.user) & Permission.USE_APPLICATION_COMMANDS:
        return False
    needed = command.data.get("default_member_permissions")
    granted = in_guild(channel.guild, member.user)
    if needed is None or granted & Permission.ADMINISTRATOR:
        return True
    return bool(int(needed)) and granted & int(needed) == int(needed)


def find_command(member: Member, name: str, kind: int, channel: Channel, *, force: bool = False) -> Command:
    """Find a command by name. `force` finds those that the client hides, as an admin may unhide them."""
    everything = known(member, channel)
    choice = everything if force else offered(member, channel)
    for command in choice:
        if (command.type, command.name) == (kind, name):
            return command
    hidden = any((c.type, c.name) == (kind, name) for c in everything)
    reason = f"{name!r} is hidden from {member.name} here" if hidden else f"there is no {name!r}"
    raise ClientRefuses(f"{reason}; offered: {sorted(c.name for c in choice)}")
