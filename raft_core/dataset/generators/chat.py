"""One model behind an OpenAI-compatible URL, through LangChain: limits, patience, and errors made plain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from raft_core.dataset.generators import BadReply
from raft_core.dataset.generators.responses import Response
from raft_core.errors import EndpointError

BACKOFF_S = 0.5
LONGEST_WAIT_S = 120
"""A server that asks for more patience than this is as good as down."""

_AGAIN = "run the command again to go on: what was finished is kept"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a failed call means: how often to try at all, how long to wait, and the error to raise in the end."""

    tries: int
    error: EndpointError
    wait_s: float | None = None


class Chat:
    """Asks one prompt at a time, up to `concurrency` at once, as a chat of one turn at temperature 0."""

    def __init__(
        self,
        url: str,
        model: str,
        key: SecretStr | None,
        *,
        concurrency: int,
        timeout_s: float,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        from langchain_openai import ChatOpenAI
        from openai import DefaultAsyncHttpxClient

        self.url, self.model = url, model
        self._timeout_s, self._backoff_s = timeout_s, backoff_s
        self._slots = asyncio.Semaphore(concurrency)
        self._not_before = 0.0
        # LangChain's own client is shared by all of a process and breaks with the first event loop that ends.
        self._client = DefaultAsyncHttpxClient(timeout=timeout_s)
        self._llm = ChatOpenAI(
            http_async_client=self._client,
            base_url=url,
            model=model,
            api_key=key or SecretStr("none"),
            temperature=0,
            timeout=timeout_s,
            max_retries=0,  # our own retries know which errors are worth waiting for
            use_responses_api=False,
        )

    async def complete(self, prompt: str, max_tokens: int) -> Response:
        """Return the model's answer.

        Raises:
            BadReply: the server refuses this prompt, or its answer makes no sense.
            EndpointError: the server is down, slow, refuses everything, or limits us for too long.
        """
        tried = 0
        async with self._slots:
            while True:
                await self._until_allowed()
                try:
                    return _read(await self._llm.ainvoke(prompt, max_tokens=max_tokens), prompt, self.url)
                except Exception as error:  # diagnose() knows the client's errors; others go on up
                    trouble = diagnose(error, self.url, self.model, self._timeout_s)
                    tried += 1
                    if trouble is None:
                        raise
                    if tried >= trouble.tries:
                        raise trouble.error from error
                    await self._wait(trouble, tried)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _wait(self, trouble: Trouble, tried: int) -> None:
        clock = asyncio.get_running_loop()
        if trouble.wait_s is not None:  # the server spoke of all calls, not of this one
            self._not_before = max(self._not_before, clock.time() + trouble.wait_s)
        else:
            await asyncio.sleep(self._backoff_s * 2 ** (tried - 1))

    async def _until_allowed(self) -> None:
        clock = asyncio.get_running_loop()
        while (left := self._not_before - clock.time()) > 0:
            await asyncio.sleep(left)


def diagnose(error: Exception, url: str, model: str, timeout_s: float) -> Trouble | None:
    """Return what to do about an exception of LangChain or the OpenAI client; None for one that is not theirs."""
    import openai

    def say(
        reason: str,
        remedy: str = _AGAIN,
        kind: type[EndpointError] = EndpointError,
        *,
        passing: bool = False,
    ) -> EndpointError:
        """`passing` says that it may pass by itself even though there is something to check."""
        return kind(url, " ".join(reason.split())[:300], remedy=remedy, retryable=passing or remedy == _AGAIN)

    match error:
        case EndpointError():
            return Trouble(2, error)
        case openai.APITimeoutError():
            return Trouble(2, say(f"did not answer within {timeout_s:g} s"))
        case openai.APIConnectionError():
            cause: BaseException = error
            while cause.__cause__ or cause.__context__:
                cause = cause.__cause__ or cause.__context__ or cause
            remedy = f"check the URL and that the server runs; {_AGAIN}"
            return Trouble(3, say(f"cannot be reached: {cause}", remedy, passing=True))
        case openai.APIStatusError():
            return _of_status(error, model, say)
        case openai.OpenAIError() | ValueError() | TypeError() | KeyError() | AttributeError() | IndexError():
            return Trouble(
                2,
                say(
                    "answered with something that is no chat completion",
                    "check that the URL ends in /v1",
                    BadReply,
                ),
            )
    return None


def _of_status(error: Any, model: str, say: Callable[..., EndpointError]) -> Trouble:
    status, said = error.status_code, f"{error.status_code}: {error.message}"
    if status in {401, 403}:
        return Trouble(1, say(f"refuses the key ({status})", "set RAFTBOT_GENERATOR_KEY"))
    if status == 404:
        return Trouble(
            1,
            say(
                f"has no model {model!r} or no such path ({said})",
                "check --generator (it ends in /v1) and --generator-model",
            ),
        )
    if status == 429:
        if error.code == "insufficient_quota":
            return Trouble(
                1, say(f"says that the quota is used up ({said})", "see your account there; " + _AGAIN)
            )
        wait = _retry_after(error)
        too_long = wait is not None and wait > LONGEST_WAIT_S
        reason = f"asks to wait {wait:g} s" if too_long else "keeps limiting our rate (429)"
        return Trouble(
            1 if too_long else 8,
            say(reason, "lower RAFTBOT_GENERATOR_CONCURRENCY; " + _AGAIN, passing=True),
            wait,
        )
    if status in {408, 409} or status >= 500:
        return Trouble(5, say(f"fails ({said})"), _retry_after(error))
    return Trouble(
        1,
        say(
            f"refuses the prompt ({said})", "see the reason; chunks may be too long for this model", BadReply
        ),
    )


def _retry_after(error: Any) -> float | None:
    try:
        return max(0.0, float(error.response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _read(message: Any, prompt: str, url: str) -> Response:
    text = message.text if isinstance(message.text, str) else ""
    if not text.strip():
        raise BadReply(url, "answered with nothing")
    usage = message.usage_metadata or {}
    # Where a server does not count, four characters are taken for a token.
    tokens = usage.get("total_tokens") or (len(prompt) + len(text)) // 4
    return Response(text, int(tokens), message.response_metadata.get("finish_reason") == "length")
