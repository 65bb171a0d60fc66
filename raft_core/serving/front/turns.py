"""One GPU in turns: whoever trains has the server sleep, and says again and again that it still trains.

A word is good for `LEASE_S`: when the trainer dies, the server wakes by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from raft_core.serving.web.protocol import ApiError

log = logging.getLogger(__name__)

LEASE_S = 60.0
TICK_S = 1.0
MAX_SECONDS = 30 * 86_400.0


class SleepRequest(BaseModel):
    """POST /v1/sleep: `holder` needs the GPU for about `seconds`, for `what`, on the `devices` it sees."""

    holder: str = Field(min_length=1, max_length=128)
    what: str = Field(min_length=1, max_length=200)
    seconds: float = Field(ge=0, le=MAX_SECONDS)
    devices: str = Field(default="", max_length=1000)


class WakeRequest(BaseModel):
    """POST /v1/wake_up: `holder` is done."""

    holder: str = Field(max_length=128)


@dataclass(frozen=True, slots=True)
class _Lease:
    what: str
    until: float
    """Seconds since 1970."""
    expires: float
    """By the monotonic clock."""


class Turns:
    """Who has the GPU. `sleep` and `wake` are what is done when the first one comes and the last one has left."""

    def __init__(
        self, sleep: Callable[[], Awaitable[None]], wake: Callable[[], Awaitable[None]], devices: str
    ) -> None:
        self._sleep = sleep
        self._wake = wake
        self._devices = _set(devices)
        self._leases: dict[str, _Lease] = {}
        self._asleep = False
        self._lock = asyncio.Lock()

    @property
    def refusal(self) -> ApiError | None:
        """What an asker is told; None while the server is awake."""
        if not self._leases and not self._asleep:
            return None
        if not self._leases:
            return ApiError(503, "the model server is waking up", code="asleep", retry_after_s=5)
        last = max(self._leases.values(), key=lambda lease: lease.until)
        clock = datetime.fromtimestamp(last.until, UTC)
        left_s = max(int(last.until - time.time()), 1)
        return ApiError(
            503, f"{last.what} until about {clock:%H:%M} UTC", code="asleep", retry_after_s=left_s
        )

    async def begin(self, asked: SleepRequest) -> bool:
        """Give a trainer the GPU, or note that it goes on; False where it uses another one.

        Raises:
            ApiError: the server cannot be put to sleep.
        """
        devices = _set(asked.devices)
        if devices and self._devices and not devices & self._devices:
            return False
        until, expires = time.time() + asked.seconds, time.monotonic() + LEASE_S
        self._leases[asked.holder] = _Lease(asked.what, until, expires)
        async with self._lock:
            if not self._asleep and asked.holder in self._leases:
                try:
                    await self._sleep()
                except BaseException:
                    self._leases.pop(asked.holder, None)
                    raise
                self._asleep = True
                log.info("asleep: %s", asked.what)
        return True

    async def end(self, holder: str) -> None:
        """Take the GPU back from a trainer; the server wakes when it was the last.

        Raises:
            ApiError: the server cannot be woken now; it is tried again.
        """
        self._leases.pop(holder, None)
        await self._wake_where_due()

    def restarted(self) -> None:
        """Take note that the engine was started anew: it is awake."""
        self._asleep = False

    async def mind(self) -> None:
        """Forget trainers that are not heard of any more, and set right what is not, for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            for holder, lease in list(self._leases.items()):
                if time.monotonic() > lease.expires:
                    log.warning("%s: nothing was heard for %.0f s, the server wakes", lease.what, LEASE_S)
                    self._leases.pop(holder, None)
            try:
                await self._wake_where_due()
                await self._sleep_where_due()
            except ApiError as error:  # the engine is being started again: later
                log.warning("%s", error)

    async def _wake_where_due(self) -> None:
        async with self._lock:
            if self._asleep and not self._leases:
                await self._wake()
                self._asleep = False
                log.info("awake")

    async def _sleep_where_due(self) -> None:
        async with self._lock:
            if not self._asleep and self._leases:
                await self._sleep()
                self._asleep = True


def _set(devices: str) -> set[str]:
    return {device.strip() for device in devices.split(",") if device.strip()}
