"""The documents of one guild, on the disk.

documents/<id>/document.json   the Document: title, source, pages
documents/<id>/info.json       the DocumentInfo; written last, so that a document counts once it is whole
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from raft_core.errors import StorageError, UnknownDocument
from raft_core.files import read_json, translated_os_errors, write_json
from raft_core.records import Chunk, Document, DocumentInfo

_INFO = "info.json"
_DOCUMENT = "document.json"


class Library:
    """Keep documents below `folder`, which is named after nothing but lies in the guild's own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, document: Document, chunks: Sequence[Chunk]) -> DocumentInfo:
        """Keep a document; its chunks are only counted. Adding it again replaces it."""
        info = DocumentInfo(
            id=document.id,
            title=document.title,
            source=document.source,
            media_type=document.media_type,
            sha256=document.sha256,
            pages=len(document.pages),
            chunks=len(chunks),
            tokens=sum(chunk.tokens for chunk in chunks),
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
            unread=document.unread,
        )
        folder = self._folder / document.id
        write_json(folder / _DOCUMENT, asdict(document))
        write_json(folder / _INFO, info)
        return info

    def update(self, info: DocumentInfo) -> None:
        """Keep what changed of a document beside its text, such as where its file lies now."""
        write_json(self._folder / info.id / _INFO, info)

    def list(self) -> list[DocumentInfo]:
        """Return all documents, the oldest first."""
        infos = [self._info(path) for path in self._folder.glob(f"*/{_INFO}")]
        return sorted(infos, key=lambda info: (info.added_at, info.title, info.id))

    def find(self, document_id: str) -> DocumentInfo | None:
        """Return the document with exactly this id, or None."""
        path = self._folder / document_id / _INFO
        return self._info(path) if document_id.isalnum() and path.is_file() else None

    def document(self, document_id: str) -> Document:
        """Return a document's text.

        Raises:
            UnknownDocument: no document has this id.
        """
        if self.find(document_id) is None:
            raise UnknownDocument(document_id, self._folder.parent.name)
        return Document.from_json(read_json(self._folder / document_id / _DOCUMENT))

    def remove(self, document_id: str) -> None:
        """Forget whatever there is of the document with this id."""
        folder = self._folder / document_id
        if document_id.isalnum() and folder.is_dir():
            with translated_os_errors(folder):
                (folder / _INFO).unlink(missing_ok=True)  # first: a document half removed counts as removed
                shutil.rmtree(folder)

    def _info(self, path: Path) -> DocumentInfo:
        try:
            fields = read_json(path)
            return DocumentInfo(**{**fields, "unread": tuple(fields.get("unread", ()))})
        except (ValueError, TypeError) as error:
            raise StorageError(
                f"{path} is broken: {error}", remedy=f"delete {path.parent} and add the document again"
            ) from error
