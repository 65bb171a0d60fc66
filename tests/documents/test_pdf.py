"""PDF files: the text, what is filled into forms, and counts of what is no text."""

from __future__ import annotations

import io
from pathlib import Path

from fpdf import FPDF
from PIL import Image

from raft_core.documents.readers import parse_document
from raft_core.records import Document


def read(data: bytes) -> Document:
    return parse_document(data, Path("a.pdf"))


def raw_pdf(*objects: str) -> bytes:
    """Return a PDF of numbered objects, the first of which is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(data)
    return (
        data
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()
    )


def stream(content: str) -> str:
    return f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"


def form(*fields: str) -> bytes:
    """Return a PDF of one page with a line of text and fields or other annotations."""
    numbers = [f"{number} 0 R" for number in range(6, 6 + len(fields))]
    return raw_pdf(
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{' '.join(numbers)}] /DA (/F1 12 Tf) /DR << /Font << /F1 5 0 R >> >> >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /Annots [{' '.join(numbers)}] >>",
        stream("BT /F1 12 Tf 20 250 Td (Entry form) Tj ET"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *(f"<< /Type /Annot /P 3 0 R /Rect [20 20 120 40] {field} >>" for field in fields),
    )


def test_forms_and_remarks() -> None:
    """Filled fields are read by their names, ticked boxes marked; notes and stamps are counted."""
    document = read(
        form(
            "/Subtype /Widget /FT /Tx /T (name) /TU (Full name) /V (Odo Fen)",
            "/Subtype /Widget /FT /Tx /T (empty)",
            "/Subtype /Widget /FT /Ch /Ff 131072 /T (town) /Opt [(Rill) (Fen)] /V (Rill)",
            "/Subtype /Widget /FT /Btn /T (member) /V /Yes /AS /Yes /AP << /N << /Yes 4 0 R /Off 4 0 R >> >>",
            "/Subtype /Widget /FT /Btn /T (paid) /V /Off /AS /Off /AP << /N << /Yes 4 0 R /Off 4 0 R >> >>",
            "/Subtype /FreeText /Contents (Typed on the page) /DA (/F1 12 Tf)",
            "/Subtype /Text /Contents (A remark)",
            "/Subtype /Highlight",
            "/Subtype /Stamp",
            "/Subtype /Widget /FT /Tx /T (gone) /V (hidden) /F 2",
        )
    )
    assert document.text == "Entry form\nFull name: Odo Fen\ntown: Rill\n☒ member\nTyped on the page"
    assert document.unread == ("1 comment", "1 stamp")


def test_pictures_and_scanned_pages(tmp_path: Path) -> None:
    """A page of pictures alone is a scanned one; behind text, neither small ones nor the ground count."""
    Image.new("RGB", (40, 40), "red").save(tmp_path / "p.png")
    pdf = FPDF(unit="pt", format=(400, 400))
    pdf.set_font("helvetica", size=12)
    sizes = [[(100, 100), (120, 50), (10, 10)], [(400, 400)], [(390, 390)], [(390, 390)]]
    for number, page in enumerate(sizes):
        pdf.add_page()
        for width, height in page:
            pdf.image(str(tmp_path / "p.png"), 0, 0, width, height)
        if number < 2:
            pdf.text(50, 300, "Words.")
    pdf.add_page()
    document = read(bytes(pdf.output()))
    assert [page.number for page in document.pages] == [1, 2]
    assert document.unread == ("2 pictures", "2 scanned pages")


def test_attached_files_are_counted() -> None:
    """What is attached to a PDF is not read, and named."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    pdf.add_page()
    pdf.cell(text="Words.")
    pdf.embed_file(bytes=io.BytesIO(b"a,b").getvalue(), basename="a.csv")
    assert read(bytes(pdf.output())).unread == ("1 attached file",)
