"""The real and the hostile files: the good ones give their text, the nasty ones a text or a reason, soon."""

# ruff: noqa: RUF001  # real texts are in real scripts

from __future__ import annotations

import time
from pathlib import Path

import pytest

from raft_core.documents.readers import read_document
from raft_core.documents.splitting import Splitter
from raft_core.errors import UnreadableDocument

PATIENCE_S = 15.0
"""The slowest takes under two seconds on an idle core; test machines are not idle."""

# file: (pages with text, a page's number, a phrase on it)
GOOD = {
    "apizoo.json": (1, None, "functionality: Gets the current user's Gmail profile."),
    "docx_header_footer.docx": (1, None, "Header for section-1"),
    "haystack_2.pdf": (4, 2, "A wiki (/ˈwɪki/ (About this soundlisten) WIK-ee) is a hyper"),
    "haystack_link.pptx": (2, 1, "Visit Example for more info."),
    "haystack_sample.md": (1, None, "pip install farm-haystack"),
    "haystack_two_sheets.xlsx": (2, 1, "col_a | col_b\n1.5 | test"),
    "kiln_ice_cubes.html": (1, None, "When you drop an ice cube into a drink, it does more than just float"),
    "kiln_ice_cubes.txt": (1, None, "When you drop an ice cube into a drink, it does more than just float"),
    "paul_graham_superlinear.html": (
        1,
        None,
        "One of the most important things I didn't understand about the world",
    ),
    "pypdf_geobase_long.pdf": (19, 1, "National Hydro Network, Canada, Level 1"),
    "pypdf_multilang.pdf": (1, 1, "مرحبا بالعالم\nRussian:\nПривет, мир"),
    "react_paper_two_column.pdf": (31, 1, "effectiveness over state-of-the-art baselines"),
    "state_of_the_union_2024.pdf": (26, 1, "Freedom and democracy were under assault in the world."),
    "uc_berkeley.pdf": (49, 1, "University of California,\nBerkeley"),
    "uc_berkeley_short.pdf": (5, 1, "University of California,\nBerkeley"),
}

# file: a phrase of its text, or None and a phrase of the reason
NASTY = {
    "bom_only.txt": (None, "there is no text in it"),
    "charset_lies.html": ("Café £100", ""),
    "cp1252.txt": ("Café déjà vu — naïve coöperation £100 “quoted” Zürich Ångström.", ""),
    "crlf_mixed.txt": ("a\nb\nc\nd\n\nea\nb", ""),
    "csv_quotes_broken.csv": ('a | b\n"unterminated | 1\n2 | 3', ""),
    "csv_semicolon_bom.csv": ("name | value\nx | 1,5", ""),
    "deep_nesting.html": ("deep", ""),
    "docx_bad_xml.docx": (None, "it is broken (Namespace prefix w on document is not defined"),
    "docx_bomb_64MiB.docx": (None, "its part word/document.xml unpacks to more than 32 MiB"),
    "docx_missing_document.docx": (None, "it is a zip archive without a Word, PowerPoint or Excel document"),
    "docx_no_coreprops.docx": (None, "there is no text in it"),
    "docx_no_paragraphs.docx": (None, "there is no text in it"),
    "docx_xxe_local.docx": (None, "its XML declares entities"),
    "docx_zip_slip.docx": ("slip", ""),
    "empty.pdf.pdf": (None, "it is empty"),
    "enc_r3_user_password.pdf": (None, "it is encrypted and asks for a password"),
    "enc_r4_owner_only.pdf": ("pdf encryption test", ""),
    "gb18030.txt": ("检索增强生成需要干净的文档。", ""),
    "html_as.pdf": (None, "it is named .pdf but holds a web page"),
    "json_deep.json": (None, "its JSON is nested deeper than 100 levels"),
    "json_duplicate_keys.json": ("answer: a\nanswer: b", ""),
    "jsonl_truncated_last_line.jsonl": ('question: q\nanswer: a\n\n{"question":"q2","ans', ""),
    "lone_surrogate.json": ("text: bad \ufffd surrogate\nn: NaN", ""),
    "malformed_issue297.pdf": ("test example", ""),
    "many_empty_lines.txt": ("end", ""),
    "md_frontmatter_code.md": ("```python\n# not a heading\n```", ""),
    "no_extension": ("plain text without extension", ""),
    "no_spaces_1MB.txt": ("a" * 1_000_000, ""),
    "outlook_sample.msg": (None, "it is an Outlook message (.msg)"),
    "pdf_bitflips.pdf": (None, "it is a broken PDF"),
    "pdf_header_only.pdf": (None, "it is a broken PDF"),
    "pdf_missing_info.pdf": ("PDF document without /Info key in document root.", ""),
    "pdf_no_text_page.pdf": (None, "there is no text in it (scanned pages?)"),
    "pdf_pages_loop.pdf": (None, "it is a broken PDF"),
    "pdf_stream_bomb_64MiB.pdf": ("A" * 1000, ""),
    "pdf_trailing_garbage.pdf": ("The Crazy Ones\nOctober 14, 1998", ""),
    "pdf_truncated_half.pdf": (None, "it is a broken PDF"),
    "pdf_zero_pages.pdf": (None, "it is a broken PDF"),
    "png_as.pdf": (None, "it is a PNG image"),
    "scripts.html": ("Visible & real é—text\n\nunclosed", ""),
    "unclosed.html": ("text bold", ""),
    "utf32.txt": ("Café déjà vu — naïve coöperation £100 “quoted” Zürich Ångström.", ""),
}


@pytest.fixture(scope="module")
def splitter() -> Splitter:
    return Splitter(512)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_gives_its_text(name: str, real_data: Path, splitter: Splitter) -> None:
    """A known phrase is on its page, and the chunks are exact pieces of the pages."""
    count, number, phrase = GOOD[name]
    document = read_document(real_data / "docs" / "good" / name)
    assert len(document.pages) == count
    page = next(page for page in document.pages if page.number == number)
    assert " ".join(phrase.split()) in " ".join(page.text.split())
    texts = {page.number: page.text for page in document.pages}
    for chunk in splitter.split(document):
        assert texts[chunk.page][chunk.start : chunk.start + len(chunk.text)] == chunk.text
        assert 0 < chunk.tokens <= 510


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_file_gives_text_or_a_reason(name: str, real_data: Path, splitter: Splitter) -> None:
    """Within seconds there is valid, splittable text, or an error that says why not."""
    phrase, reason = NASTY[name]
    began = time.monotonic()
    try:
        document = read_document(real_data / "docs" / "nasty" / name)
    except UnreadableDocument as error:
        assert phrase is None
        assert reason in error.reason
    else:
        assert phrase is not None
        assert phrase in document.text
        document.text.encode()
        assert all(len(chunk.text) < 10_000 for chunk in splitter.split(document))
    assert time.monotonic() - began < PATIENCE_S


def test_no_file_is_forgotten(real_data: Path) -> None:
    """Every file of the two folders is tested above."""
    assert {path.name for path in (real_data / "docs" / "good").iterdir()} == set(GOOD)
    assert {path.name for path in (real_data / "docs" / "nasty").iterdir()} == set(NASTY)


def test_hidden_text_of_a_page_stays_hidden(real_data: Path) -> None:
    """Scripts, comments, frames, drawings and hidden parts of the hostile page are not read."""
    text = read_document(real_data / "docs" / "nasty" / "scripts.html").text
    assert text == "Visible & real é—text\n\nunclosed\n\nTA"
