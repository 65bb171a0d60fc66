"""The gateway: sessions, events with sequence numbers, RESUME, heartbeats, compression."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.discord_server import wire
from tests.discord_server.connection import Connection, Session, compressor
from tests.discord_server.messages import Message
from tests.discord_server.permissions import Permission, in_channel
from tests.discord_server.state import Channel, Guild, User
from tests.discord_server.wire_messages import event_json

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME, RECONNECT, REQUEST_MEMBERS, INVALID, HELLO, ACK = (
    0, 1, 2, 3, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
GUILDS, MEMBERS, GUILD_MESSAGES, DM_MESSAGES, CONTENT = 1 << 0, 1 << 1, 1 << 9, 1 << 12, 1 << 15
PRESENCES, GUILD_REACTIONS, DM_REACTIONS = 1 << 8, 1 << 10, 1 << 13
PRIVILEGED = {"members": MEMBERS, "presences": PRESENCES, "message_content": CONTENT}
PAYLOAD_BYTES, EVENTS, EVENTS_WINDOW_S = 4096, 120, 60.0

Json = dict[str, Any]


class Gateway:
    """All sessions. `silent` makes it a zombie: it takes everything and answers no heartbeat."""

    def __init__(self, server: DiscordServer, heartbeat_s: float) -> None:
        self.server, self.heartbeat_s = server, heartbeat_s
        self.sessions: dict[str, Session] = {}
        self.silent = False
        self.identifies = self.resumes = 0
        self.presence: Json | None = None
        self.close_codes: list[int] = []
        self.compressions: list[str | None] = []

    @property
    def content_intent(self) -> bool:
        """Whether the bot has the right to read messages that do not concern it."""
        return any(session.intents & CONTENT for session in self.sessions.values())

    @property
    def connected(self) -> bool:
        """Whether a bot is connected and identified."""
        return any(session.connection for session in self.sessions.values())

    async def serve(self, raw: web.Request) -> web.WebSocketResponse:
        """Talk to one connection until it closes."""
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(raw)
        connection = Connection(socket, compressor(raw.query.get("compress")))
        self.compressions.append(raw.query.get("compress"))
        pump = asyncio.create_task(connection.pump())
        watch = asyncio.create_task(self._watch(connection))
        connection.send(
            {
                "op": HELLO,
                "d": {"heartbeat_interval": int(self.heartbeat_s * 1000), "_trace": []},
                "s": None,
                "t": None,
            }
        )
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(connection, message.data)
        finally:
            pump.cancel()
            watch.cancel()
            if connection.session and connection.session.connection is connection:
                connection.session.connection = None
                self.server.note_change()
        return socket

    async def _watch(self, connection: Connection) -> None:
        """Close a connection that sends no heartbeats."""
        loop = asyncio.get_running_loop()
        connection.last_beat = loop.time()
        while loop.time() - connection.last_beat < 1.5 * self.heartbeat_s:
            await asyncio.sleep(self.heartbeat_s / 4)
        self._close(connection, 4009)

    def _close(self, connection: Connection, code: int) -> None:
        self.close_codes.append(code)
        connection.close(code)

    def _receive(self, connection: Connection, text: str) -> None:
        now = asyncio.get_running_loop().time()
        connection.received_at = [at for at in connection.received_at if at > now - EVENTS_WINDOW_S] + [now]
        if len(text.encode()) > PAYLOAD_BYTES:
            return self._close(connection, 4002)
        if len(connection.received_at) > EVENTS:
            return self._close(connection, 4008)
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError):
            return self._close(connection, 4002)
        if op == HEARTBEAT:
            connection.last_beat = now
            if not self.silent:
                connection.send({"op": ACK, "d": None, "s": None, "t": None})
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            self._close(connection, 4003)
        elif op == PRESENCE:
            self.presence = data
        elif op == REQUEST_MEMBERS:
            self._send_members(connection.session, data)
        elif op != 4:
            self._close(connection, 4001)
        return None

    def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session:
            return self._close(connection, 4005)
        if data.get("token") != self.server.token:
            return self._close(connection, 4004)
        intents = data.get("intents")
        if not isinstance(intents, int):
            return self._close(connection, 4013)
        refused = [bit for name, bit in PRIVILEGED.items() if name not in self.server.privileged_intents]
        if any(intents & bit for bit in refused):
            return self._close(connection, 4014)
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            return self._close(connection, 4010)
        self.identifies += 1
        stale = [s for s in self.sessions.values() if s.connection is None and s.shard == (number, count)]
        for session in stale:
            del self.sessions[session.id]
        session = Session(secrets.token_hex(16), intents, (number, count), connection=connection)
        self.sessions[session.id] = connection.session = session
        self.presence = data.get("presence")
        self._send_ready(session, with_shard="shard" in data)
        return None

    def _send_ready(self, session: Session, *, with_shard: bool) -> None:
        server = self.server
        guilds = [guild for guild in server.guilds_of_bot() if session.owns(guild)]
        ready: Json = {
            "v": 10,
            "user": {**wire.user_json(server.bot), "verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": server.gateway_url,
            "application": {"id": str(server.application_id), "flags": server.application_flags},
            "session_type": "normal",
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "user_settings": {},
            "_trace": [],
        }
        if with_shard:
            ready["shard"] = list(session.shard)
        self._dispatch(session, "READY", ready)
        for guild in guilds:
            self.guild_create(guild, session)
        server.note_change()

    def guild_create(self, guild: Guild, session: Session) -> None:
        """Send a guild with its channels, roles and the members that the intents allow."""
        if session.intents & GUILDS:
            members = bool(session.intents & MEMBERS)
            self._dispatch(
                session, "GUILD_CREATE", wire.guild_json(guild, self.server.bot, all_members=members)
            )

    def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(data.get("session_id", ""))
        if data.get("token") != self.server.token:
            return self._close(connection, 4004)
        if session is None:
            return connection.send({"op": INVALID, "d": False, "s": None, "t": None})
        self.resumes += 1
        session.connection, connection.session = connection, session
        for event in session.events[data.get("seq") or 0 :]:
            connection.send(event)
        self._dispatch(session, "RESUMED", {"_trace": []})
        self.server.note_change()
        return None

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self.server.world.guilds[int(data["guild_id"])]
        wanted = [int(number) for number in as_list(data.get("user_ids"))]
        everyone = not wanted and data.get("query") == "" and not data.get("limit")
        if everyone and not session.intents & MEMBERS:
            return
        members = [
            member
            for member in guild.members.values()
            if (member.user.id in wanted if wanted else member.user.name.startswith(data.get("query") or ""))
        ]
        unknown = [str(number) for number in wanted if number not in guild.members]
        chunk = {
            "guild_id": str(guild.id),
            "members": [wire.member_json(member) for member in members],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": unknown,
            "nonce": data.get("nonce"),
        }
        self._dispatch(session, "GUILD_MEMBERS_CHUNK", chunk)

    def _dispatch(self, session: Session, name: str, data: Json) -> None:
        event = {"op": DISPATCH, "t": name, "s": len(session.events) + 1, "d": data}
        session.events.append(event)
        if session.connection:
            session.connection.send(event)

    def event(
        self, name: str, guild: Guild | None, data: Json | Callable[[Session], Json], *, intents: int = 0
    ) -> None:
        """Send an event to the sessions that it concerns, now or when they resume."""
        for session in self.sessions.values():
            if session.owns(guild) and (not intents or session.intents & intents):
                self._dispatch(session, name, data(session) if callable(data) else data)

    def message_event(self, name: str, message: Message) -> None:
        """Tell of a message, where the bot can see its channel."""
        channel, me = message.channel, self.server.bot
        if not in_channel(channel, me) & Permission.VIEW_CHANNEL:
            return
        place: Json = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild:
            place["guild_id"] = str(channel.guild.id)
        deleted = name == "MESSAGE_DELETE"
        intents = GUILD_MESSAGES if channel.guild else DM_MESSAGES
        self.event(
            name,
            channel.guild,
            lambda s: place if deleted else event_json(message, me, content_intent=bool(s.intents & CONTENT)),
            intents=intents,
        )

    def reaction_event(self, name: str, message: Message, user: User, emoji: str) -> None:
        """Tell of a reaction, where the bot can see it."""
        channel = message.channel
        if not in_channel(channel, self.server.bot) & Permission.VIEW_CHANNEL:
            return
        data: Json = {
            "user_id": str(user.id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "message_author_id": str(message.author.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if channel.guild:
            data["guild_id"] = str(channel.guild.id)
            data["member"] = wire.member_json(channel.guild.members[user.id])
        self.event(name, channel.guild, data, intents=GUILD_REACTIONS if channel.guild else DM_REACTIONS)

    def channel_event(self, name: str, channel: Channel, **more: Any) -> None:
        """Tell of a channel or thread."""
        data = {**wire.channel_json(channel, self.server.bot), **more}
        if in_channel(channel, self.server.bot) & Permission.VIEW_CHANNEL or name == "CHANNEL_UPDATE":
            self.event(name, channel.guild, data, intents=GUILDS)

    def drop(self, code: int | None = None) -> None:
        """Cut all connections, as a network does (no code) or as Discord does (with one)."""
        for session in self.sessions.values():
            connection, session.connection = session.connection, None
            if connection and code is not None:
                connection.close(code)
            elif connection and (transport := connection.socket._req and connection.socket._req.transport):
                transport.abort()

    def ask_to_reconnect(self) -> None:
        """Send RECONNECT to all."""
        for session in self.sessions.values():
            if session.connection:
                session.connection.send({"op": RECONNECT, "d": None, "s": None, "t": None})

    def invalidate(self) -> None:
        """Forget all sessions: whoever resumes must identify anew."""
        sessions, self.sessions = self.sessions, {}
        for session in sessions.values():
            if session.connection:
                session.connection.send({"op": INVALID, "d": False, "s": None, "t": None})


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
