"""The title of a document is its own where it has one, its file's name where it has none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from fpdf import FPDF

from raft_core.documents.content import first_title
from raft_core.documents.readers import document_id, parse_document


def title(data: bytes | str, name: str) -> str:
    data = data.encode() if isinstance(data, str) else data
    document = parse_document(data, Path(name))
    assert document.id == document_id(data)  # of the bytes alone
    return document.title


def saved(file: Any) -> bytes:
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Some words.\n\n# The Mill of Belmo\n\nMore.", "The Mill of Belmo"),
        ("# The *Mill* of [Belmo](https://example.org) ![x](y.png) #\nWords.", "The Mill of Belmo"),
        ("## Opening hours\n\nWords.\n\n# The Mill", "The Mill"),
        ("## Opening hours\n\nWords.", "Opening hours"),
        ("The Mill\n========\n\nWords.", "The Mill"),
        ("---\ntitle: 'Mills: a list'\n---\n# Other\n", "Mills: a list"),
        ("---\r\ntitle: Mills\r\n---\r\n# Other\r\n", "Mills"),
        ("```sh\n# make all\n```\n\n# The Mill\n", "The Mill"),
        ("# Untitled\n\n# The Mill\n", "The Mill"),
        ("Words alone.", "notes"),
        ("#hashtag and no heading", "notes"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    """Its front matter, else its first heading of rank 1, else its first heading."""
    assert title(text, "notes.md") == expected


def test_plain_text_has_its_files_name() -> None:
    """A line that looks like a heading is none in plain text."""
    assert title("# The Mill\n\nWords.", "notes.txt") == "notes"


def test_web_pages() -> None:
    """Their title, else their first heading."""
    assert title("<html><title>Mills</title><body><h1>The Mill</h1>words", "page.html") == "Mills"
    page = "<html><title>Untitled document</title><h1>The <b>old</b>\n Mill</h1><h1>Other</h1>words"
    assert title(page, "page.html") == "The old Mill"
    assert title("<html><body>words", "page.html") == "page"


def test_word_files() -> None:
    """The paragraph styled as title, else the properties, else the first great heading."""
    file = docx.Document()
    file.add_paragraph("Words.")
    file.core_properties.title = "Microsoft Word - mill.doc"
    assert title(saved(file), "mill.docx") == "mill"
    file.add_heading("The Heading", 1)
    assert title(saved(file), "mill.docx") == "The Heading"
    file.core_properties.title = "The Property"
    assert title(saved(file), "mill.docx") == "The Property"
    file.add_heading("The Title", 0)
    assert title(saved(file), "mill.docx") == "The Title"


def test_slides_and_sheets() -> None:
    """A deck's properties, else its first slide's title; a workbook's properties."""
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "The Mill"
    assert title(saved(deck), "mill.pptx") == "The Mill"  # python-pptx calls it "PowerPoint Presentation"
    deck.core_properties.title = "Mills"
    assert title(saved(deck), "mill.pptx") == "Mills"
    book = openpyxl.Workbook()
    book.active.append(["a"])
    assert title(saved(book), "mill.xlsx") == "mill"
    book.properties.title = "Prices"
    assert title(saved(book), "mill.xlsx") == "Prices"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("The Mill", "The Mill"), ("mill_final_2", "mill"), ("Microsoft Word - mill.doc", "mill")],
)
def test_pdf_files(given: str, expected: str) -> None:
    """Their properties, where a person wrote them."""
    pdf = FPDF()
    pdf.set_title(given)
    pdf.set_font("helvetica", size=12)
    pdf.add_page()
    pdf.cell(text="Words.")
    assert title(bytes(pdf.output()), "mill.pdf") == expected


@pytest.mark.parametrize(
    "junk",
    ["", " ", "x", "…", "Untitled 3", "Slide 1", "Presentation1", "PowerPoint Presentation", "Word Document", "a b.PDF",
     "x" * 151, None],
)  # fmt: skip
def test_what_is_no_title(junk: str | None) -> None:
    """Names of programs and files, numbers and whole sentences are passed over."""
    assert first_title([junk, "The Mill"]) == "The Mill"


@pytest.mark.parametrize(
    "good", ["New York", "Word games", "Excel", "Documents of 1873", "Ö 3", "The Page Turner"]
)
def test_what_is_a_title(good: str) -> None:
    """Ordinary words are not taken for a program's."""
    assert first_title([good]) == good
