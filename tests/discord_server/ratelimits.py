"""Discord's rate limits: a bucket for each route and channel, and one for the whole bot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.discord_server.clock import Clock
from tests.discord_server.errors import ApiError

GLOBAL_PER_S = 50
# What was observed; Discord tells its limits by headers only.
MESSAGES = (5, 5.0)
WEBHOOK = (5, 2.0)
OTHER = (10, 5.0)
OLD_EDITS = (3, 20.0)


@dataclass
class Bucket:
    """Requests left until `resets_at`."""

    limit: int
    window_s: float
    remaining: int = 0
    resets_at: float = 0.0


class RateLimits:
    """All buckets. `enabled` and `global_per_s` may be changed by a test."""

    def __init__(self, clock: Clock, enabled: bool) -> None:
        self.clock, self.enabled = clock, enabled
        self.global_per_s = GLOBAL_PER_S
        # A test may make the windows shorter.
        self.windows = {"/webhooks": WEBHOOK, "/messages": MESSAGES, "": OTHER}
        self.refused: list[str] = []
        self._buckets: dict[str, Bucket] = {}
        self._global = Bucket(GLOBAL_PER_S, 1.0)

    def take(self, method: str, route: str, major: str, *, bound: bool) -> dict[str, str]:
        """Count a request and return its headers, or raise 429. Interactions are not bound to the global limit."""
        if not self.enabled:
            return {}
        if bound:
            self._global.limit = self.global_per_s
            if not self._fill(self._global):
                raise self._refuse(
                    f"{method} {route}", self._global, {"X-RateLimit-Global": "true"}, "global"
                )
            self._global.remaining -= 1
        name = f"{method} {route}"
        limit, window_s = next(limit for part, limit in self.windows.items() if part in route)
        bucket = self._buckets.setdefault(f"{name} {major}", Bucket(limit, window_s))
        left = self._fill(bucket)
        bucket.remaining = max(0, bucket.remaining - 1)
        headers = self._headers(name, bucket)
        if not left:
            raise self._refuse(name, bucket, headers, "shared" if "webhooks" in route else "user")
        return headers

    def old_edit(self, edits: list[float]) -> None:
        """Count an edit of a message older than an hour."""
        limit, window_s = OLD_EDITS
        now = self.clock.now()
        edits[:] = [at for at in edits if at > now - window_s]
        if len(edits) >= limit:
            wait = edits[0] + window_s - now
            raise ApiError(
                429,
                30046,
                "Maximum number of edits to messages older than 1 hour reached. Try again later",
                headers={"Retry-After": str(max(1, round(wait))), "Via": "1.1 google"},
                extra={"retry_after": round(wait, 3), "global": False},
            )
        edits.append(now)

    def _fill(self, bucket: Bucket) -> bool:
        now = self.clock.now()
        if now >= bucket.resets_at:
            bucket.remaining, bucket.resets_at = bucket.limit, now + bucket.window_s
        return bucket.remaining > 0

    def _headers(self, name: str, bucket: Bucket) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.remaining),
            "X-RateLimit-Reset": f"{bucket.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, bucket.resets_at - self.clock.now()):.3f}",
            "X-RateLimit-Bucket": hashlib.blake2b(name.encode(), digest_size=16).hexdigest(),
        }

    def _refuse(self, name: str, bucket: Bucket, headers: dict[str, str], scope: str) -> ApiError:
        self.refused.append(name)
        wait = max(0.001, bucket.resets_at - self.clock.now())
        return limited(wait, is_global=scope == "global", headers={**headers, "X-RateLimit-Scope": scope})


def limited(wait_s: float, *, is_global: bool = False, headers: dict[str, str] | None = None) -> ApiError:
    """Return the 429 that Discord sends. Without `Via` discord.py takes it for a ban by Cloudflare."""
    fields = {"Retry-After": str(max(1, round(wait_s))), "Via": "1.1 google", **(headers or {})}
    body = {"retry_after": round(wait_s, 3), "global": is_global}
    return ApiError(429, 0, "You are being rate limited.", headers=fields, extra=body)
