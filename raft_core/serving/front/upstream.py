"""One place that answers: vLLM on its socket, or an endpoint elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from raft_core.openai.errors import NotACompletion, ServerError, error_in, read_error, redact
from raft_core.openai.parameters import Parameters, parameters_of
from raft_core.openai.replies import BrokenOff, read_reply
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
        self._url, self._key = url, key
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
        async with self._turn(), self._told(), self._open(path, body) as response:
            self._failed_at = None
            yield response

    async def whole(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the answer to a request, which holds a completion.

        Raises:
            Unavailable, ApiError: as `answer`; an error with status 200 is one as well.
        """
        async with self._turn(), self._told():
            for sent in self._fitted(body):
                try:
                    async with self._open(path, sent) as response:
                        found = await response.aread()
                    read_reply(found)
                except ServerError as error:
                    self._learn(body, sent, error)
                else:
                    self._failed_at = None
                    return found
        raise AssertionError  # _learn gives up before

    @asynccontextmanager
    async def stream(self, path: str, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the bytes of a streamed answer once its first event is there, and is none of an error.

        Raises:
            Unavailable, ApiError: as `whole`.
        """
        async with self._turn(), AsyncExitStack() as stack:
            async with self._told():
                for sent in self._fitted(body):
                    try:
                        response = await stack.enter_async_context(self._open(path, sent))
                        read = response.aiter_bytes()
                        begun = await _begun(read)
                        break
                    except ServerError as error:
                        await stack.aclose()
                        self._learn(body, sent, error)
            self._failed_at = None
            yield _joined(begun, read)

    def _fitted(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a request as its model takes it, anew whenever a parameter was refused."""
        while True:
            kept = {"stream": body["stream"]} if "stream" in body else {}
            yield {**self._parameters(body).fit(body), **kept}  # the client reads what it asked for

    def _learn(self, body: dict[str, Any], sent: dict[str, Any], error: ServerError) -> None:
        """Return where a refused parameter was adapted; raise the error otherwise."""
        parameters = self._parameters(body)
        before = parameters.fit(body)
        if all(sent.get(name) == value for name, value in before.items() if name != "stream"):
            parameters.learn(sent, error, ours=False)
            if parameters.fit(body) == before:
                raise error

    def _parameters(self, body: dict[str, Any]) -> Parameters:
        return parameters_of(self._url, str(body.get("model")))

    @asynccontextmanager
    async def _open(self, path: str, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        async with self.client.stream("POST", path, json=body) as response:
            if not response.is_success:
                raise read_error(response.status_code, response.headers, await response.aread())
            yield response

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Turn what goes wrong into what the asker is told."""
        try:
            yield
        except ServerError as error:
            said = redact(error.message, [self._key])
            if error.is_refusal:
                raise ApiError(
                    error.status or 400, said, param=error.param or None, code=error.code or None
                ) from error
            status = error.status
            shown = 503 if status in {429, 503} else 502
            reason = f"refuses with status {status}: {said}" if status else f"answers with an error: {said}"
            raise self._failed(shown, reason, status, error.retry_after_s) from error
        except NotACompletion as error:
            said = redact(error.message, [self._key])
            raise self._failed(502, f"answers with something that is no completion: {said}", 200) from error
        except BrokenOff as error:
            raise self._failed(502, "broke off in the middle of an answer", 200) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failed(502, f"cannot be reached: {redact(_reason(error), [self._key])}") from error

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

    def _failed(
        self, shown: int, reason: str, status: int | None = None, retry_after_s: float | None = None
    ) -> Unavailable:
        self._failed_at = asyncio.get_running_loop().time()
        log.warning("%s %s", self.label, reason)
        wait = round(min(max(retry_after_s or 5, 1), 3600))
        error = ApiError(shown, f"{self.label} {reason}", code="unavailable", retry_after_s=wait)
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


async def _begun(read: AsyncIterator[bytes]) -> bytes:
    """Return the beginning of a stream up to its first event, or all of what is no stream, made into one.

    Raises:
        ServerError: that is an error, or there is no event.
        NotACompletion: it is neither.
    """
    begun = b""
    async for data in read:
        begun += data
        if begun.lstrip()[:1] not in _STREAM:
            continue
        if event := _EVENT.search(begun):
            if error := error_in(_json(event[1])):
                raise error
            return begun
    if begun.lstrip()[:1] in _STREAM:
        raise ServerError("the stream ended before its first event")
    read_reply(begun)  # raises what it is, where it is no completion
    return _as_stream(json.loads(begun))


def _as_stream(whole: dict[str, Any]) -> bytes:
    """Return a completion as a stream of one event: what a server that cannot stream answered."""
    choices = [{**choice, "delta": choice.get("message")} for choice in whole["choices"]]
    chunk = {**whole, "object": "chat.completion.chunk", "choices": choices}
    return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()


async def _joined(begun: bytes, read: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for data in read:
        yield data


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


_STREAM = (b"d", b"e", b"i", b"r", b":")
"""What the lines of a stream begin with: data, event, id, retry, a comment."""
_EVENT = re.compile(rb"^data:[ ]?(\S[^\r\n]*)[\r\n]", re.MULTILINE)
_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)
