"""The model class that lm-eval asks a served model through: what users are served is what is scored.

It differs from lm-eval's own `local-chat-completions` in what that one leaves out: it keeps each
reply's finish reason, token count and time, reports every finished request, and a request that fails
for good stops the evaluation instead of counting as an empty answer. What was answered before, under the
same settings, is not asked again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
from lm_eval.api.registry import register_model
from lm_eval.models.api_models import JsonChatStr
from lm_eval.models.openai_completions import LocalChatCompletion
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from raft_core.errors import EndpointError
from raft_core.evaluation.answers import Answers, NoAnswers, Reply
from raft_core.files import content_hash

NAME = "raftbot-endpoint"
TIMEOUT_S = 900
"""A CPU answers a full batch of long prompts in minutes."""
ATTEMPTS = 6
BUSY = {408, 425, 429, 500, 502, 503, 504}
TOO_LONG = "the questions' documents do not fit: take a base model with a longer context"
_UNLIMITED = 1 << 30
"""lm-eval's default of 2,048 tokens would cut documents off; the server knows its real limit."""


@register_model(NAME)
class Endpoint(LocalChatCompletion):  # type: ignore[misc]  # lm-eval is untyped
    """A chat model at an OpenAI-compatible URL that ends in /v1."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        concurrent: int = 16,
        seed: int = 0,
        answers: Answers | None = None,
        on_reply: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            base_url=f"{url}/chat/completions",
            model=model,
            tokenizer_backend=None,
            tokenized_requests=False,
            num_concurrent=max(concurrent, 2),  # from 2 on lm-eval really sends at the same time
            max_length=_UNLIMITED,
            seed=seed,
            timeout=TIMEOUT_S,
            header={"Authorization": f"Bearer {key}"} if key else {"User-Agent": "raftbot"},
        )
        self.url = url
        self.replies: dict[str, Reply] = {}
        self.cached: set[str] = set()
        """The prompts that were answered before."""
        self._answers = answers or NoAnswers()
        self._on_reply = on_reply

    async def get_batched_requests(
        self, requests: Sequence[JsonChatStr], cache_keys: Sequence[object], **kwargs: Any
    ) -> list[list[str]]:
        """Send all requests, `concurrent` at a time; the first that fails for good stops the rest.

        Raises:
            EndpointError: the server is down, refuses, or returns rubbish.
        """
        turn = asyncio.Semaphore(self._concurrent)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, headers=self.header) as session:

            async def ask(prompt: str) -> list[str]:
                async with turn:
                    return [await self._ask(session, prompt, kwargs["gen_kwargs"])]

            tasks = [asyncio.ensure_future(ask(request.prompt)) for request in requests]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, session: aiohttp.ClientSession, prompt: str, gen_kwargs: dict[str, Any]) -> str:
        payload = self._create_payload(
            json.loads(prompt), generate=True, gen_kwargs=dict(gen_kwargs), seed=self._seed
        )
        if not payload["stop"]:
            del payload["stop"]  # some servers refuse an empty list
        key = content_hash({name: value for name, value in payload.items() if name != "model"}, length=32)
        reply = self._answers.get(key)
        if reply is not None:
            self.cached.add(prompt)
        else:
            reply = await self._send(session, payload)
            self._answers.add(key, reply)
        self.replies[prompt] = reply
        self._on_reply()
        return reply.text

    async def _send(self, session: aiohttp.ClientSession, payload: dict[str, Any]) -> Reply:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=20) + wait_random(0, 0.5),
            retry=retry_if_exception(lambda error: isinstance(error, EndpointError) and error.retryable),
            reraise=True,
        )
        return await retrying(self._post, session, payload)

    async def _post(self, session: aiohttp.ClientSession, payload: dict[str, Any]) -> Reply:
        started = time.perf_counter()
        try:
            async with session.post(self.base_url, json=payload) as response:
                body = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = f"gave no answer: {str(error) or type(error).__name__}"
            raise EndpointError(self.url, reason, remedy="is it running?", retryable=True) from error
        if response.status != 200:
            message = _message(body)
            reason = f"refused with status {response.status}: {message}"
            remedy = TOO_LONG if "context" in message else ""
            raise EndpointError(self.url, reason, remedy=remedy, retryable=response.status in BUSY)
        return self._read(body, round(time.perf_counter() - started, 3))

    def _read(self, body: str, seconds: float) -> Reply:
        try:
            value = json.loads(body)
            choice = value["choices"][0]
            text = choice["message"]["content"] or ""  # null: a thinking model that ran out of tokens
            cut_off = choice.get("finish_reason") == "length"
            return Reply(str(text), cut_off, int(value["usage"]["completion_tokens"]), seconds)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            reason = f"returned rubbish instead of a chat completion: {_message(body)}"
            raise EndpointError(self.url, reason) from error


def _message(body: str) -> str:
    """Return the message of an OpenAI-shaped error, or the beginning of whatever came."""
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = body
    return " ".join(str(message).split())[:200] or "nothing"
