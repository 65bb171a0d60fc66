"""The retrieval chain, in LangChain's expression language.

    question → retriever → sources → prompt → one ChatOpenAI a model, side by side → text

All models answer at the same time from the same sources and the same prompt; their words come out as
they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from raft_core import prompts
from raft_core.answering.text import printable
from raft_core.records import Hit, Source

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_openai import ChatOpenAI

Retrieve = Callable[[str], Sequence[Hit]]
TIMEOUT_S = 600
"""The embedded engine on a busy CPU needs minutes for 800 tokens."""


def chat_model(model: str, *, url: str, key: str | None, max_new_tokens: int) -> ChatOpenAI:
    """Return LangChain's client of one served model: greedy, streaming, with token counts."""
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model,
        base_url=url,
        api_key=SecretStr(key or "none"),
        temperature=0,
        # As it stands: ChatOpenAI would rename it to max_completion_tokens, which few servers know.
        extra_body={"max_tokens": max_new_tokens},
        stream_usage=True,
        use_responses_api=False,
        timeout=TIMEOUT_S,
        max_retries=2,
    )


def sources(hits: Sequence[Hit]) -> list[Source]:
    """Number the retrieved chunks in the order shown."""
    return [
        Source(number, printable(hit.chunk.title), hit.chunk.page, hit.chunk.id, hit.chunk.text)
        for number, hit in enumerate(hits, 1)
    ]


def build_chain(
    retrieve: Callable[[str], Sequence[Source]], models: dict[str, ChatOpenAI], prompt: str
) -> Runnable[str, dict[str, Any]]:
    """Return the chain from a question to `{"sources": [Source, …], "answers": {model: message}}`.

    Streamed, it yields the sources first and then pieces of the answers as they come.
    """
    from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough

    def fill(asked: dict[str, Any]) -> str:
        return prompts.render(prompt, asked["question"], [source.text for source in asked["sources"]])

    retriever: Runnable[str, Any] = RunnableLambda(retrieve)
    answers = RunnableLambda(fill) | RunnableParallel(models)
    retrieved: Runnable[str, Any] = RunnableParallel(question=RunnablePassthrough(), sources=retriever)
    return retrieved | RunnableParallel(sources=RunnableLambda(_sources_of), answers=answers)


def _sources_of(asked: dict[str, Any]) -> list[Source]:
    found: list[Source] = asked["sources"]
    return found
