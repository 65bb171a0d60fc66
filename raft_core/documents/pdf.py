"""Reader of PDF files, page by page, through PDFium: their text, filled-in forms and text boxes."""

from __future__ import annotations

import ctypes
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from raft_core.documents.content import Content, check_length, counted, first_title
from raft_core.errors import UnreadableDocument
from raft_core.records import Page

MAX_PDF_PAGES = 5000
MAX_PDF_SECONDS = 60.0
"""Checked between pages; a page of ordinary text takes a few milliseconds."""
MAX_OBJECTS = 200_000
"""Drawn objects of one file that are looked at to count pictures."""
MAX_ANNOTATIONS = 5_000
"""Of one page."""
MIN_PICTURE_POINTS = 36
"""Height and width of what counts as a picture, half an inch: smaller ones are rules, bullets and logos."""
MAX_PICTURE_SHARE = 0.8
"""Of the page; behind text, a larger picture is the page's ground or the scan that the text was read from."""

# PDFium marks a hyphen at a line's end with U+FFFE and joins the lines. (Bounded and anchored: hostile
# pages hold "words" of any length.)
_LINE_END_HYPHEN = re.compile(r"\b(\w{1,40})\ufffe(\w{1,40})")
_WORD = re.compile(r"\w+")
# Bullets and arrows of symbol fonts without a map to Unicode, as the fonts Symbol and Wingdings have them. Fonts
# of TeX give the soft hyphen's number to the hyphen that they show.
_SHOWN = str.maketrans({0xAD: "-", 0xF0A7: "▪", 0xF0A8: "□", 0xF0B7: "•", 0xF0D8: "➢", 0xF0E0: "→", 0xF0FB: "✗", 0xF0FC: "✓", 0xF076: "❖"})  # fmt: skip

log = logging.getLogger(__name__)


def read_pdf(data: bytes, path: str) -> Content:
    """Read the text of a PDF; pages keep their numbers, and those without text are left out and counted.

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
        reading = _Reading(document, path)
        pages = reading.pages()
        title = first_title([document.get_metadata_value("Title")])
    if not any(page.text.strip() for page in pages):
        raise UnreadableDocument(
            path, "there is no text in it (scanned pages?)", remedy="run text recognition (OCR) over it first"
        )
    words = {word.lower() for page in pages for word in _WORD.findall(page.text)}
    joined = tuple(Page(_join_hyphens(page.text, words), page.number) for page in pages)
    return Content(joined, title, counted(reading.unread))


class _Reading:
    """One pass over the pages of a pypdfium2.PdfDocument."""

    def __init__(self, document: Any, path: str) -> None:
        import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

        self._pdfium, self._document, self._path = pdfium, document, path
        self._objects_left = MAX_OBJECTS
        self.unread = Counter[str]()
        kind = document.get_formtype()
        if kind in (pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND):
            self.unread["dynamic form"] += 1
        self._form = document.init_forms() if kind != pdfium.FORMTYPE_NONE else None
        self.unread["attached file"] += max(document.count_attachments(), 0)

    def pages(self) -> list[Page]:
        """Return the pages' texts; a page that is broken is left out and counted."""
        import pypdfium2

        if len(self._document) > MAX_PDF_PAGES:
            raise UnreadableDocument(self._path, f"it has more than {MAX_PDF_PAGES:,} pages")
        deadline = time.monotonic() + MAX_PDF_SECONDS
        pages: list[Page] = []
        chars = 0
        for index in range(len(self._document)):
            if time.monotonic() > deadline:
                raise UnreadableDocument(
                    self._path, f"reading it takes longer than {MAX_PDF_SECONDS:.0f} seconds"
                )
            try:
                page = self._document[index]
                text = self._text(page)
                page.close()  # closes its text page too
            except pypdfium2.PdfiumError as error:
                log.warning("%s: page %d is broken and left out (%s)", self._path, index + 1, error)
                self.unread["broken page"] += 1
                continue
            chars += len(text)
            check_length(chars, self._path)
            pages.append(Page(text, index + 1))
        if not pages:
            raise UnreadableDocument(self._path, "it is a broken PDF: none of its pages can be read")
        return pages

    def _text(self, page: Any) -> str:
        """Return a page's text, what is filled into its form fields, and its text boxes; count the rest."""
        text: str = page.get_textpage().get_text_range(errors="replace").translate(_SHOWN)
        added = list(dict.fromkeys(self._annotations(page)))
        self._count_pictures(page, bool(text.strip()))
        return "\n".join([text, *added]) if added else text

    def _annotations(self, page: Any) -> Iterator[str]:
        pdfium = self._pdfium
        for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
            annotation = pdfium.FPDFPage_GetAnnot(page, index)
            if not annotation:
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            hidden = pdfium.FPDFAnnot_GetFlags(annotation) & (
                pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
            )
            if kind == pdfium.FPDF_ANNOT_WIDGET and self._form and not hidden:
                yield from self._field(annotation)
            elif kind == pdfium.FPDF_ANNOT_FREETEXT and not hidden:
                yield self._string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
            elif kind == pdfium.FPDF_ANNOT_STAMP and not hidden:
                self.unread["stamp"] += 1
            elif kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                self.unread["attached file"] += 1
            elif kind not in (pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_WIDGET):
                # A note, or a remark on a mark in the text; its popup is the window that it opens in.
                self.unread["comment"] += bool(
                    self._string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
                )
            pdfium.FPDFPage_CloseAnnot(annotation)

    def _field(self, annotation: Any) -> Iterator[str]:
        """Yield "name: value" for a field that is filled in, "☒ name" for a box that is ticked."""
        pdfium, form = self._pdfium, self._document.formenv
        name = self._string(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
        name = name or self._string(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
        kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
            if pdfium.FPDFAnnot_IsChecked(form, annotation):
                choice = self._string(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)
                radio = kind == pdfium.FPDF_FORMFIELD_RADIOBUTTON
                yield f"{name}: {choice}" if radio else f"☒ {name}"
        elif kind in (
            pdfium.FPDF_FORMFIELD_TEXTFIELD,
            pdfium.FPDF_FORMFIELD_COMBOBOX,
            pdfium.FPDF_FORMFIELD_LISTBOX,
        ):
            value = self._string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
            if value.strip():
                yield f"{name}: {value}"
        elif kind == pdfium.FPDF_FORMFIELD_SIGNATURE:
            self.unread["signature field"] += 1

    def _string(self, function: Any, *arguments: Any) -> str:
        """Return what one of PDFium's functions writes: UTF-16 with a NUL, whose length it returns."""
        length = function(*arguments, None, 0)
        if length <= 2:
            return ""
        buffer = ctypes.create_string_buffer(length)
        function(*arguments, ctypes.cast(buffer, ctypes.POINTER(self._pdfium.FPDF_WCHAR)), length)
        return buffer.raw[: length - 2].decode("utf-16-le", "replace")

    def _count_pictures(self, page: Any, has_text: bool) -> None:
        pdfium = self._pdfium
        pictures, drawn = 0, False
        for kind, width, height in self._drawn(
            page, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, 0
        ):
            drawn = True
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                is_ground = width * height > MAX_PICTURE_SHARE * page.get_width() * page.get_height()
                pictures += min(width, height) >= MIN_PICTURE_POINTS and not (has_text and is_ground)
        if has_text:
            self.unread["picture"] += pictures
        elif pictures:
            self.unread["scanned page"] += 1
        elif drawn:
            self.unread["page of drawings"] += 1

    def _drawn(self, parent: Any, count: Any, get: Any, depth: int) -> Iterator[tuple[int, float, float]]:
        """Yield kind, width and height of what is drawn on a page or in a form on it."""
        pdfium = self._pdfium
        box = [ctypes.c_float() for _ in range(4)]
        for index in range(count(parent)):
            if self._objects_left <= 0:
                return
            self._objects_left -= 1
            drawn = get(parent, index)
            kind = pdfium.FPDFPageObj_GetType(drawn)
            if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < 3:
                yield from self._drawn(
                    drawn, pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, depth + 1
                )
            elif kind != pdfium.FPDF_PAGEOBJ_TEXT and pdfium.FPDFPageObj_GetBounds(drawn, *box):
                left, bottom, right, top = (each.value for each in box)
                yield kind, right - left, top - bottom


def _join_hyphens(text: str, words: set[str]) -> str:
    """Join words cut at a line's end; the hyphen stays unless the whole word stands elsewhere in the document."""

    def join(match: re.Match[str]) -> str:
        whole = match[1] + match[2]
        return whole if whole.lower() in words else f"{match[1]}-{match[2]}"

    return _LINE_END_HYPHEN.sub(join, text)
