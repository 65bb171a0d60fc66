"""Where questions and answers come from: one Protocol, and what implements it.

`rules` needs no language model and knows English only; `endpoint` asks any OpenAI-compatible server;
`roundtrip` (`self`) asks the served base and keeps what it answers twice alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from raft_core.records import Chunk

RULES = "rules"
SELF = "self"
"""The base that is served, writing for itself."""
OLD_NAMES = {"extractive": RULES}
"""What generators were called before; still accepted wherever one is named."""


def canonical(name: str) -> str:
    """Return a generator's name as it is called now."""
    return OLD_NAMES.get(name, name)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question about one chunk and its answer as generated, not yet checked.

    `fault` says why there is no answer worth checking, and is empty otherwise. `form` names the pattern of a
    question made by rule; at most a tenth of a data set has one form where it is `capped`.
    """

    question: str
    cot_answer: str
    fault: str = ""
    form: str = ""
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Drafts:
    """What one chunk gave: at most as many drafts as were asked for, and the tokens and requests they took.

    `spares` may stand in for drafts that repeat a question, or a form that the data set has enough of.
    """

    drafts: tuple[Draft, ...]
    tokens: int = 0
    requests: int = 0
    spares: tuple[Draft, ...] = ()


class Generator(Protocol):
    """Writes questions and answers about a chunk."""

    @property
    def name(self) -> str:
        """What the data set's card calls it."""

    @property
    def fingerprint(self) -> str:
        """Change whenever the same chunk could give other drafts."""

    @property
    def concurrency(self) -> int:
        """How many chunks it works on at once."""

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        """Return drafts about `chunk`, in an order that does not depend on other chunks.

        Raises:
            BadReply: this chunk gives nothing; others may.
            EndpointError: no chunk will give anything until someone repairs something.
        """

    async def close(self) -> None:
        """Let go of connections and files."""
