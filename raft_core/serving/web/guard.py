"""Who may use a model server: whoever has its key, and its owner."""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import Request

from raft_core.serving.web.protocol import ApiError


class Guard:
    """Checks the key where there is one. `owners_do` says what is for the owner alone."""

    def __init__(self, key: str | None, owners_do: str) -> None:
        self._key = key
        self._owners_do = owners_do

    async def check_key(self, request: Request) -> None:
        """Refuse who does not have the key, where there is one."""
        if self._key is not None and not self._has_key(request):
            raise ApiError(401, "the API key is missing or wrong", code="invalid_api_key")

    async def check_owner(self, request: Request) -> None:
        """Refuse who is neither on this machine nor has the key: adapters are read from its disk."""
        await self.check_key(request)
        if self._key is None and not _is_loopback(request):
            raise ApiError(403, f"{self._owners_do} from this machine, or with the server's key")

    def _has_key(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), (self._key or "").encode())


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
