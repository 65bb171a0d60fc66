"""Reader of PowerPoint files: each slide with its tables, diagrams and speaker's notes is a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from raft_core.documents.content import Content, cells, counted, first_title, raised
from raft_core.documents.equations import M, equation
from raft_core.documents.ooxml import MC, A, Package, R, alternatives, graphic
from raft_core.documents.symbols import UNKNOWN, shown
from raft_core.errors import UnreadableDocument
from raft_core.records import Page

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_NOT_NOTES = ("sldImg", "sldNum", "hdr", "ftr", "dt")
_MEDIA = {"videoFile": "video", "audioFile": "sound", "wavAudioFile": "sound", "audioCd": "sound"}


def read_pptx(data: bytes, path: str) -> Content:
    """Read a PowerPoint file; slides are pages, with their tables and speaker's notes."""
    package = Package(data, path)
    main = package.main()
    root = package.xml(main)
    if root is None:
        raise UnreadableDocument(path, "it has no slides", remedy="open it in PowerPoint and save it again")
    references, unread = package.relationships(main), Counter[str]()
    pages, titles = [], []
    for number, slide in enumerate(root.iterfind(f"{_P}sldIdLst/{_P}sldId"), 1):
        reference = references.get(slide.get(f"{R}id", ""))
        shapes = None if reference is None else package.xml(reference.target)
        if reference is None or shapes is None:
            unread["broken slide"] += 1
            continue
        page = _Slide(package, reference.target, unread)
        lines = page.lines(shapes)
        for notes in package.related(reference.target, "notesSlide"):
            spoken = package.xml(notes)
            if spoken is not None:
                lines += _Slide(package, notes, unread, is_notes=True).lines(spoken)
        unread["comment"] += sum(
            len(list(package.xml(name))) for name in package.related(reference.target, "comments")
        )
        pages.append(Page("\n\n".join(lines), number))
        titles.append(page.title)
    return Content(tuple(pages), first_title([package.title(), *titles[:1]]), counted(unread))


class _Slide:
    """The shapes of one slide, or of its notes."""

    def __init__(self, package: Package, part: str, unread: Counter[str], is_notes: bool = False) -> None:
        self._package, self._part, self._unread, self._is_notes = package, part, unread, is_notes
        self.title = ""

    def lines(self, parent: Any) -> list[str]:
        """Return the texts of the shapes below an element, each a block of lines."""
        return [text for shape in parent for text in self._shape(shape) if text.strip()]

    def _shape(self, shape: Any) -> list[str]:
        tag = shape.tag
        if tag in (f"{_P}cSld", f"{_P}spTree", f"{_P}grpSp"):
            return self.lines(shape)
        if tag == f"{MC}AlternateContent":
            return self._first(shape)
        if tag == f"{_P}sp":
            return self._text_box(shape)
        if tag == f"{_P}pic":
            inside = {element.tag.rpartition("}")[2] for element in shape.iterfind(f"{_P}nvPicPr/{_P}nvPr/*")}
            self._unread[next((name for key, name in _MEDIA.items() if key in inside), "picture")] += 1
        elif tag == f"{_P}graphicFrame":
            for data in shape.iter(f"{A}graphicData"):
                table = data.find(f"{A}tbl")
                if table is None:
                    return graphic(self._package, self._part, data, self._unread)
                return ["\n".join(map(cells, self._rows(table)))]
        elif tag == f"{_P}contentPart":
            self._unread["drawing"] += 1
        return []

    def _first(self, element: Any) -> list[str]:
        """Return the newest of the ways to show the same that shows anything."""
        before = self._unread.total()
        for alternative in alternatives(element):
            lines = self.lines(alternative)
            if lines or self._unread.total() != before:
                return lines
        return []

    def _text_box(self, shape: Any) -> list[str]:
        place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
        kind = "" if place is None else place.get("type", "")
        if self._is_notes and kind in _NOT_NOTES:
            return []
        text = "\n".join(map(self._paragraph, shape.iterfind(f"{_P}txBody/{A}p")))
        if kind in ("title", "ctrTitle"):
            self.title = self.title or text
        return [text]

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in table.iterfind(f"{A}tr"):
            yield [
                " ".join(map(self._paragraph, cell.iterfind(f"{A}txBody/{A}p")))
                for cell in row.iterfind(f"{A}tc")
            ]

    def _paragraph(self, paragraph: Any) -> str:
        return "".join(map(self._piece, paragraph))

    def _piece(self, element: Any) -> str:
        if element.tag in (f"{A}r", f"{A}fld"):
            fonts = [element.find(f"{A}rPr/{A}{name}") for name in ("sym", "latin")]
            font = next((each.get("typeface", "") for each in fonts if each is not None), "")
            text = element.findtext(f"{A}t") or ""
            seen = shown(text, font)
            self._unread["symbol"] += seen.count(UNKNOWN) - text.count(UNKNOWN)
            properties = element.find(f"{A}rPr")
            is_raised = properties is not None and _above(properties.get("baseline", ""))
            return raised(seen) if is_raised else seen
        if element.tag == f"{A}br":
            return "\n"
        if element.tag == f"{MC}AlternateContent":
            return next(filter(None, map(self._paragraph, alternatives(element))), "")
        if element.tag in (f"{M}oMath", f"{M}oMathPara"):
            return equation(element)
        if isinstance(element.tag, str) and element.tag.endswith("}m"):  # an equation's wrapper, a14:m
            return self._paragraph(element)
        return ""


def _above(baseline: str) -> bool:
    """Return whether a baseline, in thousandths of a percent or in percent, is above the line."""
    return baseline.strip("0%") != "" and not baseline.startswith("-")
