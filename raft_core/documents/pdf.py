"""Reader of PDF files, page by page, through PDFium."""

from __future__ import annotations

import logging
import re
import time

from raft_core.documents.content import Content, check_length, first_title
from raft_core.errors import UnreadableDocument
from raft_core.records import Page

MAX_PDF_PAGES = 5000
MAX_PDF_SECONDS = 60.0
"""Checked between pages; a page of ordinary text takes a few milliseconds."""

# PDFium marks a hyphen at a line's end with U+FFFE and joins the lines. (Bounded and anchored: hostile
# pages hold "words" of any length.)
_LINE_END_HYPHEN = re.compile(r"\b(\w{1,40})\ufffe(\w{1,40})")
_WORD = re.compile(r"\w+")

log = logging.getLogger(__name__)


def read_pdf(data: bytes, path: str) -> Content:
    """Read the text of a PDF; pages keep their numbers, and those without text are left out.

    Raises:
        UnreadableDocument: encrypted, broken, without text (scanned), or too large.
    """
    import pypdfium2  # type: ignore[import-untyped]  # pypdfium2 ships no types

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableDocument(
                path, "it is encrypted and asks for a password", remedy="save it without a password"
            ) from error
        raise UnreadableDocument(path, "it is a broken PDF, or one without pages") from error
    with document:
        pages = _pages(document, path)
        title = first_title([document.get_metadata_value("Title")])
    if not any(page.text.strip() for page in pages):
        raise UnreadableDocument(
            path, "there is no text in it (scanned pages?)", remedy="run text recognition (OCR) over it first"
        )
    words = {word.lower() for page in pages for word in _WORD.findall(page.text)}
    return Content(tuple(Page(_join_hyphens(page.text, words), page.number) for page in pages), title)


def _pages(document, path: str) -> list[Page]:  # type: ignore[no-untyped-def]  # a pypdfium2.PdfDocument, untyped
    import pypdfium2

    if len(document) > MAX_PDF_PAGES:
        raise UnreadableDocument(path, f"it has more than {MAX_PDF_PAGES:,} pages")
    deadline = time.monotonic() + MAX_PDF_SECONDS
    pages: list[Page] = []
    chars = 0
    for index in range(len(document)):
        if time.monotonic() > deadline:
            raise UnreadableDocument(path, f"reading it takes longer than {MAX_PDF_SECONDS:.0f} seconds")
        try:
            page = document[index]
            text: str = page.get_textpage().get_text_range(errors="replace")
            page.close()  # closes its text page too
        except pypdfium2.PdfiumError as error:
            log.warning("%s: page %d is broken and left out (%s)", path, index + 1, error)
            continue
        chars += len(text)
        check_length(chars, path)
        pages.append(Page(text, index + 1))
    if not pages:
        raise UnreadableDocument(path, "it is a broken PDF: none of its pages can be read")
    return pages


def _join_hyphens(text: str, words: set[str]) -> str:
    """Join words cut at a line's end; the hyphen stays unless the whole word stands elsewhere in the document."""

    def join(match: re.Match[str]) -> str:
        whole = match[1] + match[2]
        return whole if whole.lower() in words else f"{match[1]}-{match[2]}"

    return _LINE_END_HYPHEN.sub(join, text)
