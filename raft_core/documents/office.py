"""Readers of Word, PowerPoint and Excel files.

They are zip archives of XML. Nothing is unpacked to the disk, and an archive that would fill the memory,
or whose XML brings its own entities, is refused before a library sees it.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from raft_core.documents.content import Content, cells, check_length, first_title, one_page
from raft_core.errors import UnreadableDocument
from raft_core.records import Page

MAX_MEMBERS = 10_000
MAX_XML_BYTES = 32 * 2**20
"""One unpacked XML part. The text of a thousand-page book is about 10 MiB of it."""
MAX_UNPACKED_BYTES = 256 * 2**20
"""All parts together, pictures included."""
MAX_CELLS = 2_000_000
"""Cells looked at in one workbook, empty ones included."""

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIDE_PARTS = re.compile(r"/word/(?:header|footer|footnotes|endnotes)\d*\.xml")


def check_archive(data: bytes, path: str) -> None:
    """Raise UnreadableDocument where an Office file is a bomb, encrypted, or brings its own XML entities."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
            raise UnreadableDocument(path, f"it unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        for member in members:
            if member.flag_bits & 1:
                raise UnreadableDocument(path, "it is encrypted", remedy="save it without a password")
            if not member.filename.lower().endswith((".xml", ".rels")):
                continue
            if member.file_size > MAX_XML_BYTES:
                raise UnreadableDocument(
                    path, f"its part {member.filename} unpacks to more than {MAX_XML_BYTES >> 20} MiB"
                )
            with archive.open(member) as part:
                if b"<!DOCTYPE" in part.read(4096):
                    raise UnreadableDocument(
                        path, "its XML declares entities, which no Office program writes"
                    )


def read_docx(data: bytes, path: str) -> Content:
    """Read a Word file: paragraphs and tables in order, then headers, footers and notes."""
    import docx
    from docx.oxml import parse_xml

    check_archive(data, path)
    document = docx.Document(io.BytesIO(data))
    lines = list(_block_lines(document.element.body))
    for part in document.part.package.iter_parts():
        if _SIDE_PARTS.fullmatch(part.partname):
            side = list(_block_lines(parse_xml(part.blob)))
            lines += [line for line in dict.fromkeys(side) if line not in lines[-100:]]
    return one_page("\n".join(lines), first_title(_docx_titles(document)))


def _docx_titles(document: Any) -> Iterator[str | None]:
    """Yield what may be a Word file's title: its title's paragraph, its properties', its first great heading."""
    styled: dict[str, str] = {}
    for paragraph in document.paragraphs[:50]:
        style = paragraph.style.name if paragraph.style is not None else ""
        styled.setdefault(style, paragraph.text)
    yield styled.get("Title")
    yield _property_title(document)
    yield styled.get("Heading 1")


def _property_title(document: Any) -> str | None:
    try:
        title: str | None = document.core_properties.title
    except Exception:  # broken properties, of whatever kind, are no reason to refuse the text
        return None
    return title


def _block_lines(parent: Any) -> Iterator[str]:
    """Yield paragraphs and table rows below an element, also those inside content controls."""
    for element in parent:
        if element.tag == f"{_WORD}p":
            yield _paragraph(element) + "\n"
        elif element.tag == f"{_WORD}tbl":
            for row in element.iter(f"{_WORD}tr"):
                yield cells(" ".join(_block_lines(cell)) for cell in row.iter(f"{_WORD}tc"))
            yield ""
        elif isinstance(element.tag, str):
            yield from _block_lines(element)


def _paragraph(paragraph: Any) -> str:
    """Return the text of a paragraph with its links, insertions and text boxes, each text once."""
    parts: list[str] = []
    for element in paragraph.iter(f"{_WORD}t", f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr"):
        if next(element.iterancestors(_FALLBACK), None) is not None:
            continue  # a text box written a second time, for old programs
        parts.append((element.text or "") if element.tag == f"{_WORD}t" else " ")
    return "".join(parts)


def read_pptx(data: bytes, path: str) -> Content:
    """Read a PowerPoint file; slides are pages, with their tables and speaker's notes."""
    import pptx

    check_archive(data, path)
    presentation = pptx.Presentation(io.BytesIO(data))
    pages = []
    for number, slide in enumerate(presentation.slides, 1):
        lines = list(_shape_lines(slide.shapes))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            lines.append(slide.notes_slide.notes_text_frame.text)
        pages.append(Page("\n\n".join(lines), number))
    shown = (slide.shapes.title.text for slide in presentation.slides if slide.shapes.title is not None)
    return Content(tuple(pages), first_title([_property_title(presentation), next(shown, "")]))


def _shape_lines(shapes: Iterable[Any]) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _shape_lines(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield "\n".join(cells(cell.text for cell in row.cells) for row in shape.table.rows)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield shape.text_frame.text


def read_xlsx(data: bytes, path: str) -> Content:
    """Read an Excel file; sheets are pages that begin with the sheet's name, rows are lines."""
    import openpyxl  # type: ignore[import-untyped]  # openpyxl ships no types

    check_archive(data, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl tells of styles and extensions it drops
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            pages, seen = [], 0
            for number, sheet in enumerate(workbook.worksheets, 1):
                lines = []
                for row in sheet.iter_rows(values_only=True):
                    seen += len(row) + 1
                    if seen > MAX_CELLS:
                        raise UnreadableDocument(path, f"it has more than {MAX_CELLS:,} cells")
                    lines.append(cells(row))
                text = "\n".join(line for line in lines if line)
                check_length(len(text), path)
                pages.append(Page(f"{sheet.title}\n\n{text}" if text else "", number))
        finally:
            workbook.close()
    return Content(tuple(pages), first_title([workbook.properties.title]))
