"""Several models' answers to one question, as they are written and as they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raft_core.answering.chain import build_chain, chat_model
from raft_core.answering.text import printable
from raft_core.errors import EndpointError
from raft_core.markup import find_quotes, short_answer
from raft_core.records import Answer, Comparison, Source

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk

OnToken = Callable[[str, str], None]
"""Called with a model's name and the next piece of its answer."""
TOO_LONG = "show fewer chunks (--top-k), or take a base model with a longer context"


@dataclass(slots=True)
class _Writing:
    """An answer on its way."""

    started: float
    text: str = ""
    tokens: int = 0
    finish: str = ""
    seconds: float = 0.0
    pieces: int = field(default=0, repr=False)

    def add(self, chunk: AIMessageChunk) -> str:
        piece = printable(str(chunk.content))
        self.text += piece
        self.pieces += bool(piece)
        if chunk.usage_metadata:
            self.tokens = chunk.usage_metadata["output_tokens"]
        self.finish = chunk.response_metadata.get("finish_reason") or self.finish
        self.seconds = time.perf_counter() - self.started
        return piece


def compare(
    question: str,
    retrieve: Callable[[str], Sequence[Source]],
    models: Sequence[str],
    *,
    url: str,
    key: str | None = None,
    prompt: str = "raft",
    max_new_tokens: int = 800,
    on_token: OnToken | None = None,
) -> Comparison:
    """Ask all `models`, served at `url`, the same question over the same sources, at the same time.

    Raises:
        EndpointError: the server is down, slow, refuses, or returns rubbish.
    """
    clients = {name: chat_model(name, url=url, key=key, max_new_tokens=max_new_tokens) for name in models}
    chain = build_chain(retrieve, clients, prompt)
    sources: tuple[Source, ...] = ()
    writing: dict[str, _Writing] = {}
    with translated(url):
        for update in chain.stream(question):
            if "sources" in update:
                sources = tuple(update["sources"])
                now = time.perf_counter()
                writing = {name: _Writing(now) for name in models}
            for name, chunk in update.get("answers", {}).items():
                piece = writing[name].add(chunk)
                if piece and on_token:
                    on_token(name, piece)
    return Comparison(
        printable(question), tuple(_answer(name, writing[name], sources, url) for name in models)
    )


def _answer(model: str, writing: _Writing, sources: tuple[Source, ...], url: str) -> Answer:
    if not writing.finish and not writing.text:
        raise EndpointError(url, f"sent nothing for {model!r}", remedy="look at the server's log")
    short, tagged = short_answer(writing.text)
    return Answer(
        model=model,
        text=writing.text,
        answer=short,
        tagged=tagged,
        truncated=writing.finish == "length",
        quotes=find_quotes(writing.text, [printable(source.text) for source in sources]),
        sources=sources,
        tokens=writing.tokens or writing.pieces,  # a server that counts no tokens sends one a piece
        seconds=round(writing.seconds, 3),
    )


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the OpenAI client's errors into EndpointError."""
    import openai

    try:
        yield
    except openai.APITimeoutError as error:
        raise EndpointError(url, "did not answer in time", retryable=True) from error
    except openai.APIConnectionError as error:
        reason = f"cannot be reached: {_line(error.__cause__ or error)}"
        raise EndpointError(
            url, reason, remedy="is it running? see: raftbot serve", retryable=True
        ) from error
    except openai.APIStatusError as error:
        message = _line(_message(error))
        reason = f"refused with status {error.status_code}: {message}"
        busy = error.status_code == 429 or error.status_code >= 500
        remedy = TOO_LONG if "context" in message else ""
        raise EndpointError(url, reason, remedy=remedy, retryable=busy) from error
    except openai.OpenAIError as error:
        raise EndpointError(url, f"failed: {_line(error)}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EndpointError(url, f"returned rubbish instead of an answer: {_line(error)}") from error


def _message(error: Any) -> object:
    body = error.body
    return body.get("message", error) if isinstance(body, dict) else error


def _line(value: object) -> str:
    return printable(" ".join(str(value).split()))[:200]
