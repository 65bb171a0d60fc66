"""Reader of Excel files: each sheet with its cells as they are shown, its text boxes and diagrams is a page.

Cells are read where they are; what a sheet claims about its size is not looked at. Rows and columns that a
filter or a group hides are read, hidden sheets are left out and counted.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from raft_core.documents.content import Content, cells, check_length, counted, first_title, raised
from raft_core.documents.numberformat import BUILT_IN, shown_number, shown_text
from raft_core.documents.ooxml import MC, A, Package, R, alternatives, graphic
from raft_core.errors import UnreadableDocument
from raft_core.records import Page

MAX_CELLS = 1_000_000
"""Cells with something in them in one workbook."""

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_COLUMN = re.compile(r"\$?([A-Za-z]{1,3})\$?\d*")


def read_xlsx(data: bytes, path: str) -> Content:
    """Read an Excel file; sheets are pages that begin with the sheet's name, rows are lines."""
    package = Package(data, path)
    main = package.main()
    root = package.xml(main)
    if root is None:
        raise UnreadableDocument(path, "it has no sheets", remedy="open it in Excel and save it again")
    book = _Workbook(package, main, root, path)
    pages = [
        Page(book.text(sheet), number)
        for number, sheet in enumerate(root.iterfind(f"{_S}sheets/{_S}sheet"), 1)
    ]
    return Content(tuple(pages), first_title([package.title()]), counted(book.unread))


class _Workbook:
    def __init__(self, package: Package, main: str, root: Any, path: str) -> None:
        self._package, self._path = package, path
        self._references = package.relationships(main)
        parts = {kind: package.related(main, kind)[:1] for kind in ("sharedStrings", "styles")}
        self._texts = [
            _string(item) for name in parts["sharedStrings"] for item in package.events(name, (f"{_S}si",))
        ]
        self._formats = [code for name in parts["styles"] for code in _formats(package.xml(name))]
        dates = root.find(f"{_S}workbookPr")
        self._from_1904 = dates is not None and dates.get("date1904") in ("1", "true", "on")
        self._cells = self._chars = 0
        self.unread: Counter[str] = Counter()

    def text(self, sheet: Any) -> str:
        """Return a sheet's name and its rows, "" where it is hidden or empty."""
        reference = self._references.get(sheet.get(f"{R}id", ""))
        if reference is None or sheet.get("state", "visible") != "visible":
            self.unread["broken sheet" if reference is None else "hidden sheet"] += 1
            return ""
        rows = list(self._rows(reference.target)) if reference.kind == "worksheet" else []
        # A column that is empty in every row is none, however far to the right the next one is.
        used = sorted({column for row in rows for column in row})
        lines = []
        for row in rows:
            last = max(row)
            lines.append(cells(row.get(column) for column in used if column <= last))
            self._chars += len(lines[-1])
            check_length(self._chars, self._path)
        lines += self._drawn(reference.target)
        text = "\n".join(line for line in lines if line.strip())
        return f"{sheet.get('name', '')}\n\n{text}" if text else ""

    def _rows(self, part: str) -> Iterator[dict[int, str]]:
        """Yield the texts of each row by column; rows without any are left out."""
        for row in self._package.events(part, (f"{_S}row",)):
            texts: dict[int, str] = {}
            for cell in row.iterchildren(f"{_S}c"):
                place = _COLUMN.match(cell.get("r", ""))
                column = _column(place[1]) if place else max(texts, default=0) + 1
                text = self._cell(cell)
                if text.strip():
                    texts[column] = text
                    self._cells += 1
            if self._cells > MAX_CELLS:
                raise UnreadableDocument(
                    self._path, f"it has more than {MAX_CELLS:,} cells", remedy="split it into smaller files"
                )
            if texts:
                yield texts
            row.clear()
            while row.getprevious() is not None:
                del row.getparent()[0]

    def _cell(self, cell: Any) -> str:
        style = cell.get("s", "0")
        code = (
            self._formats[int(style)] if style.isdecimal() and int(style) < len(self._formats) else "General"
        )
        inline = cell.find(f"{_S}is")
        if inline is not None:
            return shown_text(_string(inline), code)
        value: str = cell.findtext(f"{_S}v") or ""
        kind = cell.get("t", "n")
        if not value and kind != "str":
            self.unread["uncalculated formula"] += cell.find(f"{_S}f") is not None
            return ""
        if kind == "e" and value == "#VALUE!" and cell.get("vm") is not None:
            self.unread["picture"] += 1  # how one in a cell is kept
            return ""
        return self._value(value, kind, code)

    def _value(self, value: str, kind: str, code: str) -> str:
        if kind == "s":
            index = int(value)
            return shown_text(self._texts[index], code) if 0 <= index < len(self._texts) else ""
        if kind == "str":
            return shown_text(_unescaped(value), code)
        if kind == "b":
            return "TRUE" if value in ("1", "true") else "FALSE"
        return value if kind == "e" else self._number(value, kind, code)

    def _number(self, value: str, kind: str, code: str) -> str:
        if code == "General" and value.isdecimal():  # of an article, an account: all of its digits
            return value
        try:
            number = _days(value, self._from_1904) if kind == "d" else float(value)
        except ValueError:
            return value  # no number after all
        return shown_number(number, code, self._from_1904) if math.isfinite(number) else value

    def _drawn(self, part: str) -> list[str]:
        """Return the texts of text boxes and diagrams on a sheet; count comments, pictures and charts."""
        lines = []
        for name in self._package.related(part, "drawing"):
            root = self._package.xml(name)
            lines += [] if root is None else self._shapes(root, name)
        for name in self._package.related(part, "comments"):
            self.unread["comment"] += len(list(self._package.events(name, (f"{_S}comment",))))
        return lines

    def _shapes(self, parent: Any, part: str) -> list[str]:
        lines: list[str] = []
        for shape in parent:
            if shape.tag == f"{_XDR}sp":
                paragraphs = shape.iterfind(f"{_XDR}txBody/{A}p")
                lines += ["".join(text.text or "" for text in each.iter(f"{A}t")) for each in paragraphs]
            elif shape.tag == f"{_XDR}pic":
                self.unread["picture"] += 1
            elif shape.tag == f"{A}graphicData":
                lines += graphic(self._package, part, shape, self.unread)
            elif shape.tag == f"{MC}AlternateContent":
                lines += self._shapes(next(alternatives(shape), ()), part)
            elif isinstance(shape.tag, str):
                lines += self._shapes(shape, part)
        return lines


def _formats(styles: Any) -> list[str]:
    """Return the number format of each cell style."""
    if styles is None:
        return []
    own = {
        each.get("numFmtId"): each.get("formatCode", "")
        for each in styles.iterfind(f"{_S}numFmts/{_S}numFmt")
    }
    ids = [each.get("numFmtId", "0") for each in styles.iterfind(f"{_S}cellXfs/{_S}xf")]
    return [own.get(each) or BUILT_IN.get(int(each) if each.isdecimal() else 0, "General") for each in ids]


def _string(item: Any) -> str:
    """Return the text of a shared or inline string, without the readings above its characters."""
    return _unescaped("".join(map(_part, item)))


def _part(part: Any) -> str:
    if part.tag == f"{_S}t":
        return part.text or ""
    if part.tag != f"{_S}r":
        return ""
    text, place = part.findtext(f"{_S}t") or "", part.find(f"{_S}rPr/{_S}vertAlign")
    return raised(text) if place is not None and place.get("val") == "superscript" else text


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text)


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _days(value: str, from_1904: bool) -> float:
    """Return a date that is written as text as the number of days that it stands for."""
    moment = datetime.fromisoformat(value.strip().replace("Z", ""))
    epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
    return (moment - epoch).total_seconds() / 86400
