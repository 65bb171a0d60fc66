"""Files → documents → chunks → the guild's store and library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.artifacts import Artifacts
from raft_core.documents.hotpotqa import read_paragraphs
from raft_core.documents.library import Library
from raft_core.documents.readers import document_id, parse_document, read_bytes
from raft_core.documents.splitting import Splitter
from raft_core.errors import UnreadableDocument
from raft_core.jobs.catalogue import open_registry
from raft_core.progress import Progress, Report, silent
from raft_core.records import Chunk, Document, DocumentInfo, Rejection
from raft_core.settings import Settings
from raft_core.store.chunks import BATCH, ChunkStore

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What was added, what was there already, and what was left out and why."""

    added: tuple[DocumentInfo, ...]
    unchanged: tuple[DocumentInfo, ...]
    rejected: tuple[Rejection, ...]


def ingest(
    paths: Sequence[Path],
    settings: Settings,
    guild: str,
    *,
    hotpotqa: Path | None = None,
    limit: int | None = None,
    embeddings: Embeddings | None = None,
    by: str = "",
    consent: bool = True,
    title: str = "",
    report: Report = silent,
) -> IngestResult:
    """Add files, folders and the paragraphs of a HotpotQA file (at most `limit`) to a guild.

    `embeddings` stands in for the settings' own where a model is loaded already; `by` is who adds them,
    `consent` whether they may be trained on; `title` stands in for that of a single new file.

    A document is written to the store before the library, and to the registry last: what they have is
    wholly there, and running the same command after a crash completes the rest.

    Raises:
        RegistryError: the registry's database cannot be used.
        SettingsError: chunks of the size in the settings cannot be made.
        BadRecord: the HotpotQA file is malformed; nothing is added then.
        StoreError: Chroma or the embeddings fail; what was added before stays.
    """
    paragraphs = read_paragraphs(hotpotqa, limit) if hotpotqa else []
    folder, artifacts = settings.guild_dir(guild) / "documents", Artifacts(settings)
    with open_registry(settings, guild) as registry, ChunkStore(settings, guild, embeddings) as store:

        def fetch(document_id: str) -> None:
            """Bring a document here that another machine added."""
            if artifacts.has(folder / document_id):
                artifacts.pull(folder / document_id)

        def note(infos: Sequence[DocumentInfo]) -> None:
            for info in infos:
                artifacts.push(folder / info.id)
            registry.documents.add(guild, infos, by=by, consent=consent)

        run = _Ingestion(
            library=Library(folder),
            store=store,
            fetch=fetch,
            note=note,
            splitter=Splitter(settings.chunk_tokens, settings.chunk_overlap),
            report=report,
        )
        run.add_files(paths, title)
        run.add_documents(paragraphs)
        run.finish()
    return run.result


class _Ingestion:
    """One run: documents gather until their chunks fill a batch of the embeddings."""

    def __init__(
        self,
        library: Library,
        store: ChunkStore,
        fetch: Callable[[str], None],
        note: Callable[[Sequence[DocumentInfo]], None],
        splitter: Splitter,
        report: Report,
    ) -> None:
        self._library = library
        self._store = store
        self._fetch = fetch
        self._note = note
        self._splitter = splitter
        self._report = report
        self._pending: list[tuple[Document, list[Chunk]]] = []
        self._sources: dict[str, str] = {}
        self._added: list[DocumentInfo] = []
        self._unchanged: list[DocumentInfo] = []
        self._rejected: list[Rejection] = []

    @property
    def result(self) -> IngestResult:
        return IngestResult(tuple(self._added), tuple(self._unchanged), tuple(self._rejected))

    def add_files(self, paths: Sequence[Path], title: str = "") -> None:
        files: list[Path] = []
        for found in walk(paths):
            if isinstance(found, Rejection):
                self._rejected.append(found)
            else:
                files.append(found)
        for number, path in enumerate(files):
            self._report(Progress("reading", number, len(files), path.name))
            try:
                data = read_bytes(path)
                if not self._is_known(document_id(data), str(path)):
                    document = parse_document(data, path)
                    self._add(replace(document, title=title) if title and len(files) == 1 else document)
            except UnreadableDocument as error:
                self._reject(error.path, error.reason, error.remedy)
        if files:
            self._report(Progress("reading", len(files), len(files)))

    def add_documents(self, documents: Sequence[Document]) -> None:
        for document in documents:
            if not self._is_known(document.id, f"{document.source}: {document.title}"):
                self._add(document)

    def finish(self) -> None:
        """Write what is pending, and register what was there already: a crash may have come in between."""
        self._flush()
        self._note(self._unchanged)

    def _flush(self) -> None:
        """Write what is pending, to the store first: the registry is the acknowledgement."""
        self._store.add([chunk for _, chunks in self._pending for chunk in chunks], self._report)
        added = [self._library.add(document, chunks) for document, chunks in self._pending]
        self._note(added)
        self._added += added
        self._pending.clear()

    def _is_known(self, new_id: str, source: str) -> bool:
        if new_id in self._sources:
            self._reject(source, f"it holds the same as {self._sources[new_id]}")
            return True
        self._sources[new_id] = source
        self._fetch(new_id)
        info = self._library.find(new_id)
        # The library may know a document that the store has lost: another server, a deleted folder.
        if info is None or self._store.count(new_id) < info.chunks:
            return False
        self._unchanged.append(info)
        return True

    def _add(self, document: Document) -> None:
        chunks = self._splitter.split(document)
        self._pending.append((document, chunks))
        if sum(len(waiting) for _, waiting in self._pending) >= BATCH:
            self._flush()

    def _reject(self, what: str, reason: str, remedy: str = "") -> None:
        self._rejected.append(Rejection(what, f"{reason}; {remedy}" if remedy else reason))


def walk(paths: Sequence[Path]) -> Iterator[Path | Rejection]:
    """Yield files as given and those below folders in order; what is passed over comes as a rejection."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        empty = True
        for found in _below(path):
            empty = False
            yield found
        if empty:
            yield Rejection(str(path), "there are no files in this folder")


def _below(folder: Path) -> Iterator[Path | Rejection]:
    failures: list[OSError] = []
    for where, folders, files in os.walk(folder, onerror=failures.append):
        here = Path(where)
        for name in sorted(folders):
            if name.startswith("."):
                yield Rejection(str(here / name), "it is a hidden folder; name it to add it")
            elif (here / name).is_symlink():
                yield Rejection(str(here / name), "it is a link to a folder; name it to add it")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = here / name
            yield (
                Rejection(str(path), "it is a hidden file; name it to add it")
                if name.startswith(".")
                else path
            )
    for failure in failures:
        yield Rejection(str(failure.filename), failure.strerror or str(failure))
