"""Small files that make a parser work, remember or recurse without end; each is made when it is asked for.

`HOSTILE` maps a file's name to the function that returns its bytes. Most are under 100 kB; none was found
in the wild. What each of them abuses is its function's name and, where that is not enough, its docstring.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

HOSTILE: dict[str, Callable[[], bytes]] = {}

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_TYPES = "application/vnd.openxmlformats-officedocument"
_MIB = 1 << 20


def hostile(suffix: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Enter a function into HOSTILE under its own name and a suffix."""

    def enter(make: Callable[[], bytes]) -> Callable[[], bytes]:
        HOSTILE[f"{make.__name__}.{suffix}"] = make
        return make

    return enter


# --- Office files


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a zip archive of parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def package(
    main: str, kind: str, parts: Mapping[str, str | bytes], related: Mapping[str, tuple[str, str]] = {}
) -> bytes:
    """Return an Office file; `main` is its main part, of content type `kind`.

    `related` maps further parts to the last word of their content type and of their relationship.
    """
    overrides = {f"/{main}": f"{_TYPES}.{kind}.main+xml"}
    folder, _, name = main.partition("/")
    relations = []
    for number, (part, (content, relation)) in enumerate(related.items(), 1):
        overrides[f"/{folder}/{part}"] = f"{_TYPES}.{content}+xml"
        relations.append(f'<Relationship Id="rId{number}" Type="{_REL}/{relation}" Target="{part}"/>')
    types = "".join(f'<Override PartName="{part}" ContentType="{of}"/>' for part, of in overrides.items())
    defaults = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    )
    defaults += '<Default Extension="xml" ContentType="application/xml"/>'
    begin = f'<Relationships xmlns="{_PACKAGE}/relationships">'
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">{defaults}{types}</Types>',
            "_rels/.rels": f'{begin}<Relationship Id="rId1" Type="{_REL}/officeDocument" Target="{main}"/></Relationships>',
            f"{folder}/_rels/{name}.rels": f"{begin}{''.join(relations)}</Relationships>",
            **parts,
        }
    )


def docx(
    body: str, parts: Mapping[str, str | bytes] = {}, related: Mapping[str, tuple[str, str]] = {}
) -> bytes:
    """Return a Word file with this body."""
    document = f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    return package(
        "word/document.xml", "wordprocessingml.document", {"word/document.xml": document, **parts}, related
    )


def xlsx(sheet: str, shared: str = "", sheets: int = 1, styles: str = "") -> bytes:
    """Return a workbook whose sheets all hold this XML."""
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, sheets + 1))
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{listed}</sheets></workbook>'
    parts: dict[str, str | bytes] = {"xl/workbook.xml": book}
    related = {}
    for number in range(1, sheets + 1):
        parts[f"xl/worksheets/s{number}.xml"] = f'<worksheet xmlns="{_MAIN}">{sheet}</worksheet>'
        related[f"worksheets/s{number}.xml"] = ("spreadsheetml.worksheet", "worksheet")
    if shared:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{shared}</sst>'
        related["sharedStrings.xml"] = ("spreadsheetml.sharedStrings", "sharedStrings")
    if styles:
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{_MAIN}">{styles}</styleSheet>'
        related["styles.xml"] = ("spreadsheetml.styles", "styles")
    return package("xl/workbook.xml", "spreadsheetml.sheet", parts, related)


def pptx(slide: str, slides: int = 1) -> bytes:
    """Return a presentation whose slides all hold this shape tree."""
    spaces = f'xmlns:p="{_P}" xmlns:a="{_A}" xmlns:r="{_REL}"'
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, slides + 1))
    main = (
        f'<p:presentation {spaces}><p:sldIdLst>{listed}</p:sldIdLst><p:sldSz cx="1" cy="1"/></p:presentation>'
    )
    whole = f"<p:sld {spaces}><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>"
    parts: dict[str, str | bytes] = {"ppt/presentation.xml": main}
    related = {}
    for number in range(1, slides + 1):
        parts[f"ppt/slides/slide{number}.xml"] = whole
        related[f"slides/slide{number}.xml"] = ("presentationml.slide", "slide")
    return package("ppt/presentation.xml", "presentationml.presentation", parts, related)


def _p(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _nested(depth: int, before: str, after: str, inside: str) -> str:
    return before * depth + inside + after * depth


@hostile("docx")
def nested_tables() -> bytes:
    """A reader that reads a cell's text and its tables reads the innermost cell 2^24 times."""
    return docx(_nested(24, "<w:tbl><w:tr><w:tc>" + _p("x"), _p("y") + "</w:tc></w:tr></w:tbl>", _p("z")))


@hostile("docx")
def deep_tables() -> bytes:
    return docx(_nested(3000, "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", _p("deep")))


@hostile("docx")
def deep_content_controls() -> bytes:
    return docx(_nested(20_000, "<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>", _p("deep")))


@hostile("docx")
def deep_alternate_content() -> bytes:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    before = f'<mc:AlternateContent {mc}><mc:Choice Requires="w">'
    after = "</mc:Choice><mc:Fallback>" + _p("f") + "</mc:Fallback></mc:AlternateContent>"
    return docx(_nested(120, before, after, _p("deep")) * 40)


@hostile("docx")
def deep_equation() -> bytes:
    m = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    inside = _nested(5000, "<m:f><m:num>", "</m:num></m:f>", "<m:r><m:t>x</m:t></m:r>")
    return docx(f"<w:p><m:oMath {m}>{inside}</m:oMath></w:p>")


@hostile("docx")
def million_runs() -> bytes:
    return docx("<w:p>" + "<w:r><w:t>a</w:t></w:r>" * 1_000_000 + "</w:p>")


@hostile("docx")
def millions_of_empty_paragraphs() -> bytes:
    return docx("<w:p/>" * 5_000_000)


@hostile("docx")
def huge_attribute() -> bytes:
    return docx(f'<w:p w:x="{"a" * 30 * _MIB}"/>{_p("x")}')


@hostile("docx")
def million_attributes() -> bytes:
    return docx("<w:p " + " ".join(f'w:a{n}=""' for n in range(1_000_000)) + "/>" + _p("x"))


@hostile("docx")
def wide_grid_spans() -> bytes:
    """A table whose cells each span a billion columns."""
    cell = f'<w:tc><w:tcPr><w:gridSpan w:val="1000000000"/></w:tcPr>{_p("x")}</w:tc>'
    return docx(f"<w:tbl><w:tr>{cell * 3}</w:tr></w:tbl>")


@hostile("docx")
def tall_table() -> bytes:
    """Vertically merged cells, each looked up in all rows above it."""
    row = "<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc></w:tr>"
    return docx(f"<w:tbl>{row * 100_000}</w:tbl>{_p('x')}")


@hostile("docx")
def late_entities() -> bytes:
    """Entities declared behind a long comment, where the first block of the part does not show them."""
    entities = '<!ENTITY e0 "lol">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    head = f"<!--{'x' * 100_000}--><!DOCTYPE w [{entities}]>"
    body = f'<w:document xmlns:w="{_W}"><w:body>{_p("&e9;")}</w:body></w:document>'
    return docx("", {"word/document.xml": head + body})


@hostile("docx")
def quadratic_entities() -> bytes:
    """One long entity, used often: nothing is nested."""
    head = f'<!DOCTYPE w [<!ENTITY e "{"a" * 100_000}">]>'
    body = f'<w:document xmlns:w="{_W}"><w:body>{_p("&e;" * 20_000)}</w:body></w:document>'
    return docx("", {"word/document.xml": " " * 5000 + head + body})


@hostile("docx")
def entities_in_utf_16() -> bytes:
    """Bytes in which no ASCII `<!DOCTYPE` stands."""
    text = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE w [<!ENTITY e "{"a" * 100_000}">]>'
    text += f'<w:document xmlns:w="{_W}"><w:body>{_p("&e;" * 10_000)}</w:body></w:document>'
    return docx("", {"word/document.xml": text.encode("utf-16")})


@hostile("docx")
def lying_size() -> bytes:
    """The archive says that a part of 300 MB has ten bytes."""
    data = bytearray(docx("", {"word/document.xml": " " * (300 * _MIB)}))
    size = struct.pack("<I", 300 * _MIB)
    return bytes(data.replace(size, struct.pack("<I", 10)))


@hostile("docx")
def overlapping_members() -> bytes:
    """Ten thousand members of 20 MB that share the same bytes."""
    data = docx(_p("x"), {"word/big.xml": "<a>" + " " * (20 * _MIB) + "</a>"})
    end = data.rindex(b"PK\x05\x06")
    (start,) = struct.unpack_from("<I", data, end + 16)
    directory = data[start:end]
    last = directory[directory.rindex(b"PK\x01\x02") :]
    copies = b"".join(last.replace(b"word/big.xml", b"word/%07d" % n) for n in range(9000))
    whole = directory + copies
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(whole), start, 0)
    return data[:start] + whole + tail


@hostile("docx")
def many_members() -> bytes:
    return docx(_p("x"), {f"word/media/{n}.bin": b"" for n in range(30_000)})


@hostile("docx")
def many_large_headers() -> bytes:
    header = f'<w:hdr xmlns:w="{_W}">' + "".join(_p(f"line {n}") for n in range(20_000)) + "</w:hdr>"
    names = [f"header{n}.xml" for n in range(1, 100)]
    return docx(
        _p("x"),
        {f"word/{name}": header for name in names},
        dict.fromkeys(names, ("wordprocessingml.header", "header")),
    )


@hostile("docx")
def relationships_in_a_circle() -> bytes:
    begin = f'<Relationships xmlns="{_PACKAGE}/relationships">'
    parts: dict[str, str | bytes] = {}
    related = {}
    for here, there in (("header1.xml", "header2.xml"), ("header2.xml", "header1.xml")):
        parts[f"word/{here}"] = f'<w:hdr xmlns:w="{_W}">{_p("head")}</w:hdr>'
        parts[f"word/_rels/{here}.rels"] = (
            f'{begin}<Relationship Id="rId1" Type="{_REL}/header" Target="{there}"/></Relationships>'
        )
        related[here] = ("wordprocessingml.header", "header")
    return docx(_p("x"), parts, related)


@hostile("docx")
def hundred_thousand_styles() -> bytes:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="s{n}"><w:basedOn w:val="s{n + 1}"/></w:style>'
        for n in range(100_000)
    )
    part = {"word/styles.xml": f'<w:styles xmlns:w="{_W}">{styles}</w:styles>'}
    body = '<w:p><w:pPr><w:pStyle w:val="s99999"/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>' * 3000
    return docx(body, part, {"styles.xml": ("wordprocessingml.styles", "styles")})


@hostile("docx")
def long_words_in_cells() -> bytes:
    """One row of many cells, each with a long paragraph."""
    cell = f"<w:tc>{_p('a' * 10_000)}</w:tc>"
    return docx(f"<w:tbl><w:tr>{cell * 2000}</w:tr></w:tbl>")


_ROW = '<row r="{0}">{1}</row>'


@hostile("xlsx")
def shared_strings_amplify() -> bytes:
    """One string of a megabyte that thousands of cells refer to."""
    row = "<row>" + '<c t="s"><v>0</v></c>' * 100 + "</row>"
    return xlsx(f"<sheetData>{row * 300}</sheetData>", f"<si><t>{'a' * _MIB}</t></si>")


@hostile("xlsx")
def million_runs_in_a_string() -> bytes:
    shared = f"<si>{'<r><t>a</t></r>' * 1_500_000}</si>"
    return xlsx('<sheetData><row><c t="s"><v>0</v></c></row></sheetData>', shared)


@hostile("xlsx")
def dimension_of_everything() -> bytes:
    cell = '<c r="A1" t="inlineStr"><is><t>x</t></is></c>'
    return xlsx(f'<dimension ref="A1:XFD1048576"/><sheetData><row r="1">{cell}</row></sheetData>')


@hostile("xlsx")
def far_cell() -> bytes:
    cell = '<c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c>'
    return xlsx(f'<sheetData><row r="1048576">{cell}</row></sheetData>', sheets=50)


@hostile("xlsx")
def cells_far_apart() -> bytes:
    """Every row has a cell in the last column: the empty ones between are never there."""
    rows = "".join(_ROW.format(n, f'<c r="XFD{n}"><v>1</v></c>') for n in range(1, 20_000))
    return xlsx(f"<sheetData>{rows}</sheetData>")


@hostile("xlsx")
def millions_of_empty_cells() -> bytes:
    return xlsx(f"<sheetData>{('<row>' + '<c/>' * 1000 + '</row>') * 5000}</sheetData>")


@hostile("xlsx")
def thousands_of_sheets() -> bytes:
    return xlsx("<sheetData><row><c><v>1</v></c></row></sheetData>", sheets=4000)


@hostile("xlsx")
def merged_everywhere() -> bytes:
    merged = "".join(f'<mergeCell ref="A{n}:XFD{n}"/>' for n in range(1, 50_000))
    cell = '<row r="1"><c r="A1"><v>1</v></c></row>'
    return xlsx(f"<sheetData>{cell}</sheetData><mergeCells>{merged}</mergeCells>")


@hostile("xlsx")
def endless_number_formats() -> bytes:
    formats = "".join(f'<numFmt numFmtId="{n}" formatCode="{"[$-409]" * 200}"/>' for n in range(164, 3000))
    cells = "".join(f'<xf numFmtId="{n}"/>' for n in range(164, 3000))
    row = "".join(f'<c s="{n}"><v>1e300</v></c>' for n in range(2800))
    styles = f"<numFmts>{formats}</numFmts><cellXfs>{cells}</cellXfs>"
    return xlsx(f"<sheetData>{('<row>' + row + '</row>') * 40}</sheetData>", styles=styles)


@hostile("xlsx")
def impossible_references() -> bytes:
    cells = '<c r="AAAAAAAAAA1"><v>1</v></c><c r="A99999999999999999999"><v>2</v></c><c r="-"><v>3</v></c>'
    return xlsx(f'<sheetData><row r="99999999999999999999">{cells}</row></sheetData>')


@hostile("xlsx")
def inline_string_of_30_mb() -> bytes:
    text = "word " * (6 * _MIB)
    return xlsx(f'<sheetData><row><c t="inlineStr"><is><t>{text}</t></is></c></row></sheetData>')


_SHAPE = "<p:sp><p:txBody><a:bodyPr/><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>"


@hostile("pptx")
def thousands_of_slides() -> bytes:
    return pptx(_SHAPE.format("x"), slides=4000)


@hostile("pptx")
def deep_groups() -> bytes:
    return pptx(_nested(20_000, "<p:grpSp>", "</p:grpSp>", _SHAPE.format("deep")))


@hostile("pptx")
def wide_table() -> bytes:
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>x</a:t></a:r></a:p></a:txBody></a:tc>"
    table = f"<a:tbl><a:tr>{cell * 300_000}</a:tr></a:tbl>"
    return pptx(
        f"<p:graphicFrame><a:graphic><a:graphicData>{table}</a:graphicData></a:graphic></p:graphicFrame>"
    )


@hostile("pptx")
def many_shapes() -> bytes:
    return pptx(_SHAPE.format("words of a shape") * 250_000)


@hostile("docx")
def half_an_archive() -> bytes:
    return docx(_p("x") * 100)[:-40]


@hostile("docx")
def archive_within_itself() -> bytes:
    inner = packed({"word/document.xml": b"\0" * (20 * _MIB)})
    return docx("", {"word/document.xml": inner, "word/embeddings/a.docx": inner})


# --- PDF


def pdf(objects: Mapping[int, bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """Return a PDF of objects by their numbers; streams are whole `<<…>>stream…endstream`."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 1\n0000000000 65535 f \n")
    for number, place in places.items():
        out.write(b"%d 1\n%010d 00000 n \n" % (number, place))
    size = max(objects) + 1
    out.write(b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (size, root, trailer, start))
    return out.getvalue()


def stream(data: bytes, entries: bytes = b"", packs: int = 1) -> bytes:
    """Return a stream object, compressed `packs` times."""
    for _ in range(packs):
        data = zlib.compress(data, 9)
    filters = b"/Filter[" + b"/FlateDecode" * packs + b"]" if packs else b""
    return b"<<%s%s/Length %d>>stream\n%s\nendstream" % (entries, filters, len(data), data)


_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_BOX = b"/MediaBox[0 0 600 800]"


def page(content: bytes, more: Mapping[int, bytes] = {}, resources: bytes = b"") -> bytes:
    """Return a PDF of one page; its content is object 4 and its font /F is object 5."""
    return pdf(
        {
            1: _CATALOG,
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R%s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>%s>>>>"
            % (_BOX, resources),
            4: content,
            5: _FONT,
            **more,
        }
    )


_TEXT = b"BT /F 12 Tf 10 700 Td (The gate of Tarn) Tj ET "


@hostile("pdf")
def doubling_forms() -> bytes:
    """Each form draws the next one twice."""
    last = 34
    forms = {}
    for number in range(10, last + 1):
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 5 0 R>>/XObject<</X %d 0 R>>>>"
        forms[number] = stream(b"/X Do /X Do" if number < last else _TEXT, entries % (number + 1))
    return page(stream(b"/X Do"), forms, b"/XObject<</X 10 0 R>>")


@hostile("pdf")
def form_within_itself() -> bytes:
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</X 10 0 R>>>>"
    return page(
        stream(_TEXT + b"/X Do /X Do"), {10: stream(b"/X Do /X Do", entries)}, b"/XObject<</X 10 0 R>>"
    )


@hostile("pdf")
def millions_of_operators() -> bytes:
    return page(stream(b"q Q " * 20_000_000))


@hostile("pdf")
def millions_of_texts() -> bytes:
    return page(stream(b"BT /F 12 Tf " + b"(a) Tj " * 5_000_000 + b"ET"))


@hostile("pdf")
def millions_of_states() -> bytes:
    return page(stream(b"q " * 20_000_000 + _TEXT))


@hostile("pdf")
def long_path() -> bytes:
    return page(stream(b"0 0 m " + b"1 1 l " * 8_000_000 + b"S " + _TEXT))


@hostile("pdf")
def compressed_twice() -> bytes:
    """Two kilobytes that unpack to 2 MB that unpack to 1 GB."""
    blank = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = blank.compress(b" " * 10 * _MIB) + blank.flush(zlib.Z_FULL_FLUSH)  # can be repeated
    data = b"\x78\xda" + block * 100 + zlib.compressobj(9, zlib.DEFLATED, -15).flush() + bytes(4)
    packed_twice = zlib.compress(data, 9)
    return page(
        b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream"
        % (len(packed_twice), packed_twice)
    )


@hostile("pdf")
def hundred_filters() -> bytes:
    return page(b"<</Filter[" + b"/ASCIIHexDecode" * 100 + b"]/Length 4>>stream\n4142\nendstream")


@hostile("pdf")
def predictor_without_end() -> bytes:
    entries = b"/DecodeParms<</Predictor 15/Columns 2147483647/Colors 32/BitsPerComponent 16>>"
    return page(stream(_TEXT * 100, entries))


@hostile("pdf")
def pages_in_a_circle() -> bytes:
    return pdf(
        {
            1: _CATALOG,
            2: b"<</Type/Pages/Kids[3 0 R]/Count 9>>",
            3: b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>",
        }
    )


@hostile("pdf")
def deep_page_tree() -> bytes:
    depth = 50_000
    tree = {n: b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (n + 1) for n in range(2, depth)}
    return pdf({1: _CATALOG, **tree, depth: b"<</Type/Page/Parent %d 0 R%s>>" % (depth - 1, _BOX)})


@hostile("pdf")
def page_count_lies() -> bytes:
    kids = {
        1: _CATALOG,
        2: b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>",
        3: b"<</Type/Page/Parent 2 0 R%s>>" % _BOX,
    }
    return pdf(kids)


@hostile("pdf")
def same_page_many_times() -> bytes:
    kids = b" ".join([b"3 0 R"] * 4900)
    one = b"<</Type/Page/Parent 2 0 R%s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>" % _BOX
    content = stream(_TEXT * 5000)
    return pdf({1: _CATALOG, 2: b"<</Type/Pages/Kids[%s]/Count 4900>>" % kids, 3: one, 4: content, 5: _FONT})


@hostile("pdf")
def earlier_xref_is_this_one() -> bytes:
    data = page(stream(_TEXT))
    start = data.rindex(b"xref\n0 1\n")
    return data.replace(b"/Root", b"/Prev %d/Root" % start)


@hostile("pdf")
def object_stream_within_itself() -> bytes:
    inner = b"10 0 2 20 <</Type/ObjStm>> <</Type/Pages/Kids[10 0 R]/Count 1>>"
    return pdf({1: _CATALOG, 10: stream(inner, b"/Type/ObjStm/N 2/First 9/Extends 10 0 R")})


@hostile("pdf")
def deep_arrays() -> bytes:
    return page(stream(_TEXT), {6: b"[" * 500_000 + b"]" * 500_000}, b"/ExtGState 6 0 R")


@hostile("pdf")
def deep_arrays_in_a_page() -> bytes:
    return page(stream(b"[" * 3_000_000 + b"]" * 3_000_000 + b" TJ " + _TEXT))


@hostile("pdf")
def character_map_without_end() -> bytes:
    """A map of characters to texts: 65,536 codes, each a text of two thousand characters."""
    ranges = b"<%04X> <%04X> <" + b"0041" * 2000 + b">\n"
    body = b"begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    for start in range(0, 0x10000, 0x100):
        body += b"1 beginbfrange\n" + ranges % (start, start + 0xFF) + b"endbfrange\n"
    descendant = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>>>"
    font = (
        b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[8 0 R]/ToUnicode 7 0 R>>"
    )
    text = b"BT /F 12 Tf 10 700 Td <" + b"00410142" * 200_000 + b"> Tj ET"
    return page(stream(text), {5: font, 7: stream(body + b"endcmap"), 8: descendant})


@hostile("pdf")
def glyph_that_draws_itself() -> bytes:
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 6 0 R>>"
        b"/Encoding<</Type/Encoding/Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[9]"
        b"/Resources<</Font<</F 5 0 R>>>>>>"
    )
    glyph = stream(b"9 0 d0 BT /F 9 Tf (aaaaaaaa) Tj ET")
    return page(stream(b"BT /F 9 Tf (aaaa) Tj ET"), {5: font, 6: glyph})


@hostile("pdf")
def title_of_20_mb() -> bytes:
    data = page(stream(_TEXT), {9: b"<</Title(" + b"a" * (20 * _MIB) + b")>>"})
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Info 9 0 R")


@hostile("pdf")
def form_fields_in_a_circle() -> bytes:
    catalog = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[9 0 R]>>>>"
    field = b"<</T(a)/FT/Tx/V(value)/Kids[9 0 R 9 0 R 10 0 R]>>"
    return page(stream(_TEXT), {1: catalog, 9: field, 10: b"<</T(b)/Parent 9 0 R/Kids[9 0 R]>>"})


@hostile("pdf")
def hundred_thousand_form_fields() -> bytes:
    numbers = range(10, 100_010)
    kids = b" ".join(b"%d 0 R" % n for n in numbers)
    catalog = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%s]>>>>" % kids
    fields = {
        n: b"<</Type/Annot/Subtype/Widget/Rect[0 0 9 9]/FT/Tx/T(f%d)/V(value %d)/P 3 0 R>>" % (n, n)
        for n in numbers
    }
    one = b"<</Type/Page/Parent 2 0 R%s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>/Annots[%s]>>" % (
        _BOX,
        kids,
    )
    return page(stream(_TEXT), {1: catalog, 3: one, **fields})


@hostile("pdf")
def image_without_end() -> bytes:
    entries = b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8"
    image = stream(b"\0" * (50 * _MIB), entries)
    return page(stream(_TEXT + b"/X Do"), {10: image}, b"/XObject<</X 10 0 R>>")


@hostile("pdf")
def random_after_the_header() -> bytes:
    return b"%PDF-1.7\n" + random.Random(1).randbytes(3 * _MIB)


@hostile("pdf")
def objects_that_are_each_other() -> bytes:
    kids = {1: _CATALOG, 2: b"6 0 R", 6: b"7 0 R", 7: b"2 0 R"}
    return pdf(kids)


# --- Web pages


@hostile("html")
def misnested_inline() -> bytes:
    """Unclosed inline elements that every block opens anew."""
    return b"<a><b><i><font>" * 3000 + b"<p><table><tr><td>x" * 3000


@hostile("html")
def open_elements() -> bytes:
    return b"<div>" * 2_000_000 + b"deep"


@hostile("html")
def open_tables() -> bytes:
    return b"<table><tr><td>" * 300_000 + b"deep"


@hostile("html")
def open_lists() -> bytes:
    return b"<ul><li>" * 500_000 + b"deep"


@hostile("html")
def less_than_signs() -> bytes:
    return b"<" * 10_000_000


@hostile("html")
def open_comments() -> bytes:
    return b"<!--" * 3_000_000


@hostile("html")
def end_tags_only() -> bytes:
    return b"<p>" + b"</b></i></p></table>" * 500_000 + b"x"


@hostile("html")
def attributes_of_one_element() -> bytes:
    return b"<p " + b" ".join(b'a%d="x"' % n for n in range(500_000)) + b">x"


@hostile("html")
def entities_only() -> bytes:
    return b"<p>" + b"&notin;&#x1f600;&amp" * 500_000


@hostile("html")
def declared_entities() -> bytes:
    entities = b'<!ENTITY e0 "lol">' + b"".join(
        b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    return b"<!DOCTYPE html [" + entities + b"]><html><p>&e9;</html>"


@hostile("html")
def forms_and_options() -> bytes:
    return b"<form><select><option><optgroup><button>" * 200_000 + b"x"


@hostile("html")
def script_that_never_ends() -> bytes:
    return b"<script>" + b"</scrip" * 2_000_000


@hostile("html")
def svg_in_svg() -> bytes:
    return b"<svg><g>" * 300_000 + b"<text>x</text>"


# --- Text, Markdown, CSV, JSON


@hostile("txt")
def one_line_of_20_mb() -> bytes:
    return b"word and " * (20 * _MIB // 9)


@hostile("txt")
def zeros() -> bytes:
    return b"\0" * (60 * _MIB)


@hostile("txt")
def noise() -> bytes:
    return random.Random(2).randbytes(20 * _MIB)


@hostile("txt")
def noise_above_ascii() -> bytes:
    """Bytes that any encoding of one byte a character could be."""
    return bytes(random.Random(3).choices(range(0x80, 0x100), k=2 * _MIB))


@hostile("txt")
def newlines() -> bytes:
    return b"a" + b"\n" * (30 * _MIB) + b"b"


@hostile("txt")
def carriage_returns() -> bytes:
    return b"a" + b"\r" * (30 * _MIB) + b"b"


@hostile("txt")
def spaces() -> bytes:
    return b"a" + b" " * (30 * _MIB) + b"b"


@hostile("txt")
def combining_marks() -> bytes:
    return ("a" + "\u0301" * 4_000_000).encode()


@hostile("txt")
def one_long_word() -> bytes:
    return b"a" * (9 * _MIB)


@hostile("txt")
def mixed_encodings() -> bytes:
    """UTF-8 with one byte in a hundred that is not."""
    words = random.Random(4).choices(["шлюз ", "ворота ", "gate ", "門 "], k=200_000)
    data = bytearray("".join(words).encode())
    for place in range(50, len(data), 100):
        data[place] = 0xFF
    return bytes(data)


@hostile("txt")
def half_surrogates() -> bytes:
    return b"\xff\xfe" + b"\x00\xd8" * 4_000_000


@hostile("txt")
def utf_7_and_escapes() -> bytes:
    return b"+AGEAYgBj-\x1b$B%F%9%H\x1b(B" * 300_000


@hostile("md")
def front_matter_without_end() -> bytes:
    return b"---\n" + b"title: x\n" * 1_000_000


@hostile("md")
def brackets() -> bytes:
    return b"# " + b"[" * 5_000_000 + b"](" * 100_000


@hostile("md")
def headings_only() -> bytes:
    return b"#" * 5_000_000 + b"\n" + b"a\n=\n" * 1_000_000


@hostile("md")
def open_fences() -> bytes:
    return b"```\n~~~\n" * 1_000_000


@hostile("md")
def deep_quotes() -> bytes:
    return b"> " * 3_000_000 + b"x"


@hostile("md")
def data_uri() -> bytes:
    return b"![x](data:image/png;base64," + b"QUJD" * (4 * _MIB) + b")"


@hostile("csv")
def million_columns() -> bytes:
    return b"a," * 5_000_000


@hostile("csv")
def open_quote() -> bytes:
    return b'a,"' + b"b,c\n" * (4 * _MIB)


@hostile("csv")
def quotes_only() -> bytes:
    return b'"' * (20 * _MIB)


@hostile("csv")
def every_separator() -> bytes:
    return b"a,b;c|d\te\n" * 800_000


@hostile("json")
def deep_lists() -> bytes:
    return b"[" * 5_000_000


@hostile("json")
def deep_objects() -> bytes:
    return b'{"a":' * 2_000_000


@hostile("json")
def number_of_20_mb() -> bytes:
    return b"[" + b"1" * (20 * _MIB) + b"]"


@hostile("json")
def million_empty_lists() -> bytes:
    return b"[" + b"[],{}," * 3_000_000 + b"1]"


@hostile("json")
def same_key() -> bytes:
    return b"{" + b'"a":{"a":[1]},' * 1_000_000 + b'"b":2}'


@hostile("json")
def escapes() -> bytes:
    return b'["' + rb"\u0000\ud83d" * 2_000_000 + b'"]'


@hostile("json")
def exponents() -> bytes:
    return b"[" + b"1e999999999," * 1_000_000 + b"1]"


@hostile("jsonl")
def million_lines() -> bytes:
    return b'{"a":1}\n' * 2_000_000


@hostile("jsonl")
def deep_lines() -> bytes:
    return (b"[" * 900 + b"]" * 900 + b"\n") * 5000


@hostile("jsonl")
def line_of_pairs() -> bytes:
    return json.dumps({f"k{n}": [n] * 5 for n in range(300_000)}).encode()
