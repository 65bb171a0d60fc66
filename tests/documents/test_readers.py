"""Files written on the spot, one of each kind, and what is no document."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from raft_core.documents import ooxml, readers
from raft_core.documents.content import clean
from raft_core.documents.readers import parse_document, read_document
from raft_core.errors import UnreadableDocument
from raft_core.records import Page


def read(data: bytes, name: str) -> str:
    return parse_document(data, Path(name)).text


def why_not(data: bytes, name: str) -> str:
    with pytest.raises(UnreadableDocument) as caught:
        parse_document(data, Path(name))
    return caught.value.reason


def make_pdf(*pages: str) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for text in pages:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 10, text)
    return bytes(pdf.output())


def test_a_document_names_its_bytes(tmp_path: Path) -> None:
    """Id and hash come from the bytes, the title from the name, the source is the path."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello\n")
    sha256 = hashlib.sha256(b"hello\n").hexdigest()
    document = read_document(path)
    assert (document.id, document.sha256) == (sha256[:16], sha256)
    assert (document.title, document.source) == ("notes", str(path))
    assert document.media_type == "text/plain"
    assert document.pages == (Page("hello"),)


def test_pdf_pages_keep_their_numbers() -> None:
    """A page without text is left out and the next one is still page 3."""
    document = parse_document(make_pdf("First page.", "", "Third page."), Path("a.pdf"))
    assert document.pages == (Page("First page.", 1), Page("Third page.", 3))


def test_a_pdf_without_text_says_so() -> None:
    """Scanned pages are named as the likely cause."""
    assert why_not(make_pdf("", ""), "a.pdf") == "there is no text in it (scanned pages?)"


def test_word_text_in_order() -> None:
    """Paragraphs, tables and headers come out once, in order."""
    document = docx.Document()
    document.add_heading("Title")
    document.add_paragraph("Before the table.")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    table.cell(1, 0).merge(table.cell(1, 1)).text = "both"
    document.add_paragraph("After the table.")
    document.sections[0].header.paragraphs[0].text = "The header"
    buffer = io.BytesIO()
    document.save(buffer)
    text = read(buffer.getvalue(), "a.docx")
    assert text == "Title\n\nBefore the table.\n\na | b\nboth\n\nAfter the table.\n\nThe header"


def test_slides_are_pages() -> None:
    """A slide's title, table and notes are on the page with its number."""
    deck = pptx.Presentation()
    for name in ("One", "Two"):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = name
    table = slide.shapes.add_table(1, 2, 0, 0, 100, 100).table
    table.cell(0, 0).text, table.cell(0, 1).text = "x", "y"
    slide.notes_slide.notes_text_frame.text = "Say hello."
    buffer = io.BytesIO()
    deck.save(buffer)
    document = parse_document(buffer.getvalue(), Path("a.pptx"))
    assert document.pages == (Page("One", 1), Page("Two\n\nx | y\n\nSay hello.", 2))


def test_sheets_are_pages() -> None:
    """Each sheet begins with its name; empty rows and sheets are left out, numbers keep."""
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in (["item", "price"], [None, None], ["rope", 1.5]):
        book.active.append(row)
    book.create_sheet("Empty")
    book.create_sheet("More").append(["z"])
    buffer = io.BytesIO()
    book.save(buffer)
    document = parse_document(buffer.getvalue(), Path("a.xlsx"))
    assert document.pages == (Page("Prices\n\nitem | price\nrope | 1.5", 1), Page("More\n\nz", 3))


def test_web_pages_without_what_nobody_sees() -> None:
    """Scripts, styles, comments and hidden parts go; blocks, lists and tables keep their shape."""
    page = b"""<!DOCTYPE html><html><head><title> The
      title</title><style>p{}</style><script>var x = "<p>no</p>"</script></head><body><!-- no -->
      <h1>Head</h1><p>One   <b>bold</b> line,<br>two.<p>Next<ul><li>a<li>b</ul>
      <table><tr><td>1</td><td>2</td></tr><tr><td></td><td><p>4</p></td></tr></table>
      <div style="display: none">no</div><p hidden>no</p><pre>a\n  b</pre>&eacute;&#8212;&amp;</body></html>"""
    document = parse_document(page, Path("a.html"))
    assert document.title == "The title"
    assert document.text == "Head\n\nOne bold line,\ntwo.\n\nNext\n\n- a\n- b\n\n1 | 2\n| 4\n\na\n  b\n\né—&"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings_of_western_text(encoding: str) -> None:
    """The same text comes out of every encoding, with or without a mark."""
    text = "Café déjà vu — naïve coöperation £100 “quoted” Zürich."
    assert read(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Привет мир, это русский текст."),
        ("koi8_r", "Привет мир, это русский текст и ещё немного слов."),
        ("cp1253", "Καλημέρα κόσμε, αυτό είναι ένα κείμενο"),
        ("cp1250", "Zażółć gęślą jaźń, Łódź i Kraków są piękne"),
        ("shift_jis", "日本語のテキストです。これは文章です。"),
        ("gb18030", "检索增强生成需要干净的文档。"),
        ("cp949", "안녕하세요 세계 이것은 글입니다"),
    ],
)
def test_encodings_of_other_scripts(encoding: str, text: str) -> None:
    """Encodings without a mark are told by the text they give."""
    assert read(text.encode(encoding), "a.txt") == text


def test_a_web_page_may_lie_about_its_encoding() -> None:
    """Bytes that are UTF-8 are read so, bytes that are not are not, whatever the page declares."""
    assert read('<html><meta charset="latin-1"><p>Café £1'.encode(), "a.html") == "Café £1"
    assert read('<html><meta charset="utf-8"><p>Café £1'.encode("cp1252"), "a.html") == "Café £1"


def test_tables_in_text() -> None:
    """The separator is found, quotes are honoured, a mark does not stick to the first name."""
    assert read(b'\xef\xbb\xbfname;value\n"x;y";1,5\n', "a.csv") == "name | value\nx;y | 1,5"
    assert read(b"a\tb\n1\t2\n", "a.tsv") == "a | b\n1 | 2"


def test_json_as_lines() -> None:
    """Names and values, nested by indentation; double names, long numbers and NaN stay as written."""
    data = b'{"a": "x\\ny", "a": [1, {"b": null, "c": []}, true], "n": NaN, "long": %s}' % (b"9" * 5000)
    lines = read(data, "a.json").split("\n")
    assert lines[:-1] == ["a: x", "y", "a:", "- 1", "-", "  b: null", "  c:", "- true", "n: NaN"]
    assert lines[-1] == "long: " + "9" * 5000


def test_json_that_is_none_is_text() -> None:
    """Broken JSON and the broken last line of JSON lines are kept as they stand."""
    assert read(b'{"a": ', "a.json") == '{"a":'
    assert read(b'{"a": 1}\n{"a": 2, "b', "a.jsonl") == 'a: 1\n\n{"a": 2, "b'


def test_deep_json_is_refused() -> None:
    """Neither our own limit nor Python's recursion limit is a crash."""
    reason = "its JSON is nested deeper than 100 levels"
    assert why_not(b"[" * 150 + b"1" + b"]" * 150, "a.json") == reason
    assert why_not(b"[" * 100_000 + b"]" * 100_000, "a.json") == reason
    assert read(b"[" * 90 + b'"deep"' + b"]" * 90, "a.json").endswith("deep")


def test_lone_surrogates_are_replaced() -> None:
    """Text is always valid UTF-8; a pair that JSON spells out becomes its character."""
    assert read(json.dumps({"t": "a\ud800b\U0001f600"}).encode(), "a.json") == "t: a\ufffdb\U0001f600"


@given(st.text(st.characters(codec=None, categories=None), max_size=50))
def test_clean_text_is_utf8_and_stays_as_it_is(text: str) -> None:
    """Cleaning gives valid UTF-8 without controls, and cleaning again changes nothing."""
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned
    assert not any(ord(char) < 32 and char not in "\n\t" for char in cleaned)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "a.txt", "it is empty"),
        (b" \n\t", "a.pdf", "it is empty"),
        (b"\xef\xbb\xbf", "a.txt", "there is no text in it"),
        (b"\x89PNG\r\n\x1a\n123", "a.pdf", "it is a PNG image"),
        (b"BM\x00\x00\x00", "a.txt", "it is a BMP image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.doc", "it is an old Office"),
        (b"<!doctype html><html>404", "a.pdf", "it is named .pdf but holds a web page"),
        (b"plain words", "a.docx", "it is named .docx but holds something else"),
        (b"%PDF-1.7\n", "a.pdf", "it is a broken PDF"),
        (b"PK\x03\x04junk", "a.docx", "it is a broken zip archive"),
        (bytes(range(256)) * 10, "a.txt", "it is binary data of no known kind"),
        (b"\x00\x01\x02\x03" * 100, "a", "it is binary data of no known kind"),
    ],
)
def test_what_is_no_document_is_named(data: bytes, name: str, reason: str) -> None:
    """The bytes decide, not the name; the reason says what the file is."""
    assert why_not(data, name).startswith(reason)


def test_content_decides_over_the_name() -> None:
    """A PDF called .txt is read as a PDF; words that look like a picture's mark are words."""
    assert parse_document(make_pdf("Words."), Path("a.txt")).media_type == "application/pdf"
    assert read(b"BMW and RIFF are words", "a.txt") == "BMW and RIFF are words"


def zip_file(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_zip_bombs_are_refused_unopened() -> None:
    """One huge part, or many parts that are huge together, are refused by their declared sizes."""
    part = {"word/document.xml": b"<a>" + b" " * (ooxml.MAX_XML_BYTES + 1)}
    assert why_not(zip_file(**part), "a.docx") == "its part word/document.xml unpacks to more than 32 MiB"
    many = {f"word/media/{n}.png": bytes(32 * 2**20) for n in range(9)} | {"word/document.xml": b"<a/>"}
    assert why_not(zip_file(**many), "a.docx") == "it unpacks to more than 256 MiB"


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    """An Office file that declares entities is refused: none of them is ever resolved."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    part = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "{secret.as_uri()}">]><w>&x;</w>'.encode()
    assert why_not(zip_file(**{"xl/workbook.xml": part}), "a.xlsx").startswith("its XML declares entities")


def test_a_broken_office_file_is_no_crash() -> None:
    """Whatever a library raises becomes a reason."""
    for name in ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"):
        assert why_not(zip_file(**{name: b"<broken"}), "a").startswith("it is broken (")


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a folder, a pipe and a file over the limit are refused without being opened."""
    pipe, large = tmp_path / "pipe", tmp_path / "large.txt"
    os.mkfifo(pipe)
    large.write_bytes(b"12345")
    monkeypatch.setattr(readers, "MAX_FILE_BYTES", 4)
    for path, reason in (
        (tmp_path / "none", "there is no such file or folder"),
        (tmp_path, "it is no regular file"),
        (pipe, "it is no regular file"),
        (large, "it is larger than 0 MiB"),
    ):
        with pytest.raises(UnreadableDocument) as caught:
            read_document(path)
        assert caught.value.reason == reason
