"""Office files made of hand-written XML, for what no library writes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_SCHEMAS = "http://schemas.openxmlformats.org"
_STRICT = "http://purl.oclc.org/ooxml"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": f"{_SCHEMAS}/wordprocessingml/2006/main",
        "p": f"{_SCHEMAS}/presentationml/2006/main",
        "x": f"{_SCHEMAS}/spreadsheetml/2006/main",
        "xdr": f"{_SCHEMAS}/drawingml/2006/spreadsheetDrawing",
        "a": f"{_SCHEMAS}/drawingml/2006/main",
        "c": f"{_SCHEMAS}/drawingml/2006/chart",
        "dgm": f"{_SCHEMAS}/drawingml/2006/diagram",
        "pic": f"{_SCHEMAS}/drawingml/2006/picture",
        "m": f"{_SCHEMAS}/officeDocument/2006/math",
        "r": f"{_SCHEMAS}/officeDocument/2006/relationships",
        "mc": f"{_SCHEMAS}/markup-compatibility/2006",
        "a14": "http://schemas.microsoft.com/office/drawing/2010/main",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "v": "urn:schemas-microsoft-com:vml",
        "o": "urn:schemas-microsoft-com:office:office",
    }.items()
)
_MAIN = {
    "docx": ("word/document.xml", "wordprocessingml.document.main"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet.main"),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation.main"),
}


def office_file(
    kind: str,
    main: str,
    parts: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
    content_type: str = "",
    encoding: str = "utf-8",
) -> bytes:
    """Return a file of the kind "docx", "xlsx" or "pptx" with the main part's XML.

    `parts` are others by the kind of their relationship to the main part (its id is r1, r2, …), or by their
    whole name where it has a slash; <w:…> and the like need no declarations.
    """
    name, type_name = _MAIN[kind]
    folder, base = name.split("/")
    content_type = content_type or f"application/vnd.openxmlformats-officedocument.{type_name}+xml"
    files = {name: main}
    references = ""
    for number, (part, xml) in enumerate((parts or {}).items(), 1):
        if "/" in part:
            files[part] = xml
        else:
            files[f"{folder}/{part}{number}.xml"] = xml
            relation = part.rstrip("0123456789")
            references += f'<Relationship Id="r{number}" Type="{_SCHEMAS}/officeDocument/2006/relationships/{relation}" Target="{part}{number}.xml"/>'
    files |= {
        "[Content_Types].xml": f'<Types xmlns="{_SCHEMAS}/package/2006/content-types"><Override PartName="/{name}" ContentType="{content_type}"/></Types>',
        "_rels/.rels": relationships(f'<Relationship Id="r1" Type="{_SCHEMAS}/officeDocument/2006/relationships/officeDocument" Target="{name}"/>'),
        f"{folder}/_rels/{base}.rels": relationships(references),
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, xml in files.items():
            archive.writestr(each, _declared(xml, strict, encoding))
    return buffer.getvalue()


def relationships(references: str) -> str:
    """Return the XML of a part that refers to others."""
    return f'<Relationships xmlns="{_SCHEMAS}/package/2006/relationships">{references}</Relationships>'


def reference(name: str, kind: str, target: str) -> str:
    """Return one reference of such a part."""
    return f'<Relationship Id="{name}" Type="{_SCHEMAS}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'


def _declared(xml: str, strict: bool, encoding: str) -> bytes:
    root, _, rest = xml.partition(">")
    closing = "/" * root.endswith("/")
    text = f"{root.removesuffix('/')} {NAMESPACES}{closing}>{rest}" if " xmlns=" not in root else xml
    if strict:
        for name in ("wordprocessingml", "spreadsheetml", "presentationml", "drawingml", "officeDocument"):
            text = text.replace(f"{_SCHEMAS}/{name}/2006/", f"{_STRICT}/{name}/")
    return f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)


def word_file(body: str, parts: Mapping[str, str] | None = None, *, strict: bool = False, content_type: str = "") -> bytes:  # fmt: skip
    """Return a .docx with a body."""
    return office_file(
        "docx",
        f"<w:document><w:body>{body}</w:body></w:document>",
        parts,
        strict=strict,
        content_type=content_type,
    )


def workbook(rows: str, parts: Mapping[str, str] | None = None, *, strict: bool = False, state: str = "visible", settings: str = "") -> bytes:  # fmt: skip
    """Return an .xlsx with one sheet, "S"; its part is the first, so further parts begin at r2."""
    main = f'<x:workbook>{settings}<x:sheets><x:sheet name="S" sheetId="1" state="{state}" r:id="r1"/></x:sheets></x:workbook>'
    sheet = f"<x:worksheet><x:sheetData>{rows}</x:sheetData></x:worksheet>"
    return office_file("xlsx", main, {"worksheet": sheet, **(parts or {})}, strict=strict)


def deck(shapes: str, parts: Mapping[str, str] | None = None, *, strict: bool = False) -> bytes:
    """Return a .pptx with one slide."""
    main = '<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>'
    slide = f"<p:sld><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    return office_file("pptx", main, {"slide": slide, **(parts or {})}, strict=strict)
