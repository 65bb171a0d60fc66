"""Separated values, JSON, Markdown and web pages: nothing dropped or altered, files inside them counted."""

# symbols and other scripts are what is tested

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from raft_core.documents.readers import parse_document
from raft_core.records import Document

PIXELS = base64.b64encode(bytes(range(200))).decode()
PICTURE = f"data:image/png;base64,{PIXELS}"


def parse(data: str | bytes, name: str) -> Document:
    return parse_document(data.encode() if isinstance(data, str) else data, Path(name))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Stores of the guild\nitem;place;count\nrope;shed, north;12\n", "Stores of the guild\nitem | place | count\nrope | shed, north | 12"),
        ('"Name, first";"Town, county"\n"Odo";"Fen"\n', "Name, first | Town, county\nOdo | Fen"),
        ("1,5;2,5\n3,5;4,5\n", "1,5 | 2,5\n3,5 | 4,5"),
        ("a;b\n1,5;2\n3,5;4\n", "a | b\n1,5 | 2\n3,5 | 4"),
        ("a|b\n1,2|3,4,5\n", "a | b\n1,2 | 3,4,5"),
        ("a\tb;c\n1\t2;3\n", "a | b;c\n1 | 2;3"),
        ("a,b\n1,2;3\n4,5\n", "a | b\n1 | 2;3\n4 | 5"),
        ("sep=;\r\na;b\r\n", "a | b"),
        ('a,b\n"one\ntwo",2\n', "a | b\none two | 2"),
        ('a,b\nx,"never closed\n1,2\n3,4\n', 'a | b\nx | "never closed\n1 | 2\n3 | 4'),
        ('size,what\n5" nail,3\n', 'size | what\n5" nail | 3'),
        ("id,note\n1,Fine\n2,Also fine\n\n3,Total; all\n", "id | note\n1 | Fine\n2 | Also fine\n\n3 | Total; all"),
        ("a,b\r1,2\r", "a | b\n1 | 2"),
        ("a,b\n1," + "x" * 200_000 + "\n", "a | b\n1 | " + "x" * 200_000),
    ],
)  # fmt: skip
def test_separated_values(data: str, text: str) -> None:
    """The separator is that of most rows; titles, quotes, decimal commas and long values do not decide."""
    assert parse(data, "a.csv").text == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"a": "x\u2028y"}\n{"a": "z\x85"}', "a: x\u2028y\n\na: z"),
        ('\ufeff{"a": 1}\r\n\r\n{"a": 2}\r\n', "a: 1\n\na: 2"),
        ('{"a": 1}{"a": 2}', "a: 1\n\na: 2"),
        ('\x1e{"a": 1}\n\x1e{"a": 2}\n', "a: 1\n\na: 2"),
        ('{"a": 1},\n{"a": 2},\n', "a: 1\n\na: 2"),
        ('{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "a: 1\n\na: 2"),
        ('{"a": 1}\n[broken\n{"a": 2}', "a: 1\n\n[broken\n\na: 2"),
        ('12 monkeys\n{"a": 2}', "12 monkeys\n\na: 2"),
        ('"one"\n2\ntrue\n', "one\n\n2\n\ntrue"),
        ('{"a": 1, "a": 2}\n', "a: 1\na: 2"),
    ],
)
def test_streams_of_json(data: str, text: str) -> None:
    """Records end where they end; other line separators are characters, a broken line is text."""
    assert parse(data, "a.jsonl").text == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"a": 1}\n{"a": 2}\n', "a: 1\n\na: 2"),
        ('[1] not JSON\n{"a": 2}', '[1] not JSON\n{"a": 2}'),
        ("[INFO] started", "[INFO] started"),
        ('"text"', "text"),
    ],
)
def test_json_files_that_are_streams_or_none(data: str, text: str) -> None:
    """JSON lines named .json are read as records; what is no JSON stays as it is."""
    assert parse(data, "a.json").text == text


def test_files_inside_text_are_counted() -> None:
    """Base64 is no text: it is left out of every kind of file, and said so."""
    markdown = parse(f"# Map\n\n![A map]({PICTURE})\n\n[x]: data:application/pdf;base64,{PIXELS}\n", "a.md")
    assert markdown.text == "# Map\n\n![A map](data:image/png)\n\n[x]: data:application/pdf"
    assert markdown.unread == ("1 picture", "1 embedded file")
    drawing = "data:image/svg+xml,%3Csvg" + "%20x" * 80
    document = parse(json.dumps({"a": PICTURE, "b": f"see {drawing}"}), "a.json")
    assert (document.text, document.unread) == ("a: data:image/png\nb: see data:image/svg+xml", ("2 pictures",))  # fmt: skip
    text = "Write data:image/png;base64,… or data:text/plain,hello into the field."
    assert (parse(text, "a.txt").text, parse(text, "a.txt").unread) == (text, ())
    assert parse(f"name,picture\nmap,{PICTURE}\n", "a.csv").text == "name | picture\nmap | data:image/png"


def page(body: str) -> Document:
    return parse(f"<html><body>{body}</body></html>", "a.html")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("10<sup>6</sup> m<sup>2</sup>, the 1<sup>st</sup>, H<sub>2</sub>O, 10<sup>-3</sup>", "10⁶ m², the 1st, H2O, 10⁻³"),
        ("<ruby>東京<rt>とうきょう</rt></ruby>に", "東京(とうきょう)に"),
        ("<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>", "東京(とうきょう)"),
        ("Donau&shy;dampfer", "Donaudampfer"),
        ("It is <math><mi>p</mi><mo>=</mo><mn>42</mn><mi>kPa</mi></math>.", "It is p=42kPa."),
        ("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mn>2</mn></mfrac></math>", "(a+1)/2"),
        ("<math><semantics><msup><mi>x</mi><mn>2</mn></msup><annotation>x^2</annotation></semantics></math>", "x^2"),
        ("<math><msqrt><mi>b</mi></msqrt><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover></math>", "√(b)∑_(i=1)^n"),
        ('<span class="katex"><span class="katex-mathml"><math><mi>x</mi></math></span><span class="katex-html">x<b>y</b></span></span> end', "x end"),
        ("<svg><title>no</title><path/></svg>Words", "Words"),
    ],
)  # fmt: skip
def test_web_pages(body: str, text: str) -> None:
    """Raised numbers, readings, equations and soft hyphens are what a visitor sees."""
    document = page(body)
    assert (document.text, document.unread) == (text, ())


def test_what_a_web_page_holds_beside_text() -> None:
    """Pictures kept in the page and drawings with words are counted; those elsewhere are not in the file."""
    document = page(f'<style>b {{ background: url({PICTURE}) }}</style>Words<img src="{PICTURE}"><img src="a.png"><svg><text>Label</text><text>b</text></svg><pre>{PICTURE}</pre>')  # fmt: skip
    assert document.text == "Words\n\ndata:image/png"
    assert document.unread == ("2 pictures", "1 drawing")
