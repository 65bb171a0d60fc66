"""Word files are read as a reader sees them: each character once, changes accepted, the rest counted."""

# ruff: noqa: RUF001  # symbols and other scripts are what is tested

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.documents.readers import parse_document
from raft_core.errors import UnreadableDocument
from raft_core.records import Document
from tests.documents.office_files import reference, relationships, word_file


def read(body: str, parts: dict[str, str] | None = None) -> Document:
    return parse_document(word_file(body, parts), Path("a.docx"))


def p(inside: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def cell(*inside: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{''.join(inside)}</w:tc>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(cells)}</w:tr>"


def field(kind: str, inside: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{inside}</w:fldChar></w:r>'


def code(text: str) -> str:
    return f"<w:r><w:instrText>{text}</w:instrText></w:r>"


@pytest.mark.parametrize(
    ("run", "text"),
    [
        ("<w:t>2</w:t><w:noBreakHyphen/><w:t>6</w:t>", "2-6"),
        ("<w:t>some</w:t><w:softHyphen/><w:t>thing</w:t>", "something"),
        ("<w:t>some\xadthing</w:t>", "something"),
        ("<w:t>a</w:t><w:tab/><w:t>b</w:t>", "a\tb"),
        ('<w:t>a</w:t><w:ptab w:alignment="right"/><w:t>b</w:t>', "a\tb"),
        ('<w:t>a</w:t><w:br/><w:t>b</w:t><w:br w:type="page"/><w:t>c</w:t><w:cr/><w:t>d</w:t>', "a\nb\nc\nd"),
        ('<w:sym w:font="Symbol" w:char="F06D"/><w:t>g</w:t>', "μg"),
        ('<w:sym w:font="Symbol" w:char="00B3"/><w:t>3</w:t>', "≥3"),
        ('<w:sym w:font="Wingdings" w:char="F0FE"/><w:t> yes</w:t>', "☑ yes"),
        ('<w:rPr><w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/></w:rPr><w:t>\uf061</w:t>', "α"),
        ('<w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>\uf0e0</w:t>', "→"),
        ("<w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase></w:ruby>", "東(とう)"),
        ('<w:t>a</w:t><w:footnoteReference w:id="2"/><w:lastRenderedPageBreak/><w:t>b</w:t>', "ab"),
    ],
)  # fmt: skip
def test_characters_written_as_elements(run: str, text: str) -> None:
    """Hyphens, tabs, breaks, symbols and readings of a run are its text."""
    document = read(f"<w:p><w:r>{run}</w:r></w:p>")
    assert (document.text, document.unread) == (text, ())


def test_a_symbol_of_an_unknown_font_is_counted() -> None:
    """It is replaced, not dropped, and named."""
    document = read(p('<w:r><w:t>x </w:t><w:sym w:font="MT Extra" w:char="F04C"/></w:r>'))
    assert (document.text, document.unread) == ("x \ufffd", ("1 symbol",))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (p(r("a ") + f"<w:ins>{r('new ')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>" + r("z")), "a new z"),
        (p(f"<w:del>{r('old')}</w:del>" + r("z")), "z"),
        (p(f"<w:moveFrom>{r('moved ')}</w:moveFrom>" + r("stays")) + p(f"<w:moveTo>{r('moved')}</w:moveTo>"), "stays\n\nmoved"),
        (p(r("One"), "<w:rPr><w:del/></w:rPr>") + p(r(" line")) + p(r("Two")), "One line\n\nTwo"),
        (p(r("One"), "<w:rPr><w:ins/></w:rPr>") + p(r("Two")), "One\n\nTwo"),
        ("<w:tbl>" + row(cell(p(r("kept")))) + f"<w:tr><w:trPr><w:del/></w:trPr>{cell(p(r('gone')))}</w:tr></w:tbl>", "kept"),
        ("<w:tbl>" + row(cell(p(r("kept"))), cell(p(r("gone")), properties="<w:cellDel/>")) + "</w:tbl>", "kept"),
        (f"<w:ins>{p(r('whole'))}</w:ins><w:del>{p(r('gone'))}</w:del>", "whole"),
        (p("<m:oMath><w:del><m:r><m:t>1</m:t></m:r></w:del><w:ins><m:r><m:t>2</m:t></m:r></w:ins></m:oMath>"), "2"),
    ],
)  # fmt: skip
def test_tracked_changes_are_accepted(body: str, text: str) -> None:
    """Insertions and new places are read; deletions, old places, deleted rows and paragraph marks are not."""
    assert read(body).text == text


def test_tables() -> None:
    """Nested tables and merged cells are read once; content controls around rows and cells change nothing."""
    inner = (
        "<w:tbl>" + row(cell(p(r("I1"))), cell(p(r("I2")))) + row(cell(p(r("I3"))), cell(p(""))) + "</w:tbl>"
    )
    merged = '<w:vMerge w:val="restart"/>'
    body = (
        "<w:tbl>"
        + row(cell(p(r("A"))), cell(p(r("x")), inner, p("")))
        + f"<w:sdt><w:sdtContent>{row(cell(p(r('B')), properties=merged), cell(p(r('b'))))}</w:sdtContent></w:sdt>"
        + f"<w:tr>{cell(p(r('')), properties='<w:vMerge/>')}<w:sdt><w:sdtContent>{cell(p(r('c')))}</w:sdtContent></w:sdt></w:tr>"
        + row(cell(p(r("D")), properties='<w:gridSpan w:val="2"/>'), cell(p(r("E")), p(r("F"))))
        + "</w:tbl>"
    )
    assert read(body).text == "A | x I1, I2; I3\nB | b\n | c\nD |  | E F"


def test_deep_tables_are_read_once() -> None:
    """Twenty-four tables inside each other hold one word, and it is read once."""
    body = p(r("word"))
    for _ in range(24):
        body = f"<w:tbl>{row(cell(body, p('')))}</w:tbl>"
    assert read(body).text == "word"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (field("begin") + code("PAGE") + field("separate") + r("7") + field("end"), "7"),
        (field("begin") + code("IF ") + field("begin") + code("X") + field("separate") + r("inner") + field("end") + code("= 1") + field("separate") + r("shown") + field("end"), "shown"),
        (r("a ") + field("begin") + code("XE entry") + field("end") + r("b"), "a b"),
        (field("begin") + code("HYPERLINK") + r("never ended"), "never ended"),
        (f'<w:fldSimple w:instr="DATE">{r("1 May")}</w:fldSimple>', "1 May"),
        (f'<w:hyperlink r:id="r9">{r("link")}</w:hyperlink>', "link"),
        (f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{r('control')}</w:sdtContent></w:sdt>", "control"),
        (f'<w:bdo w:val="rtl">{r("שלום")}</w:bdo><w:smartTag>{r(" tag")}</w:smartTag>', "שלום tag"),
        (field("begin", '<w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData>') + code("FORMCHECKBOX") + field("end") + r(" agreed"), "☒ agreed"),
        (field("begin", '<w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList></w:ffData>') + code("FORMDROPDOWN") + field("end"), "blue"),
    ],
)  # fmt: skip
def test_fields_links_and_controls(inside: str, text: str) -> None:
    """Of a field its result is shown, of a form field its value; links and content controls are their text."""
    assert read(p(inside)).text == text


PICTURE = '<w:drawing><a:graphic><a:graphicData uri="http://x/picture"><pic:pic/></a:graphicData></a:graphic></w:drawing>'
CHART = '<w:drawing><a:graphic><a:graphicData uri="http://x/chart"><c:chart/></a:graphicData></a:graphic></w:drawing>'
BOX = "<w:txbxContent>{}</w:txbxContent>"


def test_a_text_box_is_read_once() -> None:
    """Of alternate content the newest that says anything; a group's boxes and pictures are all found."""
    new = f"<w:drawing><wps:grp><wps:wsp><wps:txbx>{BOX.format(p(r('box')))}</wps:txbx></wps:wsp><pic:pic/></wps:grp></w:drawing>"
    old = f"<w:pict><v:group><v:shape><v:textbox>{BOX.format(p(r('box')))}</v:textbox></v:shape><v:imagedata/></v:group></w:pict>"
    both = f"<w:r><mc:AlternateContent><mc:Choice>{new}</mc:Choice><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"
    document = read(p(r("before ") + both + r("after")))
    assert (document.text, document.unread) == ("before after\n\nbox", ("1 picture",))
    ink = (
        f"<w:r><mc:AlternateContent><mc:Choice/><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"
    )
    document = read(p(ink))
    assert (document.text, document.unread) == ("box", ("1 picture",))


def test_what_cannot_be_read_is_counted() -> None:
    """Pictures, charts, objects, equations of old kinds, comments and hidden text are named."""
    body = (
        p(r("Text.") + f"<w:r>{PICTURE}</w:r><w:r>{PICTURE}</w:r><w:r>{CHART}</w:r>")
        + p('<w:r><w:object><v:shape><v:imagedata/></v:shape><o:OLEObject ProgID="Excel.Sheet.12"/></w:object></w:r>')
        + p('<w:r><w:object><v:shape><v:imagedata/></v:shape><o:OLEObject ProgID="Equation.3"/></w:object></w:r>')
        + p(field("begin") + code(" EQ \\f(1;2)") + field("end"))
        + p(r("secret", "<w:vanish/>") + r("seen", '<w:vanish w:val="0"/>'))
        + p('<w:r><w:commentReference w:id="1"/></w:r>')
        + '<w:altChunk r:id="r1"/>'
    )  # fmt: skip
    document = read(body)
    assert document.text == "Text.\n\nseen"
    assert set(document.unread) == {"2 pictures", "1 chart", "1 embedded object", "2 equations", "1 hidden passage", "1 comment", "1 embedded document"}  # fmt: skip


def test_a_file_of_pictures_alone_says_so() -> None:
    """The reason names what there is in place of text."""
    with pytest.raises(UnreadableDocument) as caught:
        read(p(f"<w:r>{PICTURE}</w:r>"))
    assert caught.value.reason == "there is no text in it, but 1 picture"


def test_diagrams_are_read() -> None:
    """The text of SmartArt is in a part of its own, and is text."""
    drawing = '<w:drawing><a:graphic><a:graphicData uri="http://x/diagram"><dgm:relIds r:dm="r1"/></a:graphicData></a:graphic></w:drawing>'
    data = "<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt><dgm:t><a:p><a:r><a:t>Do</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"
    document = read(p(f"<w:r>{drawing}</w:r>"), {"diagramData": data})
    assert (document.text, document.unread) == ("Plan\nDo", ())


STYLES = """<w:styles>
<w:style w:type="paragraph" w:default="1" w:styleId="N"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/><w:basedOn w:val="H"/><w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="L"><w:name w:val="Loop"/><w:basedOn w:val="L"/></w:style>
</w:styles>"""
NUMBERING = """<w:numbering>
<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="\uf0b7"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="3"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="4"/></w:lvlOverride></w:num>
</w:numbering>"""


def test_numbers_and_bullets() -> None:
    """Headings and lists have the numbers that Word shows, through styles, levels and new starts."""

    def listed(number: int, level: int, text: str) -> str:
        return p(r(text), f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')

    body = "".join(
        (p(r("Scope"), '<w:pStyle w:val="H"/>'), p(r("Terms"), '<w:pStyle w:val="H2"/>'), p(r("Dates"), '<w:pStyle w:val="H2"/>'),
         p(f"<w:del>{r('gone')}</w:del>", '<w:pStyle w:val="H2"/><w:rPr><w:del/></w:rPr>'), p(r("Costs"), '<w:pStyle w:val="H"/>'),
         p(r("Fees"), '<w:pStyle w:val="H2"/>'), listed(2, 0, "dot"), listed(2, 1, "c"), listed(2, 1, "d"), listed(2, 0, "dot"),
         listed(3, 0, "four"), listed(0, 0, "none"), listed(9, 0, "no such list"), p(r("loop"), '<w:pStyle w:val="L"/>'))
    )  # fmt: skip
    document = read(body, {"styles": STYLES, "numbering": NUMBERING})
    assert document.text.split("\n\n") == ["I. Scope", "1.1 Terms", "1.2 Dates", "II. Costs", "2.1 Fees", "- dot", "c) c", "d) d", "- dot", "IV. four", "none", "no such list", "loop"]  # fmt: skip
    assert document.title == "Scope"


def test_notes_headers_and_footers() -> None:
    """Each comes once and repeated notes stay; the line above footnotes is none."""
    notes = f'<w:footnotes><w:footnote w:type="separator">{p(r("---"))}</w:footnote><w:footnote>{p(r("Ibid."))}</w:footnote><w:footnote>{p(r("Ibid."))}</w:footnote></w:footnotes>'
    head = f"<w:hdr>{p(r('The rules'))}</w:hdr>"
    document = read(p(r("Body")), {"footnotes": notes, "header1": head, "header2": head})
    assert document.text == "Body\n\nIbid.\n\nIbid.\n\nThe rules"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", ["", "application/vnd.ms-word.document.macroEnabled.main+xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml"])  # fmt: skip
def test_strict_macro_and_template_files_are_read(strict: bool, kind: str) -> None:
    """The text is where it is in any other Word file."""
    data = word_file(
        p(r("Hello")) + p("<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>"), strict=strict, content_type=kind
    )
    assert parse_document(data, Path("a.docm")).text == "Hello\n\nx"


def test_the_main_part_may_have_another_name() -> None:
    """The package says which part is the document."""
    import io
    import zipfile

    source = zipfile.ZipFile(io.BytesIO(word_file(p(r("Hello")))))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name).replace(b"word/document.xml", b"word/document2.xml")
            archive.writestr(name.replace("document.xml", "document2.xml"), data)
    assert parse_document(target.getvalue(), Path("a.docx")).text == "Hello"


def test_broken_neighbours_do_not_matter() -> None:
    """A missing or dangling part beside the text is no reason to refuse the text."""
    parts = {"word/_rels/document.xml.rels": relationships(reference("r1", "styles", "gone.xml") + reference("r2", "header", "gone.xml"))}  # fmt: skip
    assert read(p(r("Hello")), parts).text == "Hello"
