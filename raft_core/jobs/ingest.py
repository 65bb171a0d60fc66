"""Files → documents → chunks → the guild's store and library."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.artifacts import Artifacts
from raft_core.documents.hotpotqa import paragraph_documents
from raft_core.documents.library import Library
from raft_core.documents.names import shown, source_of, title_of
from raft_core.documents.readers import document_id, read_bytes
from raft_core.documents.sandbox import Sandbox
from raft_core.documents.sifting import sift
from raft_core.documents.splitting import Splitter
from raft_core.errors import UnreadableDocument
from raft_core.evaluation.questions import read_contexts
from raft_core.jobs.catalogue import open_registry
from raft_core.jobs.removal import remove_from
from raft_core.progress import Progress, Report, silent
from raft_core.records import PARAGRAPH, Chunk, Document, DocumentInfo, Rejection
from raft_core.settings import Settings
from raft_core.store.chunks import BATCH, ChunkStore

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from raft_core.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Replaced:
    """An older version of a file that is gone: its id, its title, the id of the new one, what learnt from it."""

    id: str
    title: str
    by: str
    datasets: tuple[str, ...]
    adapters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What was added, what it replaced, what was there already, and what was left out and why.

    `consent_changed` holds the ids of documents that were added again with another consent.
    """

    added: tuple[DocumentInfo, ...]
    unchanged: tuple[DocumentInfo, ...]
    rejected: tuple[Rejection, ...]
    replaced: tuple[Replaced, ...] = ()
    consent_changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Adder:
    """Who adds documents, whether these may be trained on, and whether what others added may be changed."""

    name: str
    consent: bool | None
    of_others: bool


def ingest(
    paths: Sequence[Path],
    settings: Settings,
    guild: str,
    *,
    hotpotqa: Path | None = None,
    limit: int | None = None,
    embeddings: Embeddings | None = None,
    by: str = "",
    consent: bool | None = None,
    of_others: bool = True,
    title: str = "",
    sources: Mapping[Path, str] | None = None,
    report: Report = silent,
) -> IngestResult:
    """Add files, folders and the paragraphs of a file of questions (at most `limit`) to a guild.

    `embeddings` stands in for the settings' own where a model is loaded already; `title` for that of a
    single new file; `sources` for the paths of uploads: a file of the same source is a new version.
    `by` is who adds them, `consent` whether they may be trained on: None leaves that of a known document or
    an earlier version, and is True for others. Without `of_others`, what other members added is neither
    replaced nor given another consent.

    A document is written to the store before the library, and to the registry after both: what they have is
    wholly there. Older versions go last of all. Running the same command after a crash completes the rest.

    Raises:
        RegistryError: the registry's database cannot be used.
        SettingsError: chunks of the size in the settings cannot be made.
        BadRecord: the file of questions is malformed; nothing is added then.
        StoreError: Chroma or the embeddings fail; what was added before stays.
    """
    with Sandbox(settings) as sandbox:
        if paths:
            sandbox.start()  # it is ready by the time that Chroma is
        paragraphs = paragraph_documents(read_contexts(hotpotqa), str(hotpotqa), limit) if hotpotqa else []
        splitter = Splitter(settings.chunk_tokens, settings.chunk_overlap)
        adder = _Adder(by, consent, of_others)
        with open_registry(settings, guild) as registry, ChunkStore(settings, guild, embeddings) as store:
            run = _Ingestion(
                settings, guild, registry, store, sandbox, splitter, adder, sources or {}, report
            )
            run.add_files(paths, title)
            run.add_documents(paragraphs)
            run.finish()
    return run.result


class _Ingestion:
    """One run: documents gather until their chunks fill a batch of the embeddings."""

    def __init__(
        self,
        settings: Settings,
        guild: str,
        registry: Registry,
        store: ChunkStore,
        sandbox: Sandbox,
        splitter: Splitter,
        by: _Adder,
        sources: Mapping[Path, str],
        report: Report,
    ) -> None:
        self._settings = settings
        self._guild = guild
        self._registry = registry
        self._store = store
        self._sandbox = sandbox
        self._splitter = splitter
        self._by = by
        self._uploads = sources
        self._report = report
        self._folder = settings.guild_dir(guild) / "documents"
        self._library = Library(self._folder)
        self._artifacts = Artifacts(settings)
        self._pending: list[tuple[Document, tuple[Chunk, ...]]] = []
        self._sources: dict[str, str] = {}
        self._added: list[DocumentInfo] = []
        self._unchanged: list[DocumentInfo] = []
        self._rejected: list[Rejection] = []
        self._replaced: list[Replaced] = []
        self._consent_changed: set[str] = set()

    @property
    def result(self) -> IngestResult:
        return IngestResult(
            tuple(self._added),
            tuple(self._unchanged),
            tuple(self._rejected),
            tuple(self._replaced),
            tuple(sorted(self._consent_changed)),
        )

    def add_files(self, paths: Sequence[Path], title: str = "") -> None:
        files: list[Path] = []
        for found in walk(paths):
            if isinstance(found, Rejection):
                self._rejected.append(found)
            else:
                files.append(found)
        for number, path in enumerate(files):
            self._report(Progress("reading", number, len(files), shown(path.name)))
            try:
                self._add_file(path, title if len(files) == 1 else "")
            except UnreadableDocument as error:
                self._reject(self._uploads.get(path) or shown(path), error.reason, error.remedy)
        if files:
            self._report(Progress("reading", len(files), len(files)))

    def _add_file(self, path: Path, title: str) -> None:
        source = self._uploads.get(path) or source_of(path)
        data = read_bytes(path)
        if self._is_known(document_id(data), self._uploads.get(path) or shown(path), source):
            return
        document = self._sandbox.parse(data, path)
        name = title_of(title, path) if title else title_of(document.title, Path(source))
        self._add(replace(document, title=name, source=source))

    def add_documents(self, documents: Sequence[Document]) -> None:
        for document in documents:
            named = f"{document.source}: {document.title}"
            try:
                if not self._is_known(document.id, named, document.source):
                    self._add(document)
            except UnreadableDocument as error:
                self._reject(named, error.reason, error.remedy)

    def finish(self) -> None:
        """Write what is pending, register what was there already, and let older versions go.

        A crash may have come in between: so what was there already is registered anew, too.
        """
        self._flush()
        self._note(self._unchanged)
        for info in (*self._added, *self._unchanged):
            if info.media_type != PARAGRAPH:
                self._replace_older(info)

    def _replace_older(self, info: DocumentInfo) -> None:
        by = self._by
        older, staying = self._registry.documents.supersede(
            self._guild, info.id, by.name, of_others=by.of_others
        )
        for old in older:
            gone = remove_from(self._settings, self._guild, self._registry, self._store, old)
            self._replaced.append(Replaced(old.id, old.title, info.id, gone.datasets, gone.adapters))
        for old in staying:
            self._reject(
                f"{old.title} ({old.id})",
                "another member added this older version, so it stays beside the new one",
                "a curator can remove it",
            )

    def _flush(self) -> None:
        """Write what is pending, to the store first: the registry is the acknowledgement."""
        self._store.add([chunk for _, chunks in self._pending for chunk in chunks], self._report)
        added = [self._library.add(document, chunks) for document, chunks in self._pending]
        self._note(added)
        self._added += added
        self._pending.clear()

    def _note(self, infos: Sequence[DocumentInfo]) -> None:
        for info in infos:
            self._artifacts.push(self._folder / info.id)
        by = self._by
        self._consent_changed |= self._registry.documents.add(
            self._guild, infos, by=by.name, consent=by.consent, of_others=by.of_others
        )

    def _is_known(self, new_id: str, named: str, source: str) -> bool:
        if new_id in self._sources:
            self._reject(named, f"it holds the same as {self._sources[new_id]}")
            return True
        self._sources[new_id] = named
        if self._artifacts.has(self._folder / new_id):  # another machine added it
            self._artifacts.pull(self._folder / new_id)
        info = self._library.find(new_id)
        # The library may know a document that the store has lost: another server, a deleted folder.
        if info is None or self._store.count(new_id) < info.chunks:
            return False
        if info.source != source and info.media_type != PARAGRAPH:  # the file was moved, or has a copy there
            info = replace(info, source=source)
            self._library.update(info)
        self._unchanged.append(info)
        return True

    def _add(self, document: Document) -> None:
        sifted = sift(self._splitter.split(document, self._settings.max_chunks_per_file))
        if not sifted.chunks:
            raise UnreadableDocument(
                document.source, "its text has no words: signs, the same on and on, or encoded data"
            )
        kept = replace(document, unread=(*document.unread, *sifted.left_out))
        self._pending.append((kept, sifted.chunks))
        if sum(len(waiting) for _, waiting in self._pending) >= BATCH:
            self._flush()

    def _reject(self, what: str, reason: str, remedy: str = "") -> None:
        self._rejected.append(Rejection(what, f"{reason}; {remedy}" if remedy else reason))


def walk(paths: Sequence[Path]) -> Iterator[Path | Rejection]:
    """Yield files as given and those below folders in order; what is passed over comes as a rejection."""
    for path in paths:
        try:
            is_folder = path.is_dir()
        except OSError as error:  # such as a name that is too long
            yield Rejection(shown(path), error.strerror or str(error))
            continue
        if not is_folder:
            yield path
            continue
        empty = True
        for found in _below(path):
            empty = False
            yield found
        if empty:
            yield Rejection(shown(path), "there are no files in this folder")


def _below(folder: Path) -> Iterator[Path | Rejection]:
    failures: list[OSError] = []
    for where, folders, files in os.walk(folder, onerror=failures.append):
        here = Path(where)
        for name in sorted(folders):
            if name.startswith("."):
                yield Rejection(shown(here / name), "it is a hidden folder; name it to add it")
            elif (here / name).is_symlink():
                yield Rejection(shown(here / name), "it is a link to a folder; name it to add it")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = here / name
            yield (
                Rejection(shown(path), "it is a hidden file; name it to add it")
                if name.startswith(".")
                else path
            )
    for failure in failures:
        yield Rejection(shown(str(failure.filename)), failure.strerror or str(failure))
