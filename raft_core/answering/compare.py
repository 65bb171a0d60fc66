"""Several models' answers to one question, as they are written and as they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from raft_core.answering.chain import Asked, Retrieve, answering, chat_model, messages, retrieval
from raft_core.answering.fitting import Attempt, fit, too_long
from raft_core.answering.listener import Listener
from raft_core.answering.text import printable
from raft_core.errors import EndpointError, PromptTooLong
from raft_core.markup import find_quotes, short_answer
from raft_core.records import Answer, Comparison, Source, Turn

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.runnables import Runnable

    Heard = tuple[str, AIMessageChunk | tuple[Source, ...] | BaseException | None]
    """A model's name, and the next piece of its answer, the fewer sources it has, what ended it, or None at its end."""
    Ask = Callable[[str, Attempt], Runnable[Asked, BaseMessage]]
    """(model, attempt) → what streams its answer."""

STOPPED = "it was stopped"
_LOOK_S = 0.5
"""How soon it is seen that someone said stop while no model writes anything."""


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
    retrieve: Retrieve,
    models: Sequence[str],
    *,
    url: str,
    key: str | None = None,
    prompt: str = "raft",
    max_new_tokens: int = 800,
    history: Sequence[Turn] = (),
    listener: Listener | None = None,
    keep_broken: bool = False,
    contexts: Mapping[str, int] | None = None,
) -> Comparison:
    """Ask all `models`, served at `url`, the same question over the same sources, at the same time.

    With `keep_broken` an answer that breaks off is one with an `error`, and the others go on. The sources are
    fitted to the smallest of the `contexts`, in tokens by model; a model that refuses them still gets fewer.

    Raises:
        EndpointError: the server is down, slow, refuses, or returns rubbish.
    """
    listener = listener or Listener()
    asked = retrieval(retrieve).invoke({"question": question, "history": history})

    def ask(name: str, attempt: Attempt) -> Runnable[Asked, BaseMessage]:
        return answering(chat_model(name, url=url, key=key, max_new_tokens=attempt.max_new_tokens), prompt)

    def count(name: str, chat: Sequence[BaseMessage]) -> int:
        with translated(url):
            reply = chat_model(name, url=url, key=key, max_new_tokens=1).invoke(list(chat))
            return reply.usage_metadata["input_tokens"] if reply.usage_metadata else 0

    def write(shown: Sequence[Source]) -> Sequence[BaseMessage]:
        return messages(prompt, question, shown, history)

    known = {name: size for name, size in (contexts or {}).items() if name in models}
    sources = fit(asked["sources"], write, known, max_new_tokens, count)
    listener.found(sources)
    first = Attempt(sources, tuple(history), max_new_tokens)
    shown = dict.fromkeys(models, sources)
    ended: dict[str, Answer] = {}
    writing = {name: _Writing(time.perf_counter()) for name in models}
    with _written(models, question, ask, first, url, listener.stop) as heard:
        while len(ended) < len(models):
            name, what = _next(heard, listener.stop, (each for each in models if each not in ended))
            if isinstance(what, tuple):
                shown[name] = what
                continue
            if what is not None and not isinstance(what, BaseException):
                if piece := writing[name].add(what):
                    listener.piece(name, piece)
                continue
            ended[name] = _ended(name, writing[name], shown[name], url, what, keep_broken=keep_broken)
            listener.ended(ended[name])
    return Comparison(printable(question), tuple(ended[name] for name in models))


@contextmanager
def _written(
    models: Sequence[str], question: str, ask: Ask, first: Attempt, url: str, stop: Event
) -> Iterator[SimpleQueue[Heard]]:
    """Have every model write in a thread of its own, and yield where all of it is heard.

    The threads are daemons: one that waits for a silent server keeps no process from ending.
    """
    heard: SimpleQueue[Heard] = SimpleQueue()
    left = Event()

    def write_once(name: str, attempt: Attempt) -> None:
        asked = {"question": question, "sources": attempt.sources, "history": attempt.history}
        with translated(url):
            for chunk in ask(name, attempt).stream(asked):
                if stop.is_set() or left.is_set():
                    break  # closing the stream tells the server that nobody listens
                heard.put((name, chunk))  # type: ignore[arg-type]  # a chat model's chunks

    def write(name: str) -> None:
        ending: BaseException | None = None
        attempt: Attempt | None = first
        try:
            while attempt is not None:
                try:
                    write_once(name, attempt)
                    break
                except PromptTooLong as refusal:
                    attempt = attempt.shorter(refusal)
                    if attempt is None:
                        raise
                    heard.put((name, attempt.sources))
        except BaseException as error:  # it is raised again in the thread that asked
            ending = error
        heard.put((name, ending))

    for name in models:
        Thread(target=write, args=(name,), name=f"answer-{name}", daemon=True).start()
    try:
        yield heard
    finally:
        left.set()


def _next(heard: SimpleQueue[Heard], stop: Event, unfinished: Iterator[str]) -> Heard:
    while not stop.is_set():
        with suppress(Empty):
            return heard.get(timeout=_LOOK_S)
    return next(unfinished), EndpointError("", STOPPED)


def _ended(
    model: str,
    writing: _Writing,
    sources: tuple[Source, ...],
    url: str,
    failed: BaseException | None,
    *,
    keep_broken: bool,
) -> Answer:
    if failed is None and not writing.finish:  # every whole stream ends with its reason
        what = "broke off in the middle of an answer" if writing.text else f"sent nothing for {model!r}"
        failed = EndpointError(url, what, remedy="look at the server's log")
    if failed is not None and not (keep_broken and isinstance(failed, EndpointError)):
        raise failed
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
        error=_reason(failed) if isinstance(failed, EndpointError) else "",
    )


def _reason(failed: EndpointError) -> str:
    """Return what members and users are told: not where the server is."""
    return f"the model server {failed.reason}" if failed.url else failed.reason


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the OpenAI client's errors into EndpointError."""
    import httpx
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
        if error.code == "asleep":
            asleep = f"sleeps: {message}"
            raise EndpointError(url, asleep, remedy="ask again then", retryable=True) from error
        if error.status_code in {400, 413, 422} and (
            refusal := too_long(url, message, str(error.code or ""))
        ):
            raise refusal from error
        reason = f"refused with status {error.status_code}: {message}"
        busy = error.status_code == 429 or error.status_code >= 500
        raise EndpointError(url, reason, retryable=busy) from error
    except openai.OpenAIError as error:
        raise EndpointError(url, f"failed: {_line(error)}") from error
    except httpx.HTTPError as error:  # openai translates no errors of a stream that has begun
        raise EndpointError(url, f"broke off: {_line(error)}", retryable=True) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EndpointError(url, f"returned rubbish instead of an answer: {_line(error)}") from error


def _message(error: Any) -> object:
    body = error.body
    return body.get("message", error) if isinstance(body, dict) else error


def _line(value: object) -> str:
    return printable(" ".join(str(value).split()))[:200]
