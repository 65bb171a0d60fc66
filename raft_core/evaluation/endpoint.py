"""The model class that lm-eval asks a served model through: what users are served is what is scored.

It is lm-eval's interface over our one client: thoughts are kept apart and not scored, each reply's finish
reason, token count and time are kept, every finished request is reported, and a request that fails for good
stops the evaluation instead of counting as an empty answer. What was answered before, under the same settings,
is not asked again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from raft_core.evaluation.answers import Answers, NoAnswers, Reply
from raft_core.files import content_hash
from raft_core.openai.client import Chat
from raft_core.openai.errors import Advice

NAME = "raftbot-endpoint"
TIMEOUT_S = 900
"""A CPU answers a full batch of long prompts in minutes."""
ADVICE = Advice(
    again="run the command again to go on: what was answered is kept",
    too_long="the questions' documents do not fit: take a base model with a longer context",
)


@register_model(NAME)
class Endpoint(LM):  # type: ignore[misc]  # lm-eval is untyped
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
        super().__init__()
        self.replies: dict[str, Reply] = {}
        self.cached: set[str] = set()
        """The prompts that were answered before."""
        self._url, self._model, self._key = url, model, key
        self._concurrent, self._seed = concurrent, seed
        self._answers = answers or NoAnswers()
        self._on_reply = on_reply

    @property
    def tokenizer_name(self) -> str:
        """Return nothing: the server has the tokenizer."""
        return ""

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return the messages as JSON: the server has the template."""
        messages = [{"role": each["role"], "content": each["content"]} for each in chat_history]
        return json.dumps(messages, ensure_ascii=False)

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Refuse: a chat gives none."""
        raise NotImplementedError("a chat gives no log-likelihood")

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Refuse: a chat gives none."""
        raise NotImplementedError("a chat gives no log-likelihood")

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Return the answers in the requests' order; the first request that fails for good stops the rest.

        Raises:
            EndpointError: the server is down, refuses, or returns rubbish.
        """
        return asyncio.run(self._all([request.args for request in requests]))

    async def _all(self, asked: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        chat = Chat(
            self._url,
            self._model,
            self._key,
            concurrency=self._concurrent,
            timeout_s=TIMEOUT_S,
            advice=ADVICE,
        )
        turn = asyncio.Semaphore(self._concurrent)  # a reply's time begins when it is sent
        tasks = [asyncio.ensure_future(self._ask(chat, turn, prompt, settings)) for prompt, settings in asked]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await chat.close()

    async def _ask(self, chat: Chat, turn: asyncio.Semaphore, prompt: str, settings: dict[str, Any]) -> str:
        parameters = {
            "max_tokens": settings["max_gen_toks"],
            "temperature": settings.get("temperature", 0),
            "seed": self._seed,
            **(
                {"stop": stop} if (stop := settings.get("until")) else {}
            ),  # some servers refuse an empty list
        }
        messages = json.loads(prompt)
        key = content_hash({"messages": messages, **parameters}, length=32)
        reply = self._answers.get(key)
        if reply is not None:
            self.cached.add(prompt)
        else:
            async with turn:
                started = time.perf_counter()
                said = await chat.ask(messages, stop_early=True, **parameters)
            seconds = round(time.perf_counter() - started, 3)
            reply = Reply(said.text, said.cut_off, said.tokens, seconds, said.repeated)
            self._answers.add(key, reply)
        self.replies[prompt] = reply
        self._on_reply()
        return reply.text
