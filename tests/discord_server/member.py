"""A member at their keyboard: uses commands, presses buttons, fills in forms, writes messages."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.discord_server import wire
from tests.discord_server.commands import CHAT_INPUT, MESSAGE_MENU, USER_MENU
from tests.discord_server.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT, Interaction
from tests.discord_server.messages import BUTTON, FILE_UPLOAD, LINK_STYLE, STRING_SELECT, Message, walk
from tests.discord_server.modal import ClientRefuses, Modal, submission
from tests.discord_server.offering import find_command, offered
from tests.discord_server.options import Resolved, find_subcommand, fit, fit_partial
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.speaking import Speaking
from tests.discord_server.state import Channel, Command, Guild, GuildMember, Role, User
from tests.discord_server.wire_interactions import interaction_json

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]


class Member(Speaking):
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
        return offered(self, channel or self.channel)

    def slash(
        self, text: str, *, channel: Channel | None = None, force: bool = False, **options: Any
    ) -> Interaction:
        """Use a slash command: `slash("/docs add", title="…", file=[path])`."""
        where = channel or self.channel
        names = text.removeprefix("/").split()
        command = find_command(self, names[0], CHAT_INPUT, where, force=force)
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
        **options: Any,
    ) -> list[Json]:
        """Type into an option and return the offered choices, each with name and value."""
        interaction = self.start_autocomplete(text, option, typed, channel=channel, **options)
        return interaction.acked().choices

    def start_autocomplete(
        self, text: str, option: str, typed: str = "", *, channel: Channel | None = None, **options: Any
    ) -> Interaction:
        """Type into an option, and do not wait for choices."""
        where = channel or self.channel
        names = text.removeprefix("/").split()
        command = find_command(self, names[0], CHAT_INPUT, where)
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
        command = find_command(self, name, kind, where, force=force)
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
        server.send_interaction(interaction, interaction_json(interaction))
        return interaction
