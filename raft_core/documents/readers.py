"""A file's bytes → Document. One reader a media type; the type is decided by the bytes."""

from __future__ import annotations

import hashlib
import logging
import stat
from collections.abc import Callable
from pathlib import Path

from raft_core.documents import sniffing
from raft_core.documents.content import Content, cleaned
from raft_core.documents.html import read_html
from raft_core.documents.json_text import read_json, read_json_lines
from raft_core.documents.pdf import read_pdf
from raft_core.documents.sheets import read_xlsx
from raft_core.documents.slides import read_pptx
from raft_core.documents.text import read_csv, read_markdown, read_text
from raft_core.documents.word import read_docx
from raft_core.errors import UnreadableDocument
from raft_core.records import Document

MAX_FILE_BYTES = 64 * 2**20
"""Well above the 10 MiB that Discord lets most members upload."""
ID_LENGTH = 16

_READERS: dict[str, Callable[[bytes, str], Content]] = {
    sniffing.PDF: read_pdf,
    sniffing.DOCX: read_docx,
    sniffing.PPTX: read_pptx,
    sniffing.XLSX: read_xlsx,
    sniffing.HTML: read_html,
    sniffing.MARKDOWN: read_markdown,
    sniffing.TEXT: read_text,
    sniffing.CSV: read_csv,
    sniffing.JSON: read_json,
    sniffing.JSON_LINES: read_json_lines,
}

log = logging.getLogger(__name__)


def read_document(path: Path) -> Document:
    """Return a file as text, page by page.

    Raises:
        UnreadableDocument: it is missing, too large, of an unknown kind, broken, encrypted, or without text.
    """
    return parse_document(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file of at most MAX_FILE_BYTES."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait for ever
            raise UnreadableDocument(str(path), "it is no regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableDocument(str(path), f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableDocument(str(path), "there is no such file or folder") from error
    except (OSError, ValueError) as error:
        raise UnreadableDocument(str(path), getattr(error, "strerror", None) or str(error)) from error


def document_id(data: bytes) -> str:
    """Return the id of the document with these bytes."""
    return hashlib.sha256(data).hexdigest()[:ID_LENGTH]


def parse_document(data: bytes, path: Path) -> Document:
    """Return a file's bytes as text; `path` names it and tells kinds of text apart.

    Raises:
        UnreadableDocument: as `read_document` does.
    """
    name = str(path)
    media_type = sniffing.media_type(data, name)
    try:
        content = cleaned(_READERS[media_type](data, name), name)
    except UnreadableDocument:
        raise
    except Exception as error:  # a hostile file can make a parser raise anything, from KeyError on
        log.debug("reading %s failed", name, exc_info=True)
        reason = str(error) or type(error).__name__
        raise UnreadableDocument(name, f"it is broken ({reason})") from error
    if not content.pages:
        beside = f", but {', '.join(content.unread)}" if content.unread else ""
        raise UnreadableDocument(name, f"there is no text in it{beside}")
    return Document(
        id=document_id(data),
        title=content.title or path.stem,
        source=name,
        media_type=media_type,
        sha256=hashlib.sha256(data).hexdigest(),
        pages=content.pages,
        unread=content.unread,
    )
