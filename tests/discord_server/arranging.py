"""What a test sets up: guilds, channels, roles, members, rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.discord_server import wire
from tests.discord_server.clock import Clock
from tests.discord_server.gateway import GUILDS, MEMBERS, Gateway
from tests.discord_server.permissions import EVERYONE, Permission
from tests.discord_server.state import DM, TEXT, Channel, Guild, GuildMember, Role, User, World

if TYPE_CHECKING:
    from tests.discord_server.member import Member

BOT_PERMISSIONS = EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS


class Arranging:
    """The part of the server that changes its world and tells the bot."""

    clock: Clock
    world: World
    gateway: Gateway
    bot: User
    owner: User
    guild: Guild
    run: Any

    def _user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.clock.snowflake(), name, bot)
        self.world.users[user.id] = user
        return user

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """Add a guild with a channel `general`; the bot joins it."""
        return self.run(self._add_guild, name, with_bot)

    def _add_guild(self, name: str, with_bot: bool) -> Guild:
        guild = Guild(self.clock.snowflake(), name, self.owner)
        guild.roles[guild.id] = Role(guild.id, guild, "everyone", EVERYONE)
        self.world.guilds[guild.id] = guild
        self._join(guild, self.owner, [])
        if with_bot:
            role = self._add_role(guild, self.bot.name, BOT_PERMISSIONS)
            self._join(guild, self.bot, [role])
        self._add_channel("general", guild)
        for session in self.gateway.sessions.values():
            if with_bot and session.owns(guild):
                self.gateway.guild_create(guild, session)
        return guild

    def _join(self, guild: Guild, user: User, roles: list[Role]) -> None:
        guild.members[user.id] = GuildMember(user, roles, self.clock.now())

    def guilds_of_bot(self) -> list[Guild]:
        """Return the guilds that the bot is in."""
        return [guild for guild in self.world.guilds.values() if self.bot.id in guild.members]

    def remove_bot(self, guild: Guild) -> None:
        """Let a guild throw the bot out."""

        def remove() -> None:
            guild.members.pop(self.bot.id)
            self.gateway.event("GUILD_DELETE", guild, {"id": str(guild.id)}, intents=GUILDS)

        self.run(remove)

    def add_role(
        self, name: str, permissions: int = 0, *, guild: Guild | None = None, mentionable: bool = False
    ) -> Role:
        """Add a role to a guild."""
        return self.run(self._add_role, guild or self.guild, name, permissions, mentionable)

    def _add_role(self, guild: Guild, name: str, permissions: int = 0, mentionable: bool = False) -> Role:
        role = Role(self.clock.snowflake(), guild, name, int(permissions), mentionable=mentionable)
        guild.roles[role.id] = role
        event = {"guild_id": str(guild.id), "role": wire.role_json(role)}
        self.gateway.event("GUILD_ROLE_CREATE", guild, event, intents=GUILDS)
        return role

    def bot_role(self, guild: Guild | None = None) -> Role:
        """Return the role that gives the bot its rights in a guild."""
        return (guild or self.guild).role(self.bot.name)

    def set_permissions(self, role: Role, permissions: int) -> None:
        """Change what a role may do, and tell the bot."""

        def change() -> None:
            role.permissions = int(permissions)
            event = {"guild_id": str(role.guild.id), "role": wire.role_json(role)}
            self.gateway.event("GUILD_ROLE_UPDATE", role.guild, event, intents=GUILDS)

        self.run(change)

    def add_channel(self, name: str, guild: Guild | None = None) -> Channel:
        """Add a text channel to a guild."""
        return self.run(self._add_channel, name, guild or self.guild)

    def _add_channel(self, name: str, guild: Guild) -> Channel:
        channel = Channel(self.clock.snowflake(), TEXT, name, guild, created_at=self.clock.now())
        guild.channels[channel.id] = self.world.channels[channel.id] = channel
        self.gateway.channel_event("CHANNEL_CREATE", channel)
        return channel

    def channel_named(self, name: str, guild: Guild | None = None) -> Channel:
        """Find a channel of a guild."""
        return next(c for c in (guild or self.guild).channels.values() if c.name == name)

    def deny(self, channel: Channel, who: User | Role, permission: Permission) -> None:
        """Take rights in a channel from someone, and tell the bot."""

        def change() -> None:
            channel.deny(who, permission)
            self.gateway.channel_event("CHANNEL_UPDATE", channel)

        self.run(change)

    def member(
        self,
        name: str,
        roles: Iterable[str | Role] = (),
        *,
        guild: Guild | None = None,
        permissions: int = 0,
    ) -> Member:
        """Return a member of a guild by name; who is not there yet joins. Missing roles are created."""
        return self.run(self._member, name, list(roles), guild or self.guild, int(permissions))

    def _member(self, name: str, roles: list[str | Role], guild: Guild, permissions: int) -> Member:
        from tests.discord_server.member import Member

        user = next((u for u in self.world.users.values() if u.name == name), None) or self._user(name)
        known = {role.name: role for role in guild.roles.values()}
        given = [
            role if isinstance(role, Role) else known.get(role) or self._add_role(guild, role)
            for role in roles
        ]
        if permissions:
            given.append(self._add_role(guild, f"rights of {name}", permissions))
        if user.id not in guild.members:
            self._join(guild, user, given)
            event = {**wire.member_json(guild.members[user.id]), "guild_id": str(guild.id)}
            self.gateway.event("GUILD_MEMBER_ADD", guild, event, intents=MEMBERS)
        else:
            guild.members[user.id].roles += [r for r in given if r not in guild.members[user.id].roles]
        return Member(self, user, guild)

    def dm_channel(self, user: User) -> Channel:
        """Return the direct conversation of a user with the bot."""
        for channel in self.world.channels.values():
            if channel.type == DM and user in channel.recipients:
                return channel
        channel = Channel(self.clock.snowflake(), DM, user.name, recipients=[user, self.bot])
        self.world.channels[channel.id] = channel
        return channel
