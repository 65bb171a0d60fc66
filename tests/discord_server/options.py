"""Checks what a member fills into a command as Discord's client does, and writes it for the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server import files, wire
from tests.discord_server.commands import (
    BOOLEAN,
    CHANNEL,
    FILE,
    GROUP,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    SUB,
    USER,
)
from tests.discord_server.messages import Message
from tests.discord_server.modal import ClientRefuses
from tests.discord_server.state import Channel, Role, Upload, User
from tests.discord_server.wire_messages import message_json

if TYPE_CHECKING:
    from tests.discord_server.member import Member

Json = dict[str, Any]


class Resolved:
    """The objects that an interaction names, by kind and id, as Discord sends them along."""

    def __init__(self, member: Member, channel: Channel) -> None:
        self.member, self.channel = member, channel
        self.data: dict[str, Json] = {}

    def _put(self, kind: str, number: int, data: Json) -> None:
        self.data.setdefault(kind, {})[str(number)] = data

    def add(self, thing: Any) -> str:
        """Add a member, user, role, channel or message; return its id."""
        server, guild = self.member.server, self.channel.guild
        thing = getattr(thing, "user", thing)
        if isinstance(thing, User):
            self._put("users", thing.id, wire.user_json(thing))
            if guild and thing.id in guild.members:
                self._put("members", thing.id, wire.member_json(guild.members[thing.id], with_user=False))
        elif isinstance(thing, Role):
            self._put("roles", thing.id, wire.role_json(thing))
        elif isinstance(thing, Channel):
            self._put("channels", thing.id, wire.partial_channel_json(thing, server.bot, self.member.user))
        elif isinstance(thing, Message):
            self._put("messages", thing.id, message_json(thing, server.bot, content_intent=True))
        else:
            raise ClientRefuses(f"{thing!r} cannot be chosen")
        return str(thing.id)

    def upload(self, file: Any) -> str:
        """Upload a file; return its id."""
        server = self.member.server
        attachment = server.run(files.store, server, Upload.of(file), None, ephemeral=True)
        self._put("attachments", attachment.id, wire.attachment_json(attachment))
        return str(attachment.id)


def find_subcommand(command: Json, names: list[str]) -> tuple[list[tuple[int, str]], list[Json]]:
    """Follow `docs add` to its options; return the subcommands on the way too."""
    way, options = [], command.get("options") or []
    for name in names[1:]:
        found = [o for o in options if o["name"] == name and o["type"] in (SUB, GROUP)]
        if not found:
            subs = [o["name"] for o in options if o["type"] in (SUB, GROUP)]
            raise ClientRefuses(f"/{' '.join(names)}: there is no {name!r}, only {subs}")
        way.append((found[0]["type"], name))
        options = found[0].get("options") or []
    subs = [o["name"] for o in options if o["type"] in (SUB, GROUP)]
    if subs:
        raise ClientRefuses(f"/{' '.join(names)} needs one of {subs}")
    return way, options


def fit(declared: list[Json], given: Json, resolved: Resolved) -> list[Json]:
    """Check the options of a command and write them, in the order of the command."""
    given = spread_files(declared, given)
    unknown = set(given) - {option["name"] for option in declared}
    if unknown:
        raise ClientRefuses(f"no options {sorted(unknown)}; there are {[o['name'] for o in declared]}")
    missing = [o["name"] for o in declared if o.get("required") and given.get(o["name"]) is None]
    if missing:
        raise ClientRefuses(f"required options are missing: {missing}")
    return [
        {
            "name": option["name"],
            "type": option["type"],
            "value": fit_one(option, given[option["name"]], resolved),
        }
        for option in declared
        if given.get(option["name"]) is not None
    ]


def spread_files(declared: list[Json], given: Json) -> Json:
    """Spread a list of files over the options that begin with the given name: file, file2, …"""
    spread: Json = {}
    for name, value in given.items():
        if not isinstance(value, (list, tuple)) or (
            isinstance(value, tuple) and not isinstance(value[0], tuple)
        ):
            spread[name] = value
            continue
        places = [o["name"] for o in declared if o["type"] == FILE and o["name"].startswith(name)]
        if len(value) > len(places):
            raise ClientRefuses(f"{len(value)} files for the options {places}")
        spread.update(zip(places, value, strict=False))
    return spread


def fit_one(option: Json, value: Any, resolved: Resolved) -> Any:
    """Check one value against its option."""
    kind, name = option["type"], option["name"]
    if option.get("choices"):
        choices = {choice["name"]: choice["value"] for choice in option["choices"]}
        if value not in choices and value not in choices.values():
            raise ClientRefuses(f"{name}: {value!r} is none of {sorted(choices)}")
        return choices.get(value, value)
    if kind == FILE:
        return resolved.upload(value)
    if kind in (USER, ROLE, CHANNEL, MENTIONABLE):
        return resolved.add(value)
    wanted: Any = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}[kind]
    if not isinstance(value, wanted) or (kind != BOOLEAN and isinstance(value, bool)):
        raise ClientRefuses(f"{name}: {value!r} is not of the option's type")
    size = len(value) if kind == STRING else value
    least, most = ("min_length", "max_length") if kind == STRING else ("min_value", "max_value")
    if size < option.get(least, size) or size > option.get(most, 6000 if kind == STRING else size):
        raise ClientRefuses(f"{name}: {value!r} is outside {option.get(least)} to {option.get(most)}")
    return value


def fit_partial(
    declared: list[Json], focused: str, typed: Any, given: Json, resolved: Resolved
) -> tuple[int, list[Json]]:
    """Write the options of a command that is still being typed; return the focused one's type too."""
    found = [option for option in declared if option["name"] == focused]
    if not found or not found[0].get("autocomplete"):
        raise ClientRefuses(f"{focused!r} has no autocompletion; options are {[o['name'] for o in declared]}")
    kind = found[0]["type"]
    others = [o for o in declared if o["name"] != focused and not o.get("required")]
    others += [{**o, "required": False} for o in declared if o["name"] != focused and o.get("required")]
    options = fit(others, given, resolved)
    return kind, [*options, {"name": focused, "type": kind, "value": typed, "focused": True}]
