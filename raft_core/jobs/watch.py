"""How people follow jobs: any number of watches, and one look at the registry a second for all of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from raft_core.records import JobInfo

if TYPE_CHECKING:
    from raft_core.registry.jobs import Jobs

LOOK_EVERY_S = 1.0


class Watch:
    """Follows jobs for as many as ask."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._followed: Counter[str] = Counter()
        self._seen: dict[str, JobInfo] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def follow(self, job_ids: Sequence[str]) -> AsyncIterator[JobInfo]:
        """Yield jobs whenever they have changed, until all are over."""
        known: dict[str, JobInfo] = {}
        looked = time.monotonic()
        self._followed.update(job_ids)
        try:
            while len(known) < len(set(job_ids)) or not all(job.is_over for job in known.values()):
                looked = await self._look(looked)
                for job in [self._seen[each] for each in job_ids if each in self._seen]:
                    if known.get(job.id) != job:
                        known[job.id] = job
                        yield job
        finally:
            self._followed.subtract(job_ids)

    async def _look(self, since: float) -> float:
        """Look at the registry once a second has passed, unless another watch has done so since; return when it was."""
        async with self._looking:
            if self._looked <= since:
                await asyncio.sleep(self._looked + LOOK_EVERY_S - time.monotonic())
                self._looked = time.monotonic()
                jobs = await asyncio.to_thread(self._jobs.get, list(+self._followed))
                self._seen = {job.id: job for job in jobs}
            return self._looked
