"""Excel files are read as their sheets show them, whatever they claim about themselves."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from raft_core.documents import sheets
from raft_core.documents.numberformat import shown_number, shown_text
from raft_core.documents.readers import parse_document
from raft_core.errors import UnreadableDocument
from raft_core.records import Document
from tests.documents.office_files import reference, relationships, workbook


def read(data: bytes) -> Document:
    return parse_document(data, Path("a.xlsx"))


def lines(data: bytes) -> list[str]:
    """Return the lines of a file with one sheet, without its name."""
    (page,) = read(data).pages
    return page.text.split("\n")[2:]


def saved(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def text(place: str, words: str) -> str:
    return f'<x:c r="{place}" t="inlineStr"><x:is><x:t>{words}</x:t></x:is></x:c>'


@pytest.mark.parametrize("claimed", ["A1", "A1:XFD1048576", "nonsense", "C3:B2"])
def test_the_claimed_size_is_not_looked_at(claimed: str) -> None:
    """Cells outside of it are read, and a huge one costs nothing."""
    rows = f'<x:row r="1">{text("A1", "a")}{text("D1", "d")}</x:row><x:row r="1048576">{text("XFD1048576", "far")}</x:row>'
    data = workbook(rows).replace(b"<x:sheetData>", f'<x:dimension ref="{claimed}"/><x:sheetData>'.encode())
    assert lines(data) == ["a | d", " |  | far"]


def test_cells_without_places() -> None:
    """Rows and cells that do not say where they are follow each other."""
    rows = (
        "<x:row><x:c><x:v>1</x:v></x:c><x:c><x:v>2</x:v></x:c></x:row><x:row><x:c><x:v>3</x:v></x:c></x:row>"
    )
    assert lines(workbook(rows)) == ["1 | 2", "3"]


def test_cells_as_they_are_shown() -> None:
    """Percentages, money, dates, times, truths, errors, rich text and texts with line breaks."""
    book = openpyxl.Workbook()
    sheet = book.active
    shown = [
        (0.125, "0.0%", "12.5%"),
        (1234.5, '#,##0.00 "€"', "1,234.50 €"),
        (datetime.date(2024, 3, 5), "DD.MM.YYYY", "05.03.2024"),
        (datetime.datetime(2024, 3, 5, 14, 30), "yyyy-mm-dd hh:mm", "2024-03-05 14:30"),
        (datetime.time(14, 30), "h:mm AM/PM", "2:30 PM"),
        (datetime.timedelta(hours=30), "[h]:mm", "30:00"),
        (7, "00000", "00007"),
        (0.1 + 0.2, "General", "0.3"),
        (True, "General", "TRUE"),
        ("#N/A", "General", "#N/A"),
        ("line\nbreak", "General", "line break"),
        (CellRichText("a ", TextBlock(InlineFont(b=True), "bold"), " word"), "General", "a bold word"),
    ]
    for row, (value, code, _) in enumerate(shown, 1):
        sheet.cell(row, 1, value).number_format = code
    assert lines(saved(book)) == [expected for *_, expected in shown]


def test_formulas_have_the_value_that_was_computed_last() -> None:
    """One that was never computed is counted, not dropped in silence."""
    rows = (
        '<x:row><x:c><x:f>1+1</x:f><x:v>2</x:v></x:c><x:c t="str"><x:f>"a"</x:f><x:v>a</x:v></x:c></x:row>'
        "<x:row><x:c><x:f>SUM(A1)</x:f></x:c><x:c><x:f>NOW()</x:f><x:v/></x:c></x:row>"
    )
    document = read(workbook(rows))
    assert (document.text, document.unread) == ("S\n\n2 | a", ("2 uncalculated formulas",))


def test_shared_strings() -> None:
    """Rich ones are joined, readings above characters left out, escapes of characters resolved."""
    strings = "<x:sst><x:si><x:r><x:t>東</x:t></x:r><x:r><x:t>京</x:t></x:r><x:rPh><x:t>トウキョウ</x:t></x:rPh></x:si><x:si><x:t>a_x000D_b_x005F_c</x:t></x:si></x:sst>"
    rows = '<x:row><x:c t="s"><x:v>0</x:v></x:c><x:c t="s"><x:v>1</x:v></x:c><x:c t="s"><x:v>9</x:v></x:c></x:row>'
    assert lines(workbook(rows, {"sharedStrings": strings})) == ["東京 | a b_c"]


def test_strict_files_and_their_dates() -> None:
    """Strict files may write dates as text; both calendars give the day that is meant."""
    styles = '<x:styleSheet><x:cellXfs><x:xf numFmtId="0"/><x:xf numFmtId="14"/></x:cellXfs></x:styleSheet>'
    rows = '<x:row><x:c t="d" s="1"><x:v>2024-03-05T00:00:00Z</x:v></x:c><x:c s="1"><x:v>43894</x:v></x:c></x:row>'
    data = workbook(rows, {"styles": styles}, strict=True, settings='<x:workbookPr date1904="true"/>')
    assert lines(data) == ["2024-03-05 | 2024-03-05"]


def test_hidden_sheets_are_counted_and_hidden_rows_read() -> None:
    """A filter or a closed group hides rows; a hidden sheet is not part of what a reader sees."""
    book = openpyxl.Workbook()
    book.active.append(["seen"])
    book.active.append(["filtered"])
    book.active.row_dimensions[2].hidden = True
    book.create_sheet("Lists").append(["choice"])
    book["Lists"].sheet_state = "hidden"
    document = read(saved(book))
    assert (document.text, document.unread) == ("Sheet\n\nseen\nfiltered", ("1 hidden sheet",))


def test_what_lies_on_a_sheet() -> None:
    """Text boxes are read; pictures, charts and comments are counted, pictures in cells too."""
    drawing = (
        "<xdr:wsDr><xdr:twoCellAnchor><xdr:sp><xdr:txBody><a:p><a:r><a:t>A note</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:twoCellAnchor>"
        "<xdr:twoCellAnchor><xdr:grpSp><xdr:pic/><xdr:pic/></xdr:grpSp></xdr:twoCellAnchor>"
        '<xdr:twoCellAnchor><xdr:graphicFrame><a:graphic><a:graphicData uri="http://x/chart"/></a:graphic></xdr:graphicFrame></xdr:twoCellAnchor></xdr:wsDr>'
    )
    parts = {
        "xl/worksheets/d.xml": drawing,
        "xl/c.xml": "<x:comments><x:commentList><x:comment/><x:comment/></x:commentList></x:comments>",
        "xl/_rels/worksheet1.xml.rels": relationships(
            reference("r1", "drawing", "worksheets/d.xml") + reference("r2", "comments", "/xl/c.xml")
        ),
    }
    document = read(workbook('<x:row><x:c t="e" vm="1"><x:v>#VALUE!</x:v></x:c></x:row>', parts))
    assert (document.text, document.unread) == ("S\n\nA note", ("3 pictures", "1 chart", "2 comments"))


def test_too_many_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells with something in them are counted, not those that are claimed."""
    monkeypatch.setattr(sheets, "MAX_CELLS", 3)
    rows = "".join(f"<x:row>{text(f'A{n}', 'a')}</x:row>" for n in range(1, 5))
    with pytest.raises(UnreadableDocument, match="more than 3 cells"):
        read(workbook(rows))


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (0.256, "0%", "26%"),
        (1.005, "0.00", "1.01"),
        (2.5, "0", "3"),
        (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
        (-3, "0.00;[Red]0.00", "3.00"),
        (-0.001, "0.00", "0.00"),
        (0, '#,##0;-#,##0;"-"', "-"),
        (0, "0;-0;;@", ""),
        (5, ";;;", "5"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.5, "_-* #,##0.00\\ _€_-;-* #,##0.00\\ _€_-", "1,234.50"),
        (12345678, "#,##0", "12,345,678"),
        (7, "0,000", "0,007"),
        (0.5, ".00", ".50"),
        (5.25, "0.####", "5.25"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (1234567, '0.0,,"M"', "1.2M"),
        (1500, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "1.5K"),
        (12, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "12"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.00012, "0.00E+00", "1.20E-04"),
        (12345, "##0.0E+0", "12.3E+3"),
        (1.5, "# ?/?", "1 1/2"),
        (0.75, "# ?/?", "3/4"),
        (2.125, "# ?/8", "2 1/8"),
        (42, '0" kg"', "42 kg"),
        (1234, "@", "1234"),
        (1 / 3, "General", "0.333333333"),
        (123456789.123, "General", "123456789.12"),
        (4006381333931, "General", "4006381333931"),
        (1e20, "General", "1E+20"),
        (0.0000012, "General", "1.2E-06"),
        (45000, "[$-409]d-mmm-yy;@", "15-Mar-23"),
        (45000, "dddd, d. mmmm yyyy", "Wednesday, 15. March 2023"),
        (45000.123456, "hh:mm:ss.000", "02:57:46.598"),
        (45000.9999999, "yyyy-mm-dd", "2023-03-16"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (0.5, "mm:ss", "00:00"),
        (1, "d/m/yyyy", "1/1/1900"),
        (-5, "yyyy-mm-dd", "-5"),
        (1e9, "yyyy-mm-dd", "1000000000"),
        (3, "0" * 600, "0" * 499 + "3"),
    ],
)
def test_number_formats(value: float, code: str, expected: str) -> None:
    """Sections, conditions, colours, places, scales, fractions and dates are those of Excel."""
    assert shown_number(value, code) == expected


def test_formats_of_texts() -> None:
    """Words around a text are shown; a format for numbers leaves a text as it is."""
    assert shown_text("7", '"ID-"@') == "ID-7"
    assert shown_text("x", '0;-0;0;"T: "@') == "T: x"
    assert shown_text("x", "0.00") == "x"
