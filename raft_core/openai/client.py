"""Asks a model behind an OpenAI-compatible URL: limits, patience, and errors made plain.

    chat = Chat("http://127.0.0.1:8100/v1", "base")
    reply = await chat.ask([{"role": "user", "content": "Who?"}], max_tokens=9, temperature=0)

What a server asks for with Retry-After is respected, parameters that it refuses are adapted once, and what
does not pass by itself is one error that names the server, its own words, and a remedy.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from typing import Any, Self, cast

import httpx

from raft_core.errors import BadReply, EndpointError
from raft_core.openai.errors import (
    MODEL_SERVER,
    Advice,
    NotACompletion,
    ServerError,
    Trouble,
    error_in,
    read_error,
    redact,
    trouble_of,
)
from raft_core.openai.parameters import parameters_of
from raft_core.openai.replies import BrokenOff, Reply, ReplyReader
from raft_core.stopping import StopRules, end_of
from raft_core.urls import authorization, shown_url

BACKOFF_S = 0.5
CONNECT_S = 30.0
MOST_ADAPTED = 8
"""Parameters that may be refused one after the other before the refusal counts."""

OnText = Callable[[str], None]
"""Receives the answer so far, without thoughts, whenever there is more of it."""
_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)


@cache
def certificates() -> ssl.SSLContext:
    """Read the certificates once: every client that reads them itself takes 25 ms for it."""
    return httpx.create_ssl_context()


class Chat:
    """One model; up to `concurrency` requests at once, used in one event loop."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        concurrency: int = 16,
        timeout_s: float = 120.0,
        backoff_s: float = BACKOFF_S,
        advice: Advice = MODEL_SERVER,
    ) -> None:
        self.url, self.model = url.rstrip("/"), model
        self._key, self._timeout_s, self._backoff_s, self._advice = key, timeout_s, backoff_s, advice
        self._parameters = parameters_of(self.url, model)
        self._slots = asyncio.Semaphore(concurrency)
        self._not_before = 0.0
        self._http = httpx.AsyncClient(
            headers=authorization(key),
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            limits=_NO_LIMITS,
            verify=certificates(),
            follow_redirects=True,
        )

    async def ask(
        self,
        messages: list[dict[str, Any]],
        *,
        on_text: OnText | None = None,
        stop_early: bool = False,
        **parameters: Any,
    ) -> Reply:
        """Return a model's reply; with `on_text` it is streamed, and tried again only while nothing has come.

        With `stop_early` it is streamed too, and ends after its answer line or when it repeats itself (stopping.py);
        `finish` is "stop" or "repetition" then, and its tokens are estimated.

        Raises:
            BadReply: the server refuses this request, or its answer is none.
            EndpointError: the server is down, slow, refuses everything, or limits us for too long.
        """
        body = {"model": self.model, "messages": messages, **parameters}
        if on_text is not None or stop_early:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        heard = ""

        def hear(text: str) -> None:
            nonlocal heard
            heard = text
            if on_text is not None:
                on_text(text)

        tried = 0
        async with self._slots:
            while True:
                await self._until_allowed()
                try:
                    return await self._adapted(body, hear, stop_early=stop_early)
                except (
                    ServerError,
                    NotACompletion,
                    BrokenOff,
                    httpx.HTTPError,
                    httpx.InvalidURL,
                    TimeoutError,
                ) as error:
                    trouble = diagnose(
                        error,
                        self.url,
                        self.model,
                        self._timeout_s,
                        self._advice,
                        key=self._key,
                        has_begun=bool(heard),
                    )
                    tried += 1
                    if tried >= trouble.tries or heard:
                        raise trouble.error from error
                    await self._wait(trouble, tried)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _adapted(self, body: dict[str, Any], hear: OnText, *, stop_early: bool) -> Reply:
        for _ in range(MOST_ADAPTED):
            sent = self._parameters.fit(body)
            try:
                return await self._once(sent, hear, stop_early=stop_early)
            except ServerError as error:
                # Requests at the same time learn the same: one that was sent before fits anew.
                if self._parameters.fit(body) == sent and not self._parameters.learn(sent, error):
                    raise
        return await self._once(self._parameters.fit(body), hear, stop_early=stop_early)

    async def _once(self, body: dict[str, Any], hear: OnText, *, stop_early: bool) -> Reply:
        reader, heard, rules = ReplyReader(), "", StopRules()
        total = None if body.get("stream") else self._timeout_s
        async with (
            asyncio.timeout(total),
            self._http.stream("POST", f"{self.url}/chat/completions", json=body) as response,
        ):
            if not response.is_success:
                raise read_error(response.status_code, response.headers, await response.aread())
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_bytes())) as received:
                async for data in received:
                    reader.feed(data)
                    if reader.text == heard:
                        continue
                    if not reader.text.startswith(heard):  # what came was a thought: the answer begins anew
                        rules, heard = StopRules(), ""
                    ended = stop_early and rules.push(reader.text[len(heard) :])
                    heard = reader.text
                    hear(rules.text if ended else heard)
                    if ended:  # leaving closes the connection, which tells the server to stop
                        return Reply(rules.text, finish=rules.reason)
        reply = reader.finish()
        if not stop_early:
            return reply
        text, reason = end_of(reply.text)
        return replace(reply, text=text, finish=reason or reply.finish)

    async def _wait(self, trouble: Trouble, tried: int) -> None:
        clock = asyncio.get_running_loop()
        if trouble.wait_s is not None:  # the server spoke of all requests, not of this one
            self._not_before = max(self._not_before, clock.time() + trouble.wait_s)
        else:
            await asyncio.sleep(self._backoff_s * 2 ** (tried - 1))

    async def _until_allowed(self) -> None:
        clock = asyncio.get_running_loop()
        while (left := self._not_before - clock.time()) > 0:
            await asyncio.sleep(left)


def diagnose(  # noqa: PLR0911  # a table of cases
    error: Exception,
    url: str,
    model: str,
    timeout_s: float,
    advice: Advice,
    *,
    key: str | None = None,
    has_begun: bool = False,
) -> Trouble:
    """Return what to do about a request that failed, in whatever way."""
    shown = shown_url(url)

    def passing(tries: int, reason: str, remedy: str = advice.again) -> Trouble:
        failure = EndpointError(shown, reason, remedy=remedy, retryable=True)
        return Trouble(min(tries, advice.most_tries), failure)

    match error:
        case ServerError():
            error.message = redact(error.message, [key])
            return trouble_of(error, url, model, advice)
        case NotACompletion():
            reason = f"answered with something that is no completion: {redact(error.message, [key])}"
            return Trouble(2, BadReply(shown, reason, remedy=f"check that {advice.url_setting} ends in /v1"))
        case BrokenOff():
            return passing(
                2, "broke off in the middle of an answer" if has_begun else "broke off before its answer"
            )
        case httpx.TimeoutException() | TimeoutError():
            return passing(2, f"did not answer within {timeout_s:g} s")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            remedy = f"set {advice.url_setting} to a URL that ends in /v1"
            return Trouble(1, EndpointError(shown, f"cannot be used: {_reason(error)}", remedy=remedy))
        case httpx.ConnectError():
            return passing(3, f"cannot be reached: {_reason(error)}", advice.unreachable)
    return passing(3, f"{'broke off' if has_begun else 'cannot be reached'}: {_reason(error)}")


def request(
    method: str,
    base: str,
    path: str,
    key: str | None = None,
    body: Any = None,
    *,
    timeout_s: float = 30.0,
    advice: Advice = MODEL_SERVER,
    tries: int = 1,
) -> httpx.Response:
    """Send a request to a path below the URL `base`, and return a response whose status and body are no error's.

    Raises:
        EndpointError: the server is down, slow or refuses; `status` is what it answered with.
    """
    root = base.removesuffix("/v1") if path == "/health" else base
    tried = 0
    while True:
        try:
            return _checked(
                _http().request(
                    method, f"{root}{path}", json=body, headers=authorization(key), timeout=timeout_s
                )
            )
        except (ServerError, httpx.HTTPError, httpx.InvalidURL) as error:
            trouble = diagnose(error, base, str((body or {}).get("model", "")), timeout_s, advice, key=key)
            tried += 1
            if tried >= min(tries, trouble.tries):
                raise trouble.error from error
            time.sleep(trouble.wait_s if trouble.wait_s is not None else BACKOFF_S * 2 ** (tried - 1))


def models(url: str, key: str | None = None, *, advice: Advice = MODEL_SERVER) -> list[str]:
    """Return the ids of the models that a server lists.

    Raises:
        EndpointError: as `request`, or it lists none.
    """
    return [str(model["id"]) for model in listing(url, key, advice=advice)]


def listing(url: str, key: str | None = None, *, advice: Advice = MODEL_SERVER) -> list[dict[str, Any]]:
    """Return what a server says of each model: `id`, and mostly `owned_by`, `root` and `created`.

    Raises:
        EndpointError: as `models`.
    """
    response = request("GET", url.rstrip("/"), "/models", key, advice=advice)
    try:
        return [{**model, "id": model["id"]} for model in response.json()["data"]]
    except (ValueError, KeyError, TypeError) as error:
        remedy = f"check that {advice.url_setting} ends in /v1"
        raise EndpointError(shown_url(url), "does not speak the OpenAI protocol", remedy=remedy) from error


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise read_error(response.status_code, response.headers, response.content)
    try:
        value = response.json()
    except ValueError:
        return response  # what is no JSON is the caller's to read
    if isinstance(value, dict) and (value.get("error") or value.get("object") == "error"):
        raise error_in(value) or ServerError("an error without a message")
    return response


@cache
def _http() -> httpx.Client:
    """Return this process's client; it keeps no connection open, which a server that restarts would have closed."""
    return httpx.Client(
        verify=certificates(), limits=httpx.Limits(max_keepalive_connections=0), follow_redirects=True
    )


def _reason(error: Exception) -> str:
    """Return what the network said; the innermost cause says most."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return redact(" ".join((str(cause) or type(cause).__name__).split())[:200])
