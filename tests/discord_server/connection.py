"""One bot's web socket and session: what it sent, what it is owed, how the stream is compressed."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.discord_server.state import Guild

Json = dict[str, Any]


@dataclass(eq=False)
class Session:
    """What the bot identified as, and the events it got or will get when it resumes."""

    id: str
    intents: int
    shard: tuple[int, int]
    events: list[Json] = field(default_factory=list)
    connection: Connection | None = None

    def owns(self, guild: Guild | None) -> bool:
        """Say whether a guild's events come here."""
        return (guild.id >> 22) % self.shard[1] == self.shard[0] if guild else self.shard[0] == 0


@dataclass(eq=False)
class Connection:
    """One web socket, and how it is compressed."""

    socket: web.WebSocketResponse
    compress: Callable[[bytes], bytes] | None
    outbox: asyncio.Queue[bytes | str | int] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    last_beat: float = 0.0
    received_at: list[float] = field(default_factory=list)

    def send(self, payload: Json) -> None:
        """Queue a payload. Compression is one stream, so it happens in order."""
        text = json.dumps(payload)
        self.outbox.put_nowait(self.compress(text.encode()) if self.compress else text)

    def close(self, code: int) -> None:
        """Close after what is queued was sent."""
        self.outbox.put_nowait(code)

    async def pump(self) -> None:
        """Send what is queued until it says to close."""
        while not self.socket.closed:
            item = await self.outbox.get()
            if isinstance(item, int):
                await self.socket.close(code=item)
            elif isinstance(item, bytes):
                await self.socket.send_bytes(item)
            else:
                await self.socket.send_str(item)


def compressor(kind: str | None) -> Callable[[bytes], bytes] | None:
    """Return the stream compression that the client asked for."""
    if kind == "zlib-stream":
        stream = zlib.compressobj()
        return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    if kind == "zstd-stream":
        import zstandard

        frames = zstandard.ZstdCompressor().compressobj()
        return lambda data: frames.compress(data) + frames.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return None
