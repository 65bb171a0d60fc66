"""The server's clock, which tests move without sleeping, and the ids that are made from it."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

DISCORD_EPOCH_MS = 1_420_070_400_000


class Clock:
    """Real time and what a test added to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._numbers = itertools.count()

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead_s

    def move(self, seconds: float) -> None:
        """Let time pass at once: tokens expire, rate limits recover, messages grow old."""
        self.ahead_s += seconds

    def snowflake(self) -> int:
        """Return a new id, which holds its time as Discord's do."""
        milliseconds = int(self.now() * 1000) - DISCORD_EPOCH_MS
        return (milliseconds << 22) | (next(self._numbers) & 0x3FFFFF)


def iso(seconds: float | None) -> str | None:
    """Write a time as Discord does."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
