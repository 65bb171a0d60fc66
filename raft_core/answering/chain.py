"""From a question to what the models are asked: sources, history, prompt.

All models answer at the same time from the same sources and the same prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from raft_core import prompts
from raft_core.markup import neutralise, printable
from raft_core.records import Hit, Source, Turn

Retrieve = Callable[[str], Sequence[Source]]


def sources(hits: Sequence[Hit]) -> list[Source]:
    """Number the retrieved chunks in the order shown."""
    return [
        Source(number, printable(hit.chunk.title), hit.chunk.page, hit.chunk.id, hit.chunk.text)
        for number, hit in enumerate(hits, 1)
    ]


def messages(
    prompt: str, question: str, shown: Sequence[Source], history: Sequence[Turn] = ()
) -> list[dict[str, str]]:
    """Return the chat: earlier turns without their documents, then the filled prompt."""
    chat: list[dict[str, str]] = []
    for turn in history:
        chat.append({"role": "user", "content": neutralise(turn.question)})
        chat.append({"role": "assistant", "content": neutralise(turn.answer)})
    asked = prompts.render(prompt, question, [source.text for source in shown])
    return [*chat, {"role": "user", "content": asked}]
