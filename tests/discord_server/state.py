"""What the local Discord knows: users, guilds, roles, channels, threads, files."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.discord_server.permissions import Permission

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction
    from tests.discord_server.messages import Message

MIB = 1024 * 1024
TEXT, DM, PUBLIC_THREAD, PRIVATE_THREAD = 0, 1, 11, 12


@dataclass(eq=False)
class User:
    """A person or the bot."""

    id: int
    name: str
    bot: bool = False
    takes_messages: bool = True

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def mention(self) -> str:
        """The text that pings this user."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Role:
    """A role of a guild. The role with the guild's own id is @everyone."""

    id: int
    guild: Guild
    name: str
    permissions: int = 0
    color: int = 0
    mentionable: bool = False

    @property
    def mention(self) -> str:
        """The text that pings this role."""
        return f"<@&{self.id}>"


@dataclass(eq=False)
class GuildMember:
    """A user in one guild."""

    user: User
    roles: list[Role]
    joined_at: float


@dataclass(eq=False)
class Guild:
    """A server, as people call it."""

    id: int
    name: str
    owner: User
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, GuildMember] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    @property
    def everyone(self) -> Role:
        """The role that all have."""
        return self.roles[self.id]

    @property
    def threads(self) -> list[Channel]:
        """All threads, in the order of their creation."""
        return [channel for channel in self.channels.values() if channel.is_thread]

    def role(self, name: str) -> Role:
        """Find a role by its name."""
        return next(role for role in self.roles.values() if role.name == name)


@dataclass(eq=False)
class Channel:
    """A text channel, a thread or a direct conversation."""

    id: int
    type: int
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    recipients: list[User] = field(default_factory=list)
    # Role's or member's id → (allowed bits, denied bits).
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict)
    all_messages: list[Message] = field(default_factory=list)
    owner: User | None = None
    created_at: float = 0.0
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 4320
    thread_members: set[int] = field(default_factory=set)
    typing_at: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<#{self.name}>"

    @property
    def is_thread(self) -> bool:
        """Whether this hangs below another channel."""
        return self.type in (PUBLIC_THREAD, PRIVATE_THREAD)

    @property
    def is_private_thread(self) -> bool:
        """Whether only invited members see it."""
        return self.type == PRIVATE_THREAD

    @property
    def mention(self) -> str:
        """The text that links this channel."""
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """The messages that everyone sees, oldest first."""
        return [m for m in self.all_messages if m.seen_only_by is None and not m.deleted]

    def seen_by(self, user: User) -> list[Message]:
        """Return the messages that one member sees: their own ephemeral ones too."""
        return [m for m in self.all_messages if m.seen_only_by in (None, user) and not m.deleted]

    def deny(self, who: User | Role, permission: Permission) -> None:
        """Take rights from a role or member in this channel."""
        allowed, denied = self.overwrites.get(who.id, (0, 0))
        self.overwrites[who.id] = (allowed & ~permission, denied | permission)

    def allow(self, who: User | Role, permission: Permission) -> None:
        """Give rights to a role or member in this channel."""
        allowed, denied = self.overwrites.get(who.id, (0, 0))
        self.overwrites[who.id] = (allowed | permission, denied & ~permission)


@dataclass(frozen=True)
class Upload:
    """A file that someone sends. `size` alone makes a huge file of zeros that is never held in memory."""

    name: str
    data: bytes = b""
    content_type: str | None = None
    size: int | None = None

    @classmethod
    def of(cls, file: Upload | Path | str | tuple[str, bytes]) -> Upload:
        """Take a path, or a name with bytes."""
        if isinstance(file, Upload):
            return file
        if isinstance(file, tuple):
            return cls(*file)
        return cls(Path(file).name, Path(file).read_bytes())


@dataclass(eq=False)
class Attachment:
    """A file as the CDN serves it."""

    id: int
    name: str
    data: bytes
    size: int
    content_type: str
    url: str
    expires_at: float
    description: str | None = None
    ephemeral: bool = False
    width: int | None = None
    height: int | None = None
    downloads: int = 0

    def __repr__(self) -> str:
        return f"<file {self.name} {self.size} bytes>"


def content_type_of(name: str) -> str:
    """Guess as Discord does, from the name."""
    guess = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{guess}; charset=utf-8" if guess.startswith("text/") else guess


@dataclass(eq=False)
class Command:
    """An application command that the bot registered."""

    id: int
    name: str
    type: int
    guild_id: int | None
    data: dict[str, Any]
    version: int


@dataclass(eq=False)
class World:
    """Everything by id."""

    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    # (guild's id or None) → commands
    commands: dict[int | None, list[Command]] = field(default_factory=dict)
    # token → interaction
    interactions: dict[str, Interaction] = field(default_factory=dict)

    def message(self, channel: Channel, message_id: int) -> Message | None:
        """Find a message that was not deleted, ephemeral ones too."""
        for message in reversed(channel.all_messages):
            if message.id == message_id:
                return None if message.deleted else message
        return None
