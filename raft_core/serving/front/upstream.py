"""One place that answers: vLLM on its socket, or an endpoint elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from raft_core.serving.web.protocol import ApiError
from raft_core.settings import Endpoint
from raft_core.urls import authorization

log = logging.getLogger(__name__)

CONNECT_S = 10.0
ANSWER_S = 600.0
"""800 tokens of a large model on a busy server."""
BUSY_S = 30.0
"""An endpoint that said it is overloaded, or did not answer, is asked last for so long."""


class Unavailable(Exception):
    """An upstream cannot answer now; another may. `error` is what the client is told where none can.

    `status` is what the upstream said, None where it said nothing.
    """

    def __init__(self, error: ApiError, status: int | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status


class Upstream:
    """Sends requests to one URL, at most `concurrency` at a time, and remembers when it failed."""

    def __init__(
        self,
        label: str,
        url: str,
        *,
        key: str | None = None,
        socket: str | None = None,
        concurrency: int | None = None,
        price_per_1k_tokens_usd: float = 0.0,
    ) -> None:
        self.label = label
        self.price_per_1k_tokens_usd = price_per_1k_tokens_usd
        self.running = self.waiting = 0
        self._gate = asyncio.Semaphore(concurrency) if concurrency else None
        self._failed_at: float | None = None
        self.client = httpx.AsyncClient(
            base_url=url,
            headers=authorization(key),
            transport=httpx.AsyncHTTPTransport(uds=socket, limits=_NO_LIMITS) if socket else None,
            limits=_NO_LIMITS,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            trust_env=socket is None,
        )

    @property
    def is_doubtful(self) -> bool:
        """Whether it failed a moment ago."""
        return self._failed_at is not None and asyncio.get_running_loop().time() - self._failed_at < BUSY_S

    @asynccontextmanager
    async def answer(self, path: str, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """Yield the answer to a request once its head is there; its body is still to be read.

        Raises:
            Unavailable: nobody answers, or it is overloaded or broken.
            ApiError: it refuses the request.
        """
        async with self._turn():
            try:
                opened = self.client.stream("POST", path, json=body)
                response = await opened.__aenter__()
            except httpx.HTTPError as error:
                raise self._failed(502, f"cannot be reached: {_reason(error)}") from error
            try:
                await self._check(response)
                self._failed_at = None
                yield response
            finally:
                await opened.__aexit__(None, None, None)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._gate is not None:
            self.waiting += 1
            try:
                await self._gate.acquire()
            finally:
                self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            if self._gate is not None:
                self._gate.release()

    async def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        try:
            said = _message(await response.aread())
        except httpx.HTTPError as error:
            raise self._failed(502, f"broke off: {_reason(error)}") from error
        status = response.status_code
        if status in {401, 403, 404, 408, 429} or status >= 500:  # the request may be good elsewhere
            shown = 503 if status in {429, 503} else 502
            raise self._failed(shown, f"refuses with status {status}: {said}", status)
        raise ApiError(status, said)

    def _failed(self, shown: int, reason: str, status: int | None = None) -> Unavailable:
        self._failed_at = asyncio.get_running_loop().time()
        log.warning("%s %s", self.label, reason)
        error = ApiError(shown, f"{self.label} {reason}", code="unavailable", retry_after_s=5)
        return Unavailable(error, status)


def upstream_of(endpoint: Endpoint) -> Upstream:
    """Return what sends requests to an endpoint."""
    return Upstream(
        f"the endpoint {httpx.URL(endpoint.url).host}",
        endpoint.url.rstrip("/"),
        key=endpoint.key.get_secret_value() if endpoint.key else None,
        concurrency=endpoint.concurrency,
        price_per_1k_tokens_usd=endpoint.price_per_1k_tokens_usd,
    )


def _message(body: bytes) -> str:
    try:
        said = json.loads(body)
        return str(said["error"]["message"] if "error" in said else said["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace").strip() or "nothing was said"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)
