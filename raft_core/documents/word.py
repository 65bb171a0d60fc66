"""Reader of Word files: the text that a reader sees once all tracked changes are accepted.

Deleted text is left out. Hidden text, comments, pictures and charts are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from raft_core.documents.content import Content, cells, counted, first_title, one_page, raised
from raft_core.documents.equations import M, equation
from raft_core.documents.numbering import Numbering, W
from raft_core.documents.ooxml import MC, A, Package, alternatives, graphic, on
from raft_core.documents.symbols import UNKNOWN, is_symbol_font, shown
from raft_core.errors import UnreadableDocument

MAX_COLUMNS = 63
"""Of a table; Word allows no more."""

_V = "{urn:schemas-microsoft-com:vml}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}pic"
_OLE = "{urn:schemas-microsoft-com:office:office}OLEObject"

# fmt: off
_LEFT_OUT = frozenset(f"{W}{name}" for name in (
    "del", "moveFrom", "delText", "delInstrText", "rPr", "pPr", "sdtPr", "sectPr", "tblPr", "tblGrid", "trPr", "tcPr",
))
# What stands around paragraphs, rows, cells or runs and says something about them.
_WRAPPERS = frozenset(f"{W}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "footnote", "endnote"))
# fmt: on
_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
    f"{W}softHyphen": "",  # a reader sees it only where a line ends
}
_UNREAD = {
    f"{W}commentReference": "comment",
    f"{W}altChunk": "embedded document",
    f"{W}subDoc": "linked document",
    f"{W}control": "form control",
    f"{_V}imagedata": "picture",
    _PICTURE: "picture",
}


def read_docx(data: bytes, path: str) -> Content:
    """Read a Word file: paragraphs and tables in order, then notes, headers and footers."""
    package = Package(data, path)
    main = package.main()
    root = package.xml(main)
    if root is None or root.find(f"{W}body") is None:
        raise UnreadableDocument(path, "it has no body", remedy="open it in Word and save it again")
    numbering, styles = (next(iter(package.related(main, kind)), "") for kind in ("numbering", "styles"))
    numbers, unread = Numbering(package.xml(numbering), package.xml(styles)), Counter[str]()
    story = _Story(package, main, root, numbers, unread)
    lines = story.lines(root.find(f"{W}body"))
    for kind in ("footnotes", "endnotes", "header", "footer"):
        for name in package.related(main, kind):
            side = package.xml(name)
            found = [] if side is None else _Story(package, name, side, numbers, unread).lines(side)
            if not kind.endswith("notes"):  # every section may repeat them
                found = [line for line in dict.fromkeys(found) if line not in lines[-100:]]
            lines += found
    titles = (story.styled.get("title"), package.title(), story.styled.get("heading 1"))
    return one_page("\n".join(lines), first_title(titles), counted(unread))


class _Story:
    """One part of a Word file: its body, a header, the notes."""

    def __init__(
        self, package: Package, part: str, root: Any, numbers: Numbering, unread: Counter[str]
    ) -> None:
        self._package, self._part, self._numbers, self._unread = package, part, numbers, unread
        self._fields: list[str] = []
        """Open fields, outermost first: "separate" once the result has begun, which alone is shown."""
        ends = Counter(each.get(f"{W}fldCharType") for each in root.iter(f"{W}fldChar"))
        self._has_fields = ends["begin"] == ends["end"]  # a field that never ends would hide all that follows
        self._boxes: list[str] = []
        """Lines of text boxes and diagrams, which follow the paragraph that they are anchored in."""
        self.styled: dict[str, str] = {}
        """The first paragraph of each style, by the style's name."""

    def lines(self, parent: Any, in_cell: bool = False) -> list[str]:
        """Return the paragraphs and table rows below an element; paragraphs end in a blank line."""
        lines: list[str] = []
        begun = ""  # paragraphs whose end is deleted or hidden go on in the next one
        for element in _unwrapped(parent):
            if element.tag == f"{W}p":
                text, end = self._inline(element), _end(element)
                label = "" if end == "deleted" else self._label(element, begun + text)
                begun = label + begun + text
                if end:
                    continue
                lines.append(begun + "\n")
            else:
                lines += [begun] * bool(begun) + self._block(element, in_cell)
            begun = ""
            lines += self._boxes
            self._boxes = []
        return [*lines, begun] if begun else lines

    def _block(self, element: Any, in_cell: bool) -> list[str]:
        if element.tag == f"{W}tbl":
            rows = self._rows(element)
            if in_cell:
                return ["; ".join(", ".join(filter(None, row)) for row in rows if any(row))]
            return [*map(cells, rows), ""]
        if element.tag == f"{MC}AlternateContent":
            return next(filter(None, map(self.lines, alternatives(element))), [])
        if element.tag in (f"{M}oMathPara", f"{M}oMath"):
            return [equation(element) + "\n"]
        if element.tag in _UNREAD:
            self._unread[_UNREAD[element.tag]] += 1
        return []

    def _rows(self, table: Any) -> list[list[str]]:
        rows = []
        for row in _unwrapped(table):
            if row.tag != f"{W}tr" or row.find(f"{W}trPr/{W}del") is not None:
                continue
            texts = [""] * _number(row.find(f"{W}trPr/{W}gridBefore"), 0)
            for cell in _unwrapped(row):
                if cell.tag != f"{W}tc" or cell.find(f"{W}tcPr/{W}cellDel") is not None:
                    continue
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                goes_on = merged is not None and merged.get(f"{W}val", "continue") == "continue"
                inside = [] if goes_on else self.lines(cell, in_cell=True)
                texts.append(" ".join(" ".join(inside).split()))
                texts += [""] * (_number(cell.find(f"{W}tcPr/{W}gridSpan"), 1) - 1)
            rows.append(texts)
        return rows

    def _label(self, paragraph: Any, text: str) -> str:
        label = self._numbers.label(paragraph)
        self.styled.setdefault(self._numbers.style(paragraph), text)
        return label if text.strip() else ""

    def _inline(self, parent: Any, font: str = "") -> str:
        return "".join(self._piece(element, font) for element in parent if element.tag not in _LEFT_OUT)

    def _piece(self, element: Any, font: str) -> str:
        """Return the text of an element in a paragraph; text boxes in it are put aside."""
        if element.tag in _PIECES:
            return _PIECES[element.tag](self, element, font)
        if element.tag in _UNREAD:
            self._unread[_UNREAD[element.tag]] += 1
            return ""
        text = self._leaf(element, font)
        if text is None:
            return self._inline(element, font)
        return text if all(kind == "separate" for kind in self._fields) else ""

    def _leaf(self, element: Any, font: str) -> str | None:
        """Return the text of an element that is text itself, None for one that holds others."""
        tag = element.tag
        if tag in (f"{W}t", f"{A}t"):
            return self._symbols(element.text or "", font)
        if tag == f"{W}sym":
            return self._symbols(_character(element.get(f"{W}char", "")), element.get(f"{W}font", ""))
        if tag in (f"{M}oMath", f"{M}oMathPara"):
            return equation(element)
        if tag == f"{W}ruby":  # the base, then how it is read
            base, reading = (element.find(f"{W}{name}") for name in ("rubyBase", "rt"))
            spoken = "" if reading is None else self._inline(reading)
            return ("" if base is None else self._inline(base)) + (f"({spoken})" if spoken else "")
        return _CHARACTERS.get(tag)

    def _run(self, run: Any, font: str) -> str:
        fonts = run.find(f"{W}rPr/{W}rFonts")
        names = () if fonts is None else (fonts.get(f"{W}ascii", ""), fonts.get(f"{W}hAnsi", ""))
        text = self._inline(run, next(filter(is_symbol_font, names), ""))
        place = run.find(f"{W}rPr/{W}vertAlign")
        if place is not None and place.get(f"{W}val") == "superscript":
            text = raised(text)
        hidden = run.find(f"{W}rPr/{W}vanish")
        if hidden is None or not on(hidden, f"{W}val", missing=True):
            return text
        self._unread["hidden passage"] += bool(text.strip())
        return ""

    def _field(self, mark: Any, font: str) -> str:
        """Follow a field's beginning, its result and its end; return what a form field shows."""
        kind = mark.get(f"{W}fldCharType")
        if not self._has_fields:
            return ""
        if kind == "begin":
            value = _form_value(mark)
            self._fields.append("form" if value else "code")
            return value
        if self._fields and kind == "separate" and self._fields[-1] == "code":
            self._fields[-1] = "separate"
        elif self._fields and kind == "end":
            self._fields.pop()
        return ""

    def _instruction(self, element: Any, font: str) -> str:
        self._unread["equation"] += (element.text or "").strip().upper().startswith("EQ ")
        return ""

    def _box(self, element: Any, font: str) -> str:
        boxes, self._boxes = self._boxes, []  # lines() gives out what is put aside
        self._boxes = boxes + self.lines(element)
        return ""

    def _first(self, element: Any, font: str) -> str:
        """Return the newest of the ways to say the same that says anything."""
        before = (len(self._boxes), self._unread.total())
        for alternative in alternatives(element):
            text = self._inline(alternative, font)
            if text or before != (len(self._boxes), self._unread.total()):
                return text
        return ""

    def _graphic(self, element: Any, font: str) -> str:
        kind = element.get("uri", "").rpartition("/")[2]
        if kind in ("chart", "chartex", "diagram"):
            self._boxes += graphic(self._package, self._part, element, self._unread)
            return ""
        embedded = element.find(f"{_OLE}")
        if embedded is not None:  # its picture is a preview of it
            program = embedded.get("ProgID", "")
            self._unread["equation" if program.startswith("Equation") else "embedded object"] += 1
            return ""
        self._boxes += [each.get("string", "") for each in element.iter(f"{_V}textpath")]  # WordArt
        return self._inline(element)

    def _symbols(self, text: str, font: str) -> str:
        seen = shown(text, font)
        self._unread["symbol"] += seen.count(UNKNOWN) - text.count(UNKNOWN)
        return seen


_PIECES: dict[str, Callable[[_Story, Any, str], str]] = {
    f"{W}r": _Story._run,
    f"{W}fldChar": _Story._field,
    f"{W}instrText": _Story._instruction,
    f"{W}txbxContent": _Story._box,
    f"{W}object": _Story._graphic,
    f"{W}pict": _Story._graphic,
    f"{A}graphicData": _Story._graphic,
    f"{MC}AlternateContent": _Story._first,
}


def _unwrapped(parent: Any) -> Iterator[Any]:
    """Yield the children of an element, and in place of a wrapper the children of that."""
    waiting = [iter(parent)]
    while waiting:
        element = next(waiting[-1], None)
        if element is None:
            waiting.pop()
        elif element.tag in _WRAPPERS:
            if "eparator" not in element.get(f"{W}type", ""):  # the line above footnotes
                waiting.append(iter(element))
        elif element.tag not in _LEFT_OUT:
            yield element


def _end(paragraph: Any) -> str:
    """Return "deleted" or "hidden" where the next paragraph goes on in the same line, else ""."""
    marks = paragraph.find(f"{W}pPr/{W}rPr")
    if marks is None:
        return ""
    if any(marks.find(f"{W}{name}") is not None for name in ("del", "moveFrom")):
        return "deleted"
    hidden = marks.find(f"{W}vanish")
    return "hidden" if hidden is not None and on(hidden, f"{W}val", missing=True) else ""


def _character(code: str) -> str:
    try:
        return chr(int(code, 16))
    except (ValueError, OverflowError):
        return UNKNOWN


def _form_value(mark: Any) -> str:
    """Return what a form field of a Word 97 kind shows, "" where it shows its result as others do."""
    box, choices = (mark.find(f"{W}ffData/{W}{name}") for name in ("checkBox", "ddList"))
    if box is not None:
        states = [box.find(f"{W}{name}") for name in ("checked", "default")]
        state = next((each for each in states if each is not None), None)
        return "☒" if state is not None and on(state, f"{W}val", missing=True) else "☐"
    if choices is not None:
        entries = [each.get(f"{W}val", "") for each in choices.iterchildren(f"{W}listEntry")]
        chosen = _number(choices.find(f"{W}result"), _number(choices.find(f"{W}default"), 0))
        return entries[chosen] if chosen < len(entries) else ""
    return ""


def _number(element: Any, missing: int) -> int:
    text = "" if element is None else element.get(f"{W}val", "")
    return min(int(text), MAX_COLUMNS) if text.isdecimal() else missing
