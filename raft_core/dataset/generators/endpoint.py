"""Questions and answers from any OpenAI-compatible server: two kinds of calls a row."""

from __future__ import annotations

import asyncio
import logging

from pydantic import SecretStr

from raft_core.dataset.generators import Draft, Drafts
from raft_core.dataset.generators.parsing import parse_questions
from raft_core.dataset.generators.responses import Response, Responses
from raft_core.errors import BadReply
from raft_core.files import content_hash
from raft_core.markup import neutralise, tidy_answer
from raft_core.openai.client import BACKOFF_S, Chat
from raft_core.openai.errors import Advice
from raft_core.openai.replies import Reply
from raft_core.prompts import fill, prompt_hash
from raft_core.records import Chunk
from raft_core.urls import shown_url

ANSWER_TOKENS = 1024
QUESTION_TOKENS = 256
"""Room for a question and whatever is wrapped around it; the official code's 25 cut questions off."""
THINKING_TOKENS = 8192
"""Room for thoughts, added once a model has spent all of the above on them."""

NO_QUESTION = "no question in the generator's answer"
CUT_OFF = "the answer was cut off at the token limit"
_AGAIN = "run the command again to go on: what was finished is kept"
ADVICE = Advice(
    url_setting="--generator",
    key_setting="RAFTBOT_GENERATOR_KEY",
    unreachable=f"check the URL and that the server runs; {_AGAIN}",
    again=f"lower RAFTBOT_GENERATOR_CONCURRENCY where it is overloaded; {_AGAIN}",
    too_long="chunks are too long for this model: set RAFTBOT_CHUNK_TOKENS lower and add the documents again",
)

log = logging.getLogger(__name__)


class Endpoint:
    """Asks a model for questions about a chunk, then for the answer to each.

    Every answer is kept in `responses` under (url, model, prompt), so that the same call is never made twice.
    `identity` stands in for the URL of a server that has another one every time.
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
        identity: str = "",
    ) -> None:
        self.url, self.model, self.concurrency = url, model, concurrency
        self._identity = identity or url
        self._chat = Chat(
            url,
            model,
            key.get_secret_value() if key else None,
            concurrency=concurrency,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            advice=ADVICE,
        )
        self._responses = responses
        self._room, self._most_room = 0, THINKING_TOKENS

    @property
    def name(self) -> str:
        """The model and where it is served."""
        return f"{self.model} at {shown_url(self.url)}"

    @property
    def fingerprint(self) -> str:
        """Server, model, prompts and limits."""
        return content_hash(
            self._identity,
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
        fault = CUT_OFF if response.cut_off else ""
        return Draft(question, tidy_answer(response.text), fault), response.tokens

    async def _complete(self, prompt: str, max_tokens: int) -> Response:
        key = content_hash(self._identity, self.model, prompt, max_tokens, length=32)
        kept = self._responses.get(key)
        if kept is None:
            reply, tokens = await self._ask(prompt, max_tokens)
            if reply.fault:
                raise BadReply(
                    shown_url(self.url), reply.fault, remedy="see what the model writes, or take another"
                )
            kept = Response(reply.text.strip(), tokens, reply.cut_off)
            self._responses.add(key, kept)
        return kept

    async def _ask(self, prompt: str, max_tokens: int) -> tuple[Reply, int]:
        """Return the reply and the tokens paid for; a model that only thought is asked again with more room."""
        messages, spent = [{"role": "user", "content": prompt}], 0
        while True:
            room = self._room
            try:
                reply = await self._chat.ask(messages, temperature=0, max_tokens=max_tokens + room)
            except BadReply:
                if room < 2 * QUESTION_TOKENS:
                    raise
                self._room = self._most_room = room // 4  # so much may not fit into its context
                continue
            spent += reply.all_tokens(prompt)
            if reply.text.strip() or not reply.cut_off or room >= self._most_room:
                return reply, spent
            if not self._room:
                log.warning("%s thinks: it gets %d tokens more a call", self.name, self._most_room)
            self._room = self._most_room
