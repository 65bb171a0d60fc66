"""Who is pinged by a message: what it names, less what `allowed_mentions` and missing rights forbid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.discord_server.messages import TEXT_DISPLAY, walk
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.state import Channel, Role, User, World

CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]*`", re.DOTALL)
USERS, ROLES, EVERYONE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>"), re.compile(r"@(everyone|here)")
ALL_KINDS = {"parse": ["users", "roles", "everyone"], "replied_user": True}


@dataclass
class Mentions:
    """Who and what a message mentions with effect."""

    users: list[User] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    everyone: set[str] = field(default_factory=set)

    @property
    def names(self) -> frozenset[str]:
        """The pinged as text: `alice`, `@trainers`, `@everyone`."""
        return frozenset(
            [user.name for user in self.users]
            + [f"@{role.name}" for role in self.roles]
            + [f"@{name}" for name in self.everyone]
        )


def find_mentions(
    world: World,
    channel: Channel,
    author: User,
    content: str,
    components: list[dict[str, Any]],
    allowed: dict[str, Any] | None,
    replied_to: User | None,
) -> Mentions:
    """Work out who is pinged. Embeds never ping, nor does code."""
    texts = [content, *(c.get("content") or "" for c in walk(components) if c.get("type") == TEXT_DISPLAY)]
    text = "\n".join(CODE.sub("", part) for part in texts)
    allowed = ALL_KINDS if allowed is None else allowed
    parse = allowed.get("parse") or []
    users, roles = ({int(i) for i in allowed.get(kind) or []} for kind in ("users", "roles"))
    may_mention_all = bool(in_channel(channel, author) & Permission.MENTION_EVERYONE)
    found = Mentions()
    for number in unique(USERS, text):
        if number in world.users and ("users" in parse or number in users):
            found.users.append(world.users[number])
    if replied_to and allowed.get("replied_user") and replied_to not in found.users:
        found.users.append(replied_to)
    for number in unique(ROLES, text):
        role = channel.guild.roles.get(number) if channel.guild else None
        if role and (role.mentionable or may_mention_all) and ("roles" in parse or number in roles):
            found.roles.append(role)
    if channel.guild and may_mention_all and "everyone" in parse:
        found.everyone = set(EVERYONE.findall(text))
    return found


def unique(pattern: re.Pattern[str], text: str) -> list[int]:
    return list(dict.fromkeys(int(number) for number in pattern.findall(text)))
