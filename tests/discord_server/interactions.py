"""An interaction as its member sees it: what they did, when the bot answered, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.discord_server.messages import Message
from tests.discord_server.state import Channel, Guild, User

if TYPE_CHECKING:
    from tests.discord_server.member import Member
    from tests.discord_server.modal import Modal
    from tests.discord_server.server import DiscordServer

ACK_S, TOKEN_S = 3.0, 15 * 60.0
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
PONG, REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, SHOW_MODAL = 1, 4, 5, 6, 7, 8, 9
NO_RESPONSE = "The application did not respond"


@dataclass(eq=False)
class Interaction:
    """One use of a command, component, autocompletion or modal. `wait()` before you look."""

    server: DiscordServer
    member: Member
    id: int
    token: str
    type: int
    channel: Channel
    data: dict[str, Any]
    started_at: float
    label: str
    # The message whose component was used.
    message_used: Message | None = None
    # The interaction that showed the modal which this one submits.
    opened_by: Interaction | None = None
    option_type: int = 3
    acked_at: float | None = None
    response_type: int | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal_data: dict[str, Any] | None = None
    choices: list[dict[str, Any]] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{self.label} by {self.user.name}>"

    @property
    def user(self) -> User:
        """Who did it."""
        return self.member.user

    @property
    def guild(self) -> Guild | None:
        """Where it was done; None in a direct conversation."""
        return self.channel.guild

    @property
    def application_id(self) -> int:
        """The bot's application."""
        return self.server.application_id

    @property
    def command_name(self) -> str:
        """The command with its subcommands: `docs add`."""
        return self.label.removeprefix("/")

    @property
    def age_s(self) -> float:
        """Seconds since the member did it."""
        return self.server.clock.now() - self.started_at

    @property
    def acked_after_s(self) -> float | None:
        """How long the bot took to acknowledge, in seconds."""
        return None if self.acked_at is None else self.acked_at - self.started_at

    @property
    def deferred(self) -> bool:
        """Whether the acknowledgement was a deferral."""
        return self.response_type in (DEFER, DEFER_UPDATE)

    @property
    def error(self) -> str | None:
        """What Discord tells the member where the bot failed to acknowledge in time."""
        failed = self.acked_at is None and self.age_s > self.server.ack_s
        return NO_RESPONSE if failed else None

    @property
    def ephemeral(self) -> bool:
        """Whether only the member sees the answer. Waits for it."""
        return self.message.ephemeral

    @property
    def modal(self) -> Modal:
        """The form that the bot showed. Waits for it."""
        from tests.discord_server.modal import Modal

        self.acked()
        assert self.modal_data is not None, f"{self!r} showed no modal: {self.told()}"
        return Modal(self, self.modal_data)

    @property
    def message(self) -> Message:
        """The answer, filled. Waits for it."""
        self.wait()
        assert self.original is not None, f"{self!r} was answered without a message: {self.told()}"
        return self.original

    @property
    def text(self) -> str:
        """All text of the answer. Waits for it."""
        return self.message.text

    def acked(self) -> Interaction:
        """Wait until the bot acknowledged, in whatever way."""
        self.server.wait_for(
            lambda: self.acked_at is not None or self.error is not None,
            self.server.ack_s + 2.0,
            lambda: f"{self!r} was not acknowledged",
        )
        assert self.acked_at is not None, f"{self!r}: {NO_RESPONSE}"
        return self

    def wait(self, timeout_s: float = 15.0) -> Interaction:
        """Wait until the member sees an answer: a filled message, an update, a modal or choices."""
        self.acked()
        self.server.wait_for(self.answered, timeout_s, lambda: f"{self!r} is still thinking: {self.told()}")
        return self

    def answered(self) -> bool:
        """Say whether more than a deferral came."""
        if self.response_type == DEFER:
            return self.original is not None and not self.original.thinking
        return self.response_type is not None

    def wait_for_text(self, text: str, timeout_s: float = 15.0) -> Message:
        """Wait until the answer holds a text."""
        self.acked()
        self.server.wait_for(
            lambda: self.original is not None and text in self.original.text,
            timeout_s,
            lambda: f"{self!r} never said {text!r}: {self.told()}",
        )
        assert self.original
        return self.original

    def followup(self, number: int = 0, timeout_s: float = 15.0) -> Message:
        """Wait for the first (second, …) further message."""
        self.server.wait_for(
            lambda: len(self.followups) > number,
            timeout_s,
            lambda: f"{self!r} has {len(self.followups)} follow-ups: {self.told()}",
        )
        return self.followups[number]

    def told(self) -> str:
        """Say in words what the bot did so far, for messages of failed tests."""
        if self.acked_at is None:
            return "no acknowledgement"
        names = {
            REPLY: "reply",
            DEFER: "deferred",
            DEFER_UPDATE: "deferred update",
            UPDATE: "update",
            CHOICES: "choices",
            SHOW_MODAL: "modal",
        }
        said = self.original.text if self.original else None
        further = [message.text for message in self.followups]
        return f"{names.get(self.response_type or 0)}; message {said!r}; follow-ups {further!r}; log: {self.server.last_requests()}"
