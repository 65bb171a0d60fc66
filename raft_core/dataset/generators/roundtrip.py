"""Questions and answers by the very model that is to be trained, kept only where it finds its answers again.

The idea is that of ALoFTRAG (arXiv 2501.11929): no larger model is needed, and what the model cannot answer twice
alike is no row. A row takes a third call: the question again, over the same chunk, under another prompt.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from raft_core.dataset import checks
from raft_core.dataset.generators import Draft, Drafts
from raft_core.dataset.generators.endpoint import Endpoint
from raft_core.errors import BadReply, SettingsError
from raft_core.files import content_hash
from raft_core.markup import neutralise, short_answer
from raft_core.prompts import fill, prompt_hash
from raft_core.records import Chunk

LEAST_PARAMETERS = 950_000_000
"""About a billion. The packaged model of 135 million wrote 16 questions from examples, and none was usable."""
LEAST_F1 = 0.6
"""How alike two short answers must be, as F1 over their words, to count as one."""
CHECK_TOKENS = 96

NOT_FOUND_AGAIN = "the model did not find its own answer again"


class RoundTrip(Endpoint):
    """Asks a served base for questions and answers, then each question once more, and keeps what agrees."""

    @property
    def name(self) -> str:
        """The model and how its rows were checked."""
        return f"{super().name}, checked by round trip"

    @property
    def fingerprint(self) -> str:
        """Those of the calls that write, and the check's."""
        return content_hash("self", super().fingerprint, prompt_hash("round_trip"), CHECK_TOKENS, LEAST_F1)

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        """Return a draft for each question the model wrote; one whose answer it does not find again has a fault."""
        written = await super().draft(chunk, questions, seed)
        checked = await asyncio.gather(*(self._check(draft, chunk.text) for draft in written.drafts))
        tokens = written.tokens + sum(tokens for _, tokens in checked)
        asked = sum(tokens > 0 for _, tokens in checked)
        return Drafts(tuple(draft for draft, _ in checked), tokens, written.requests + asked)

    async def _check(self, draft: Draft, text: str) -> tuple[Draft, int]:
        """Return a draft with the fault that asking again found, and the tokens that it took."""
        if draft.fault or checks.answer_fault(draft.cot_answer, [text], quote_needed=True):
            return draft, 0  # no row in any case: the builder says why
        prompt = fill("round_trip", question=neutralise(draft.question), text=neutralise(text))
        try:
            again = await self._complete(prompt, CHECK_TOKENS)
        except BadReply as error:
            return Draft(draft.question, draft.cot_answer, str(error)), 0
        fault = (
            "" if agree(short_answer(draft.cot_answer)[0], short_answer(again.text)[0]) else NOT_FOUND_AGAIN
        )
        return Draft(draft.question, draft.cot_answer, fault), again.tokens


def agree(first: str, second: str) -> bool:
    """Tell whether two short answers say the same: alike in their words, or the first within a short sentence."""
    one, other = _words(first), _words(second)
    common = sum((Counter(one) & Counter(other)).values())
    if not common:
        return False
    within = f" {' '.join(one)} " in f" {' '.join(other)} " and len(other) <= len(one) + 12
    return within or 2 * common / (len(one) + len(other)) >= LEAST_F1


def _words(text: str) -> list[str]:
    plain = re.sub(r"[^\w\s]", "", text.casefold())
    return [word for word in plain.split() if word not in {"a", "an", "the"}]


def check_size(base: str, parameters: int | None, *, force: bool) -> None:
    """Refuse a base too small to write questions; one whose size nobody knows is let through.

    Raises:
        SettingsError: it has clearly fewer than a billion parameters, and this is not forced.
    """
    if parameters is None or parameters >= LEAST_PARAMETERS or force:
        return
    raise SettingsError(
        f"the base {base} has {parameters / 1e6:.3g} million parameters: too few to write its own questions "
        "(of 16 that a model of 135 million wrote, none was usable)",
        remedy="use --generator rules, an OpenAI-compatible URL, or a base of a billion parameters or more; "
        "--force does it all the same",
    )
