"""What a file is, decided by its bytes; its name only tells kinds of text apart."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import PurePath

from raft_core.documents.ooxml import Package
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

# What the content type of an Office file's main part has in it, for documents, templates and macro files alike.
_OFFICE = (
    ("wordprocessingml", DOCX),
    ("ms-word", DOCX),
    ("presentationml", PPTX),
    ("ms-powerpoint", PPTX),
    ("spreadsheetml", XLSX),
    ("ms-excel", XLSX),
)
_OFFICE_FOLDERS = {"word": DOCX, "ppt": PPTX, "xl": XLSX}
# Other documents in zip archives, by a member that they have; the first bytes of `mimetype` name the kind.
_ZIPPED = {
    "application/vnd.oasis.opendocument.text": "an OpenDocument text (.odt); save it as .docx or PDF",
    "application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument sheet (.ods); save it as .xlsx",
    "application/vnd.oasis.opendocument.presentation": "an OpenDocument deck (.odp); save it as .pptx or PDF",
    "application/vnd.oasis.opendocument": "an OpenDocument file; save it as PDF",
    "application/epub+zip": "an e-book (.epub); save it as PDF, HTML or .docx",
}
_PAGES = "an Apple Pages, Numbers or Keynote file; export it as .docx, .xlsx, .pptx or PDF"
# Streams of the old binary Office files, which are named in UTF-16.
_OLD_OFFICE = {
    "EncryptedPackage": "a password-protected Office file; save it without a password",
    "WordDocument": "an old Word file (.doc); save it as .docx or PDF",
    "PowerPoint Document": "an old PowerPoint file (.ppt); save it as .pptx or PDF",
    "Workbook": "an old Excel file (.xls); save it as .xlsx",
    "__properties_version1.0": "an Outlook message (.msg); save its text as .txt, .html or PDF",
}
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
    ".ipynb": JSON,
}
_BINARY_SUFFIXES = (
    ".pdf", ".docx", ".docm", ".dotx", ".dotm", ".doc", ".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm", ".ppt",
    ".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".odt", ".ods", ".odp", ".epub", ".pages", ".numbers", ".key",
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0"
_UNREADABLE = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a WebP image or a RIFF sound or film"),
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
    if data.startswith(_OLE):
        names = (kind for name, kind in _OLD_OFFICE.items() if name.encode("utf-16-le") in data)
        kind = next(
            names, "an old Office, Outlook or password-protected Office file; save it as .docx or PDF"
        )
        raise UnreadableDocument(path, f"it is {kind}")
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _office_type(data, path)
    return _text_type(data, path)


def _office_type(data: bytes, path: str) -> str:
    try:
        package = Package(data, path)
        main, kind = package.main(), package.main_type().lower()
        if not main:
            raise UnreadableDocument(path, f"it is {_zipped(data)}")
    except (
        zipfile.BadZipFile,
        ValueError,
        NotImplementedError,
        OSError,
        EOFError,
        zlib.error,
        SyntaxError,
    ) as error:
        raise UnreadableDocument(path, f"it is a broken zip archive or Office file ({error})") from error
    if "sheet.binary" in kind:
        raise UnreadableDocument(path, "it is a binary Excel file (.xlsb); save it as .xlsx")
    if "visio" in kind:
        raise UnreadableDocument(path, "it is a Visio drawing; save it as PDF")
    by_folder = _OFFICE_FOLDERS.get(main.partition("/")[0].lower())
    found = next((office for name, office in _OFFICE if name in kind), by_folder)
    if found is None:
        raise UnreadableDocument(path, f"it is an Office file of no known kind ({kind or main})")
    return found


def _zipped(data: bytes) -> str:
    """Return what a zip archive is that is no Office file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        kind = b""
        if "mimetype" in names:
            with archive.open("mimetype") as member:
                kind = member.read(100)
    for start, what in _ZIPPED.items():
        if kind.decode("ascii", "replace").startswith(start):
            return what
    if any(name.startswith("Index/") and name.endswith(".iwa") for name in names) or "Index.zip" in names:
        return _PAGES
    return "a zip archive without a Word, PowerPoint or Excel document in it"


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
