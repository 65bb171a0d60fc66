"""A question → the guild's chunks, or a given text → every model's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.errors import DocumentError, RaftError, UnreadableDocument
from raft_core.jobs.catalogue import open_registry
from raft_core.jobs.served import find_models, served
from raft_core.progress import Report, silent
from raft_core.records import Comparison, Source, Turn

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from raft_core.answering.listener import Listener
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings

Retrieve = Callable[[str], Sequence[Source]]


def ask(
    settings: Settings,
    guild: str,
    question: str,
    models: Sequence[str],
    *,
    context: str | None = None,
    context_title: str = "context",
    prompt: str | None = None,
    top_k: int | None = None,
    embeddings: Embeddings | None = None,
    history: Sequence[Turn] = (),
    listener: Listener | None = None,
    keep_broken: bool = False,
    report: Report = silent,
) -> Comparison:
    """Answer `question` with every model, from the guild's documents or from the text `context` alone.

    `history` is what was said before, the oldest first. The `listener` hears the answers as they are written.
    `embeddings` stands in for the settings' own where a model is loaded already. With `keep_broken` an answer
    that breaks off is one with an `error`, and the others go on.

    Raises:
        DocumentError: the guild has no documents.
        UnknownModel: nobody serves a model by that name.
        EndpointError: the model server failed.
    """
    from raft_core.answering.compare import compare
    from raft_core.answering.history import recent
    from raft_core.markup import printable

    question = question.strip()
    if not question:
        raise RaftError("the question is empty", remedy='for example: raftbot ask "Who founded it?"')
    turns = recent(history)
    found = find_models(settings, guild, models)
    if context is not None:
        given = [Source(1, printable(context_title), None, "", context)]
        source = _given(given)
    else:
        source = _stored(settings, guild, top_k or settings.top_k, embeddings, turns)
    with source as retrieve, served(settings, found, report) as server:
        return compare(
            question,
            retrieve,
            list(found),
            url=server.url,
            key=server.key,
            prompt=prompt or settings.prompt,
            max_new_tokens=settings.max_new_tokens,
            history=turns,
            listener=listener,
            keep_broken=keep_broken,
            contexts=_contexts(server),
        )


def _contexts(server: ModelServer) -> dict[str, int]:
    """Return how many tokens the context of each model holds that the server says it of."""
    sizes = {model["id"]: model.get("max_model_len") for model in server.listing()}
    return {name: size for name, size in sizes.items() if isinstance(size, int) and size > 0}


def read_context(path: Path) -> str:
    """Return the text of a file to answer from.

    Raises:
        UnreadableDocument: it is no UTF-8 text, or empty.
    """
    remedy = "give a text file, or add the document with: raftbot docs add"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableDocument(str(path), error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableDocument(str(path), "it is no UTF-8 text", remedy=remedy) from error
    if "\0" in text:
        raise UnreadableDocument(str(path), "it is binary, not text", remedy=remedy)
    if not text.strip():
        raise UnreadableDocument(str(path), "it is empty", remedy=remedy)
    return text.strip()


@contextmanager
def _given(sources: Sequence[Source]) -> Iterator[Retrieve]:
    yield lambda _question: sources


@contextmanager
def _stored(
    settings: Settings, guild: str, top_k: int, embeddings: Embeddings | None, turns: Sequence[Turn]
) -> Iterator[Retrieve]:
    from raft_core.answering.chain import sources
    from raft_core.answering.history import interleave, searches
    from raft_core.store.chunks import ChunkStore

    empty = DocumentError(f"guild {guild!r} has no documents to answer from", remedy="raftbot docs add FILE")
    with open_registry(settings, guild) as registry:
        if not registry.documents.count(guild):
            raise empty
    store = ChunkStore(settings, guild, embeddings)

    def retrieve(question: str) -> Sequence[Source]:
        hits = [store.retrieve(each, top_k) for each in searches(question, turns)]
        best = {hit.chunk.id: hit for found in hits for hit in found}
        nearest = interleave([[hit.chunk.id for hit in found] for found in hits], top_k)
        found = sources([best[chunk_id] for chunk_id in nearest])
        if not found:
            raise empty
        return found

    try:
        yield retrieve
    finally:
        store.close()
