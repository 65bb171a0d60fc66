"""Questions and answers from any OpenAI-compatible server: two kinds of calls a row."""

from __future__ import annotations

import asyncio
import re

from pydantic import SecretStr

from raft_core.dataset.generators import BadReply, Draft, Drafts
from raft_core.dataset.generators.chat import BACKOFF_S, Chat
from raft_core.dataset.generators.responses import Response, Responses
from raft_core.files import content_hash
from raft_core.markup import neutralise
from raft_core.prompts import fill, prompt_hash
from raft_core.records import Chunk

ANSWER_TOKENS = 1024
QUESTION_TOKENS = 256
"""Room for a question and whatever is wrapped around it; the official code's 25 cut questions off."""

NO_QUESTION = "no question in the generator's answer"
CUT_OFF = "the answer was cut off at the token limit"

_MARKERS = re.compile(
    r"^(?:[-*•#>\s\"'“‘\[(`_]+|(?:Q(?:uestion)?\s*)?\d*\s*[.):\]]\s*|Question:?\s+(?=[A-Z]))+", re.IGNORECASE
)
_THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)


class Endpoint:
    """Asks a model for questions about a chunk, then for the answer to each.

    Every answer is kept in `responses` under (url, model, prompt), so that the same call is never made twice.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: SecretStr | None,
        responses: Responses,
        *,
        concurrency: int = 16,
        timeout_s: float = 120,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self.url, self.model, self.concurrency = url, model, concurrency
        self._chat = Chat(url, model, key, concurrency=concurrency, timeout_s=timeout_s, backoff_s=backoff_s)
        self._responses = responses

    @property
    def name(self) -> str:
        """The model and where it is served."""
        return f"{self.model} at {self.url}"

    @property
    def fingerprint(self) -> str:
        """Server, model, prompts and limits."""
        return content_hash(
            self.url,
            self.model,
            prompt_hash("questions"),
            prompt_hash("answer"),
            ANSWER_TOKENS,
            QUESTION_TOKENS,
        )

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        """Return a draft for each question the model wrote, up to `questions`; the seed plays no part."""
        text = neutralise(chunk.text)
        asked = await self._complete(
            fill("questions", count=str(questions), text=text), QUESTION_TOKENS * (questions + 1)
        )
        found = parse_questions(asked.text)[:questions]
        answered = await asyncio.gather(*(self._answer(question, text) for question in found))
        drafts = [draft for draft, _ in answered]
        drafts += [Draft("", asked.text, NO_QUESTION)] * (questions - len(found))
        tokens = asked.tokens + sum(tokens for _, tokens in answered)
        return Drafts(tuple(drafts), tokens, 1 + len(found))

    async def close(self) -> None:
        """Close the connections and the file of answers."""
        await self._chat.close()
        self._responses.close()

    async def _answer(self, question: str, text: str) -> tuple[Draft, int]:
        try:
            response = await self._complete(fill("answer", question=question, text=text), ANSWER_TOKENS)
        except BadReply as error:
            return Draft(question, "", str(error)), 0
        return Draft(question, response.text, CUT_OFF if response.cut_off else ""), response.tokens

    async def _complete(self, prompt: str, max_tokens: int) -> Response:
        key = content_hash(self.url, self.model, prompt, max_tokens, length=32)
        kept = self._responses.get(key)
        if kept is None:
            said = await self._chat.complete(prompt, max_tokens)
            kept = Response(_THINKING.sub("", said.text).strip(), said.tokens, said.cut_off)
            self._responses.add(key, kept)
        return kept


def parse_questions(text: str) -> list[str]:
    """Return the questions in a model's answer: numbering, bullets, quotes and "Here are …" lines left out."""
    found = []
    for line in text.splitlines():
        question = _MARKERS.sub("", line.strip()).rstrip(" \t\"'”’*_`,])")
        if question.endswith(("?", "？", "؟")):
            found.append(question)
    return list(dict.fromkeys(found))
