"""A member at their keyboard: uses commands, presses buttons, fills in forms, writes messages."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.discord_server import posting, wire
from tests.discord_server.commands import CHAT_INPUT, MESSAGE_MENU, USER_MENU
from tests.discord_server.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT, Interaction
from tests.discord_server.messages import BUTTON, FILE_UPLOAD, LINK_STYLE, STRING_SELECT, Message, walk
from tests.discord_server.modal import ClientRefuses, Modal, submission
from tests.discord_server.options import Resolved, find_subcommand, fit, fit_partial
from tests.discord_server.permissions import Permission, in_channel, in_guild
from tests.discord_server.state import MIB, Channel, Command, Guild, GuildMember, Role, Upload, User

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

UPLOAD_LIMIT = 10 * MIB
Json = dict[str, Any]


class Member:
    """One person in one guild. Commands are used in `channel`, the guild's first unless changed."""

    def __init__(self, server: DiscordServer, user: User, guild: Guild) -> None:
        self.server, self.user, self.guild = server, user, guild
        self.channel = next(iter(guild.channels.values()))

    def __repr__(self) -> str:
        return f"<{self.user.name} in {self.guild.name}>"

    @property
    def name(self) -> str:
        """The member's name."""
        return self.user.name

    @property
    def id(self) -> int:
        """The member's id."""
        return self.user.id

    @property
    def mention(self) -> str:
        """The text that pings the member."""
        return self.user.mention

    @property
    def membership(self) -> GuildMember:
        """What the guild knows of the member."""
        return self.guild.members[self.user.id]

    def messages(self, channel: Channel | None = None) -> list[Message]:
        """Return what this member sees in a channel, oldest first."""
        channel = channel or self.channel
        rights = in_channel(channel, self.user)
        return channel.seen_by(self.user) if rights & Permission.READ_MESSAGE_HISTORY else []

    def give(self, role: Role | str) -> None:
        """Get a role, and let the bot know if it may."""
        self._change_roles([*self.membership.roles, self._role(role)])

    def take(self, role: Role | str) -> None:
        """Lose a role."""
        gone = self._role(role)
        self._change_roles([r for r in self.membership.roles if r is not gone])

    def _role(self, role: Role | str) -> Role:
        return role if isinstance(role, Role) else self.guild.role(role)

    def _change_roles(self, roles: list[Role]) -> None:
        def change() -> None:
            self.membership.roles = roles
            event = {**wire.member_json(self.membership), "guild_id": str(self.guild.id)}
            self.server.gateway.event("GUILD_MEMBER_UPDATE", self.guild, event, intents=1 << 1)

        self.server.run(change)

    # Commands.

    def commands(self, channel: Channel | None = None) -> list[Command]:
        """Return the commands that the client offers this member in a channel."""
        channel = channel or self.channel
        known = self.server.world.commands
        own = known.get(channel.guild.id if channel.guild else None, []) if channel.guild else []
        found = {(c.type, c.name): c for c in [*known.get(None, []), *own]}
        return [command for command in found.values() if self._offered(command, channel)]

    def _offered(self, command: Command, channel: Channel) -> bool:
        contexts = command.data.get("contexts")
        if channel.guild is None:
            return command.data.get("dm_permission", True) if contexts is None else 1 in contexts
        if contexts is not None and 0 not in contexts:
            return False
        if not in_channel(channel, self.user) & Permission.USE_APPLICATION_COMMANDS:
            return False
        needed = command.data.get("default_member_permissions")
        granted = in_guild(channel.guild, self.user)
        if needed is None or granted & Permission.ADMINISTRATOR:
            return True
        return bool(int(needed)) and granted & int(needed) == int(needed)

    def command(self, name: str, kind: int, channel: Channel, *, force: bool = False) -> Command:
        """Find a command by name. `force` finds those that the client hides, as an admin may unhide them."""
        known = self.server.world.commands
        everything = [
            c for place in (channel.guild.id if channel.guild else None, None) for c in known.get(place, [])
        ]
        offered = everything if force else self.commands(channel)
        for command in offered:
            if (command.type, command.name) == (kind, name):
                return command
        hidden = any((c.type, c.name) == (kind, name) for c in everything)
        names = sorted(c.name for c in offered)
        reason = f"{name!r} is hidden from {self.name} here" if hidden else f"there is no {name!r}"
        raise ClientRefuses(f"{reason}; offered: {names}")

    def slash(
        self, text: str, *, channel: Channel | None = None, force: bool = False, **options: Any
    ) -> Interaction:
        """Use a slash command: `slash("/docs add", title="…", file=[path])`."""
        where = channel or self.channel
        names = text.removeprefix("/").split()
        command = self.command(names[0], CHAT_INPUT, where, force=force)
        subcommands, declared = find_subcommand(command.data, names)
        resolved = Resolved(self, where)
        given = fit(declared, options, resolved)
        for kind, name in reversed(subcommands):
            given = [{"type": kind, "name": name, "options": given}]
        data = self._command_data(command, {"options": given}, resolved)
        return self._interact(COMMAND, where, data, "/" + " ".join(names))

    def autocomplete(
        self,
        text: str,
        option: str,
        typed: str = "",
        *,
        channel: Channel | None = None,
        timeout_s: float = 5.0,
        **options: Any,
    ) -> list[Json]:
        """Type into an option and return the offered choices, each with name and value."""
        interaction = self.start_autocomplete(text, option, typed, channel=channel, **options)
        return interaction.acked(timeout_s).choices

    def start_autocomplete(
        self, text: str, option: str, typed: str = "", *, channel: Channel | None = None, **options: Any
    ) -> Interaction:
        """Type into an option, and do not wait for choices."""
        where = channel or self.channel
        names = text.removeprefix("/").split()
        command = self.command(names[0], CHAT_INPUT, where)
        subcommands, declared = find_subcommand(command.data, names)
        resolved = Resolved(self, where)
        kind, given = fit_partial(declared, option, typed, options, resolved)
        for sub, name in reversed(subcommands):
            given = [{"type": sub, "name": name, "options": given}]
        data = self._command_data(command, {"options": given}, resolved)
        return self._interact(AUTOCOMPLETE, where, data, "/" + " ".join(names), option_type=kind)

    def context_menu(self, name: str, target: Message | Member | User, *, force: bool = False) -> Interaction:
        """Use a command from the menu of a message or of a member."""
        if isinstance(target, Message):
            self._must_see(target)
            where, kind = target.channel, MESSAGE_MENU
        else:
            where, kind = self.channel, USER_MENU
        command = self.command(name, kind, where, force=force)
        resolved = Resolved(self, where)
        resolved.add(target)
        data = self._command_data(command, {"target_id": str(target.id)}, resolved)
        return self._interact(COMMAND, where, data, name)

    def _command_data(self, command: Command, more: Json, resolved: Resolved) -> Json:
        data: Json = {"id": str(command.id), "name": command.name, "type": command.type, **more}
        if command.guild_id:
            data["guild_id"] = str(command.guild_id)
        return {**data, "resolved": resolved.data} if resolved.data else data

    # Components and modals.

    def click(self, message: Message, name: str) -> Interaction:
        """Press a button, by its label, emoji or custom_id."""
        self._must_see(message)
        buttons = [c for c in walk(message.components) if c["type"] == BUTTON]
        for button in buttons:
            emoji = (button.get("emoji") or {}).get("name")
            if name in (button.get("label"), button.get("custom_id"), emoji) and name:
                break
        else:
            raise ClientRefuses(
                f"no button {name!r}; there are {[b.label or b.emoji for b in message.buttons]}"
            )
        if button.get("disabled"):
            raise ClientRefuses(f"the button {name!r} is disabled")
        if button["style"] == LINK_STYLE:
            raise ClientRefuses(f"the button {name!r} is a link to {button['url']}")
        return self.use_component(message, button)

    def select(self, message: Message, *values: Any, menu: str | None = None) -> Interaction:
        """Choose in a select menu, by label or value; `menu` is its placeholder or custom_id where there are several."""
        self._must_see(message)
        menus = [m for m in message.selects if menu in (None, m.get("placeholder"), m["custom_id"])]
        if len(menus) != 1:
            raise ClientRefuses(f"{len(menus)} select menus match {menu!r} in {message!r}")
        chosen = menus[0]
        if chosen.get("disabled"):
            raise ClientRefuses(f"the select menu {chosen.get('placeholder')!r} is disabled")
        least, most = chosen.get("min_values", 1), chosen.get("max_values", 1)
        if not least <= len(values) <= most:
            raise ClientRefuses(f"choose {least} to {most}, not {len(values)}")
        resolved = Resolved(self, message.channel)
        picked = []
        options = {o["label"]: o["value"] for o in chosen.get("options", [])}
        for value in values:
            if chosen["type"] == STRING_SELECT:
                picked.append(options.get(value, value))
                if picked[-1] not in options.values():
                    raise ClientRefuses(f"no option {value!r}; there are {sorted(options)}")
            else:
                resolved.add(value)
                picked.append(str(value.id))
        more = {"values": picked, **({"resolved": resolved.data} if resolved.data else {})}
        return self.use_component(message, chosen, **more)

    def use_component(self, message: Message, component: Json, **more: Any) -> Interaction:
        """Send the use of a component as it is, even of one that the client would not show any more."""
        data = {"custom_id": component["custom_id"], "component_type": component["type"], **more}
        if "id" in component:
            data["id"] = component["id"]
        label = component.get("label") or component.get("placeholder") or component["custom_id"]
        return self._interact(COMPONENT, message.channel, data, f"[{label}]", message=message)

    def submit(self, modal: Modal, answers: dict[str, Any]) -> Interaction:
        """Send a filled modal: Modal.submit does the checks."""
        opener = modal.shown_by
        resolved = Resolved(self, opener.channel)
        uploads = {field["custom_id"] for _, field in modal.inputs if field["type"] == FILE_UPLOAD}
        for custom_id in uploads:
            answers[custom_id] = [resolved.upload(file) for file in answers[custom_id]]
        data: Json = {"custom_id": modal.data["custom_id"], "components": submission(modal.data, answers)}
        if resolved.data:
            data["resolved"] = resolved.data
        used = opener.message_used
        return self._interact(
            MODAL_SUBMIT, opener.channel, data, f"form {modal.title!r}", message=used, opened_by=opener
        )

    def _must_see(self, message: Message) -> None:
        if message.deleted or message not in message.channel.seen_by(self.user):
            raise ClientRefuses(f"{self.name} does not see {message!r}")

    def _interact(
        self,
        kind: int,
        channel: Channel,
        data: Json,
        label: str,
        *,
        message: Message | None = None,
        opened_by: Interaction | None = None,
        option_type: int = 3,
    ) -> Interaction:
        return self.server.run(self._send, kind, channel, data, label, message, opened_by, option_type)

    def _send(
        self, kind: int, channel: Channel, data: Json, label: str,
        message: Message | None, opened_by: Interaction | None, option_type: int,
    ) -> Interaction:  # fmt: skip
        server = self.server
        interaction = Interaction(
            server, self, server.clock.snowflake(), secrets.token_urlsafe(64), kind, channel, data,
            server.clock.now(), label, message, opened_by, option_type,
        )  # fmt: skip
        server.send_interaction(interaction, self._payload(interaction))
        return interaction

    def _payload(self, interaction: Interaction) -> Json:
        """Write the interaction as the gateway sends it."""
        server, channel = self.server, interaction.channel
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(server.application_id),
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": wire.partial_channel_json(channel, server.bot, self.user),
            "app_permissions": str(in_channel(channel, server.bot)),
            "locale": "en-US",
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": UPLOAD_LIMIT,
            "authorizing_integration_owners": {"0": str(channel.guild.id if channel.guild else 0)},
            "context": 0 if channel.guild else 1,
        }
        if channel.guild:
            member = wire.member_json(self.membership)
            rights = str(in_channel(channel, self.user))
            guild = {"id": str(channel.guild.id), "locale": "en-US", "features": []}
            payload |= {"member": {**member, "permissions": rights}, "guild": guild}
            payload |= {"guild_id": str(channel.guild.id), "guild_locale": "en-US"}
        else:
            payload["user"] = wire.user_json(self.user)
        if interaction.message_used:
            payload["message"] = wire.message_json(interaction.message_used, server.bot, content_intent=True)
        return payload

    # Messages.

    def say(
        self,
        channel: Channel | None = None,
        text: str = "",
        *,
        mention: User | Member | Role | Iterable[User | Member | Role] = (),
        reply_to: Message | None = None,
        ping_reply: bool = True,
        files: Iterable[Any] = (),
    ) -> Message:
        """Write a message, with mentions before its text, in reply to another, with files."""
        where = channel or (reply_to.channel if reply_to else self.channel)
        mentioned = [mention] if isinstance(mention, (User, Member, Role)) else list(mention)
        body: Json = {"content": " ".join([*(m.mention for m in mentioned), text]).strip()}
        if reply_to:
            body["message_reference"] = {"message_id": str(reply_to.id)}
            if not ping_reply:
                body["allowed_mentions"] = {"parse": ["users", "roles", "everyone"], "replied_user": False}
        uploads = {number: Upload.of(file) for number, file in enumerate(files)}
        send = Permission.SEND_MESSAGES_IN_THREADS if where.is_thread else Permission.SEND_MESSAGES
        if not in_channel(where, self.user) & send:
            raise ClientRefuses(f"{self.name} may not write in {where!r}")
        return self.server.run(posting.post, self.server, where, self.user, body, uploads)

    def dm(self, text: str = "", *, files: Iterable[Any] = ()) -> Message:
        """Write to the bot directly."""
        return self.say(self.server.dm_channel(self.user), text, files=files)

    def open_thread(
        self, name: str, message: Message | None = None, channel: Channel | None = None
    ) -> Channel:
        """Open a thread, from a message or without one."""
        where = message.channel if message else channel or self.channel
        body = {"name": name, "type": 11}
        return self.server.run(posting.open_thread, self.server, where, self.user, body, message)

    def delete(self, message: Message) -> None:
        """Delete a message."""
        self.server.run(posting.delete, self.server, message)

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        """Archive a thread."""
        self.server.run(posting.set_archived, self.server, thread, archived=True, locked=locked)
