"""PowerPoint files are read slide by slide, each text once, and what is no text is counted."""

from __future__ import annotations

import io
from pathlib import Path

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from raft_core.documents.readers import parse_document
from raft_core.records import Document, Page
from tests.documents.office_files import deck, reference, relationships


def read(data: bytes) -> Document:
    return parse_document(data, Path("a.pptx"))


def box(*paragraphs: str, place: str = "") -> str:
    texts = "".join(f"<a:p>{each}</a:p>" for each in paragraphs)
    return f"<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{texts}</p:txBody></p:sp>"


def run(text: str, font: str = "") -> str:
    fonts = f'<a:rPr><a:latin typeface="{font}"/></a:rPr>' if font else ""
    return f"<a:r>{fonts}<a:t>{text}</a:t></a:r>"


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (f"<p:grpSp><p:grpSp>{box(run('deep'))}</p:grpSp>{box(run('group'))}</p:grpSp>", "deep\n\ngroup"),
        (box(run("a") + "<a:br/>" + run("b"), run("c")), "a\nb\nc"),
        (box(run("\uf0e0", "Wingdings") + run(" on")), "→ on"),
        (box(run("Slide ") + "<a:fld type='slidenum'><a:t>3</a:t></a:fld>"), "Slide 3"),
        (f"<mc:AlternateContent><mc:Choice>{box(run('new'))}</mc:Choice><mc:Fallback>{box(run('old'))}</mc:Fallback></mc:AlternateContent>", "new"),
        (box("<mc:AlternateContent><mc:Choice><a14:m><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></a14:m></mc:Choice><mc:Fallback><a:r><a:t> </a:t></a:r></mc:Fallback></mc:AlternateContent>"), "x=1"),
        ("<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>b</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>", "a | b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_shapes(shapes: str, text: str, strict: bool) -> None:
    """Groups, breaks, symbols, fields, alternatives, equations and tables, in both variants of the format."""
    document = read(deck(shapes, strict=strict))
    assert (document.pages, document.unread) == ((Page(text, 1),), ())


def test_notes_diagrams_and_comments() -> None:
    """Notes follow their slide without its number; a diagram is text, a comment is counted."""
    number = box(run("7"), place='<p:ph type="sldNum"/>')
    notes = f"<p:notes><p:cSld><p:spTree>{box(run('Say it.'))}{number}</p:spTree></p:cSld></p:notes>"
    frame = '<p:graphicFrame><a:graphic><a:graphicData uri="http://x/diagram"><dgm:relIds r:dm="r3"/></a:graphicData></a:graphic></p:graphicFrame>'
    parts = {
        "ppt/n.xml": notes,
        "ppt/c.xml": "<p:cmLst><p:cm/></p:cmLst>",
        "ppt/d.xml": "<dgm:dataModel><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:dataModel>",
        "ppt/_rels/slide1.xml.rels": relationships(
            reference("r1", "notesSlide", "n.xml")
            + reference("r2", "comments", "c.xml")
            + reference("r3", "diagramData", "d.xml")
        ),
    }
    document = read(deck(box(run("The plan"), place='<p:ph type="title"/>') + frame, parts))
    assert (document.text, document.title, document.unread) == (
        "The plan\n\nPlan\n\nSay it.",
        "The plan",
        ("1 comment",),
    )


def test_pictures_and_charts_are_counted(tmp_path: Path) -> None:
    """As python-pptx writes them."""
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "p.png")
    file = pptx.Presentation()
    slide = file.slides.add_slide(file.slide_layouts[5])
    slide.shapes.title.text = "Sales"
    for _ in range(3):
        slide.shapes.add_picture(str(tmp_path / "p.png"), 0, 0)
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("s", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 100, 100, data)
    buffer = io.BytesIO()
    file.save(buffer)
    document = read(buffer.getvalue())
    assert (document.text, document.unread) == ("Sales", ("3 pictures", "1 chart"))
