"""Opens threads, from a message or without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server import errors, posting
from tests.discord_server.errors import Problems
from tests.discord_server.messages import THREAD_CREATED, THREAD_STARTER, Message
from tests.discord_server.state import PRIVATE_THREAD, PUBLIC_THREAD, Channel, User

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]


def open_thread(
    server: DiscordServer, parent: Channel, author: User, body: Json, starter: Message | None
) -> Channel:
    """Open a thread, from a message or without one."""
    problems = Problems()
    if problems.required(("name",), body.get("name")):
        problems.length(("name",), body["name"], 100, 1)
    problems.choice(
        ("auto_archive_duration",), body.get("auto_archive_duration") or 1440, (60, 1440, 4320, 10080)
    )
    problems.stop()
    if starter and starter.thread:
        raise errors.thread_exists()
    kind = PUBLIC_THREAD if starter else body.get("type", PRIVATE_THREAD)
    thread = Channel(
        id=starter.id if starter else server.clock.snowflake(),
        type=kind,
        name=body["name"],
        guild=parent.guild,
        parent=parent,
        owner=author,
        created_at=server.clock.now(),
        auto_archive_minutes=body.get("auto_archive_duration") or 4320,
        thread_members={author.id},
    )
    assert parent.guild
    parent.guild.channels[thread.id] = server.world.channels[thread.id] = thread
    server.gateway.channel_event("THREAD_CREATE", thread, newly_created=True)
    system = (THREAD_STARTER, thread) if starter else (THREAD_CREATED, parent)
    if starter:
        starter.thread = thread
        server.gateway.message_event("MESSAGE_UPDATE", starter)
    if starter or kind == PUBLIC_THREAD:
        number, now = server.clock.snowflake(), server.clock.now()
        posting.publish(server, Message(number, system[1], author, now, type=system[0], reply_to=starter,
                                content="" if starter else thread.name))  # fmt: skip
    server.note_change()
    return thread
