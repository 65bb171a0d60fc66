"""What a file is, decided by its bytes; its name only tells kinds of text apart."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath

from raft_core.errors import UnreadableDocument

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonl"

_OFFICE = {"word/document.xml": DOCX, "ppt/presentation.xml": PPTX, "xl/workbook.xml": XLSX}
_TEXT_SUFFIXES = {
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".csv": CSV,
    ".tsv": CSV,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
}
_BINARY_SUFFIXES = (".pdf", ".docx", ".pptx", ".xlsx")
_UNREADABLE = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a WebP image or a RIFF sound or film"),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Office, Outlook or password-protected Office file; save it as .docx or PDF",
    ),
    (b"{\\rtf", "an RTF file; save it as .docx or PDF"),
    (b"%!PS", "a PostScript file; save it as PDF"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"ID3", "an MP3 sound"),
    (b"OggS", "an Ogg sound or film"),
    (b"SQLite format 3", "an SQLite database"),
)
# A text that opens like this is a web page whatever it is called: often an error page saved in place of a file.
_HTML_START = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.I | re.S)  # fmt: skip


def media_type(data: bytes, path: str) -> str:
    """Return the media type of a file's bytes.

    Raises:
        UnreadableDocument: the file is empty, of a kind that holds no text, or not what its name says.
    """
    if not data.strip():
        raise UnreadableDocument(path, "it is empty")
    for magic, kind in _UNREADABLE:
        # "BM" and "RIFF" also begin words: a picture's header holds NULs soon after.
        if data.startswith(magic) and (len(magic) > 4 or not magic.isalnum() or b"\0" in data[:32]):
            raise UnreadableDocument(path, f"it is {kind}")
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _office_type(data, path)
    return _text_type(data, path)


def _office_type(data: bytes, path: str) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableDocument(path, f"it is a broken zip archive or Office file ({error})") from error
    for member, kind in _OFFICE.items():
        if member in names:
            return kind
    raise UnreadableDocument(path, "it is a zip archive without a Word, PowerPoint or Excel document in it")


def _text_type(data: bytes, path: str) -> str:
    suffix = PurePath(path).suffix.lower()
    is_html = _HTML_START.match(data[:2048].removeprefix(b"\xef\xbb\xbf")) is not None
    if suffix in _BINARY_SUFFIXES:
        held = "a web page" if is_html else "something else"
        raise UnreadableDocument(
            path,
            f"it is named {suffix} but holds {held} (a failed download?)",
            remedy="fetch the file again, or give it the name of what it is",
        )
    return HTML if is_html else _TEXT_SUFFIXES.get(suffix, TEXT)
