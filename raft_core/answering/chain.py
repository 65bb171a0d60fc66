"""The retrieval chain, in LangChain's expression language.

    question → retriever → sources → history and prompt → one ChatOpenAI a model, side by side → text

All models answer at the same time from the same sources and the same prompt; their words come out as
they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from raft_core import prompts
from raft_core.answering.text import printable
from raft_core.markup import neutralise
from raft_core.records import Hit, Source, Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable
    from langchain_openai import ChatOpenAI

Retrieve = Callable[[str], Sequence[Source]]
Asked = dict[str, Any]
"""{"question": text, "history": [Turn, …], "sources": [Source, …]}"""
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


def retrieval(retrieve: Retrieve) -> Runnable[Asked, Asked]:
    """Return the part of the chain that adds the sources to what is asked."""
    from langchain_core.runnables import RunnableLambda, RunnablePassthrough

    retriever: Runnable[Asked, Any] = RunnableLambda(lambda asked: retrieve(asked["question"]))
    return RunnablePassthrough.assign(sources=retriever)


def answering(model: ChatOpenAI, prompt: str) -> Runnable[Asked, BaseMessage]:
    """Return the part of the chain from question and sources to one model's answer; streamed, to its pieces."""
    from langchain_core.runnables import RunnableLambda

    def fill(asked: Asked) -> list[BaseMessage]:
        return messages(prompt, asked["question"], asked["sources"], asked["history"])

    return RunnableLambda(fill) | model


def messages(
    prompt: str, question: str, shown: Sequence[Source], history: Sequence[Turn] = ()
) -> list[BaseMessage]:
    """Return the chat: earlier turns without their documents, then the filled prompt."""
    from langchain_core.messages import AIMessage, HumanMessage

    chat: list[BaseMessage] = []
    for turn in history:
        chat += [HumanMessage(neutralise(turn.question)), AIMessage(neutralise(turn.answer))]
    return [*chat, HumanMessage(prompts.render(prompt, question, [source.text for source in shown]))]
