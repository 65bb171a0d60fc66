"""What a test lets go wrong: errors, delays, dropped connections, for the requests that match."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from tests.discord_server.errors import ApiError
from tests.discord_server.ratelimits import limited


@dataclass
class Fault:
    """What happens to the next `times` requests of a method whose path matches."""

    method: str
    pattern: str
    times: int
    error: ApiError | None = None
    drop: bool = False
    lost: bool = False
    delay_s: float = 0.0


class Faults:
    """The faults that are still to come, and how often one was met."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.met = 0

    def add(
        self,
        method: str,
        pattern: str,
        *,
        status: int | None = None,
        code: int = 0,
        retry_after_s: float | None = None,
        is_global: bool = False,
        drop: bool = False,
        lost: bool = False,
        delay_s: float = 0.0,
        times: int = 1,
    ) -> Fault:
        """Let requests fail with a status, be rate limited, be dropped, be applied with their reply lost, or be slow."""
        error = ApiError(status, code, "told to fail") if status else None
        if retry_after_s is not None:
            error = limited(retry_after_s, is_global=is_global)
        fault = Fault(method, pattern, times, error, drop, lost, delay_s)
        self.waiting.append(fault)
        return fault

    async def meet(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, if one waits for it, after its delay."""
        for fault in self.waiting:
            if fault.times > 0 and fault.method == method and re.search(fault.pattern, path):
                fault.times -= 1
                self.met += 1
                await asyncio.sleep(fault.delay_s)
                return fault
        return None
