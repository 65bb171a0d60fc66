"""Several models' answers to one question, as they are written and as they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread

from raft_core.answering.chain import Retrieve, messages
from raft_core.answering.fitting import Attempt, fit
from raft_core.answering.listener import Listener
from raft_core.errors import EndpointError, PromptTooLong
from raft_core.markup import find_quotes, printable, short_answer
from raft_core.openai.client import Chat, OnText
from raft_core.openai.errors import Advice
from raft_core.openai.replies import Reply
from raft_core.records import Answer, Comparison, Source, Turn

Heard = tuple[str, str | tuple[Source, ...] | Reply | BaseException]
"""A model's name, and what it has written so far, the fewer sources it has, its whole reply, or what ended it."""
Ask = Callable[[Chat, Attempt, OnText], Awaitable[Reply]]

TIMEOUT_S = 600.0
"""The embedded engine on a busy CPU needs minutes for 800 tokens."""
STOPPED = "it was stopped"
ADVICE = Advice(most_tries=3, longest_wait_s=10.0)
"""Somebody waits for the answer."""
_LOOK_S = 0.5
"""How soon it is seen that someone said stop while no model writes anything."""


@dataclass(slots=True)
class _Writing:
    """An answer on its way."""

    started: float
    text: str = ""
    seconds: float = 0.0

    def hear(self, text: str, model: str, listener: Listener) -> None:
        """Pass on what is new; what turns out to have been thoughts is taken back."""
        text = printable(text)
        if not text.startswith(self.text):
            listener.taken_back(model)
            self.text = ""
        if text != self.text:
            listener.piece(model, text[len(self.text) :])
        self.text, self.seconds = text, time.perf_counter() - self.started


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

    def chat_with(name: str) -> Chat:
        return Chat(url, name, key, timeout_s=TIMEOUT_S, advice=ADVICE)

    def chat_of(shown: Sequence[Source], turns: Sequence[Turn] = history) -> list[dict[str, str]]:
        return messages(prompt, question, shown, turns)

    async def ask(chat: Chat, attempt: Attempt, on_text: OnText | None = None) -> Reply:
        asked = chat_of(attempt.sources, attempt.history)
        return await chat.ask(
            asked, temperature=0, max_tokens=attempt.max_new_tokens, on_text=on_text, stop_early=True
        )

    async def count(name: str, asked: list[dict[str, str]]) -> int:
        async with chat_with(name) as chat:
            return (await chat.ask(asked, temperature=0, max_tokens=1)).prompt_tokens or 0

    known = {name: size for name, size in (contexts or {}).items() if name in models}
    sources = fit(
        retrieve(question),
        chat_of,
        known,
        max_new_tokens,
        lambda name, asked: asyncio.run(count(name, asked)),
    )
    listener.found(sources)
    first = Attempt(sources, tuple(history), max_new_tokens)
    shown = dict.fromkeys(models, sources)
    ended: dict[str, Answer] = {}
    writing = {name: _Writing(time.perf_counter()) for name in models}
    with _written(list(models), chat_with, ask, first) as heard:
        while len(ended) < len(models):
            name, what = _next(heard, listener.stop, (each for each in models if each not in ended))
            if isinstance(what, str):
                writing[name].hear(what, name, listener)
            elif isinstance(what, tuple):
                shown[name] = what
            else:
                ended[name] = _ended(name, writing[name], shown[name], what, url, keep_broken=keep_broken)
                listener.ended(ended[name])
    return Comparison(printable(question), tuple(ended[name] for name in models))


@contextmanager
def _written(
    models: Sequence[str], chat_with: Callable[[str], Chat], ask: Ask, first: Attempt
) -> Iterator[SimpleQueue[Heard]]:
    """Have all models write in one thread, and yield where all of it is heard.

    The thread is a daemon: a silent server keeps no process from ending. Leaving closes the connections, which
    tells the server that nobody listens.
    """
    heard: SimpleQueue[Heard] = SimpleQueue()
    ready, loop = Event(), asyncio.new_event_loop()
    tasks: list[asyncio.Task[None]] = []

    async def write(name: str) -> None:
        ending: Reply | BaseException
        try:
            async with chat_with(name) as chat:
                ending = await _fitted(chat, name, ask, first, heard)
        except Exception as error:  # it is raised again in the thread that asked
            ending = error
        heard.put((name, ending))

    async def write_all() -> None:
        tasks.extend(asyncio.ensure_future(write(name)) for name in models)
        ready.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run() -> None:
        with suppress(RuntimeError):  # the interpreter ends
            loop.run_until_complete(write_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    Thread(target=run, name="answers", daemon=True).start()
    ready.wait()
    try:
        yield heard
    finally:
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])


async def _fitted(chat: Chat, name: str, ask: Ask, attempt: Attempt, heard: SimpleQueue[Heard]) -> Reply:
    """Return a model's reply; where it refuses the prompt as too long, it is asked with less."""
    while True:
        try:
            return await ask(chat, attempt, lambda text: heard.put((name, text)))
        except PromptTooLong as refusal:
            shorter = attempt.shorter(refusal)
            if shorter is None:
                raise
            attempt = shorter
            heard.put((name, attempt.sources))


def _next(heard: SimpleQueue[Heard], stop: Event, unfinished: Iterator[str]) -> Heard:
    while not stop.is_set():
        with suppress(Empty):
            return heard.get(timeout=_LOOK_S)
    return next(unfinished), EndpointError("", STOPPED)


def _ended(
    model: str,
    writing: _Writing,
    sources: tuple[Source, ...],
    ending: Reply | BaseException,
    url: str,
    *,
    keep_broken: bool,
) -> Answer:
    failed, reply = (None, ending) if isinstance(ending, Reply) else (ending, Reply(writing.text))
    if failed is None and reply.fault and not reply.refusal:
        remedy = "raise RAFTBOT_MAX_NEW_TOKENS" if reply.cut_off else "look at the server's log"
        failed = EndpointError(url, reply.fault, remedy=remedy)
    if failed is not None and not (keep_broken and isinstance(failed, EndpointError)):
        raise failed
    text = printable(reply.text)
    short, tagged = short_answer(text)
    return Answer(
        model=model,
        text=text,
        answer=short,
        tagged=tagged,
        truncated=reply.cut_off,
        repeated=reply.repeated,
        quotes=find_quotes(text, [printable(source.text) for source in sources]),
        sources=sources,
        tokens=reply.tokens,
        seconds=round(writing.seconds or time.perf_counter() - writing.started, 3),
        error=_reason(failed) if isinstance(failed, EndpointError) else "",
    )


def _reason(failed: EndpointError) -> str:
    """Return what members and users are told: not where the server is."""
    return f"the model server {failed.reason}" if failed.url else failed.reason
