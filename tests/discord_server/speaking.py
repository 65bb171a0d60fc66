"""What a member does beside commands: writes, replies, reacts, opens and archives threads, deletes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.discord_server import posting, threads
from tests.discord_server.messages import Message
from tests.discord_server.modal import ClientRefuses
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.state import Channel, Guild, Role, Upload, User

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]


class Speaking:
    """The part of a member that talks."""

    server: DiscordServer
    user: User
    guild: Guild
    channel: Channel

    @property
    def mention(self) -> str:
        """The text that pings the member."""
        return self.user.mention

    def say(
        self,
        channel: Channel | None = None,
        text: str = "",
        *,
        mention: User | Speaking | Role | Iterable[User | Speaking | Role] = (),
        reply_to: Message | None = None,
        ping_reply: bool = True,
        files: Iterable[Any] = (),
    ) -> Message:
        """Write a message, with mentions before its text, in reply to another, with files."""
        where = channel or (reply_to.channel if reply_to else self.channel)
        mentioned = [mention] if isinstance(mention, (User, Speaking, Role)) else list(mention)
        body: Json = {"content": " ".join([*(m.mention for m in mentioned), text]).strip()}
        if reply_to:
            body["message_reference"] = {"message_id": str(reply_to.id)}
            if not ping_reply:
                body["allowed_mentions"] = {"parse": ["users", "roles", "everyone"], "replied_user": False}
        uploads = {number: Upload.of(file) for number, file in enumerate(files)}
        send = Permission.SEND_MESSAGES_IN_THREADS if where.is_thread else Permission.SEND_MESSAGES
        if not in_channel(where, self.user) & send:
            raise ClientRefuses(f"{self.user.name} may not write in {where!r}")
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
        return self.server.run(threads.open_thread, self.server, where, self.user, body, message)

    def delete(self, message: Message) -> None:
        """Delete a message."""
        self.server.run(posting.delete, self.server, message)

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        """Archive a thread."""
        self.server.run(posting.set_archived, self.server, thread, archived=True, locked=locked)

    def react(self, message: Message, emoji: str) -> None:
        """Put a reaction under a message."""

        def add() -> None:
            message.reactions.setdefault(emoji, []).append(self.user)
            self.server.gateway.reaction_event("MESSAGE_REACTION_ADD", message, self.user, emoji)
            self.server.note_change()

        self.server.run(add)
