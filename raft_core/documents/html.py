"""Reader of web pages: the text a visitor sees, with its title; no scripts, styles or hidden parts."""

from __future__ import annotations

import re

from raft_core.documents.content import Content, first_title, one_page
from raft_core.documents.text import decode

# fmt: off
_UNSEEN = frozenset((
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "audio",
    "video", "canvas", "select", "datalist",
))
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody",
    "tfoot", "thead", "tr", "ul",
))
_PARAGRAPHS = frozenset((
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "pre", "blockquote",
    "article", "section", "hr", "figure",
))
# fmt: on
_CELLS = ("td", "th")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
_SPACE = re.compile(r"\s+")


class _Visible:
    """Collect visible text from parser events: no tree is built, so that no nesting is too deep.

    Line breaks wait until text follows, so that neighbouring blocks do not add up.
    """

    def __init__(self) -> None:
        self.title = ""
        self.heading = ""
        self.parts: list[str] = []
        self._unseen = 0
        self._preformatted = 0
        self._in_title = self._in_heading = False
        self._breaks = 0
        self._bullet = ""
        self._cell_start = -1

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        hidden = "hidden" in attributes or _HIDDEN.search(attributes.get("style", ""))
        if self._unseen or tag in _UNSEEN or hidden:
            self._unseen += 1
            return
        self._in_title = tag == "title"
        self._in_heading |= tag == "h1" and not self.heading
        self._preformatted += tag == "pre"
        if tag in _CELLS:
            self._cell_start = len(self.parts)
        elif tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        self._break_at(tag)
        if tag == "li":
            self._bullet = "- "

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        self._in_title = False
        self._in_heading &= tag != "h1"
        self._preformatted -= tag == "pre"
        if tag in _CELLS:
            if len(self.parts) > self._cell_start:
                self._breaks = 0  # a paragraph in a cell does not end the row
            self._emit(" | ")
            self._cell_start = -1
        self._break_at(tag)

    def data(self, text: str) -> None:
        if self._in_title:
            self.title += text
        elif not self._unseen:
            self.heading += text if self._in_heading else ""
            self._emit(text if self._preformatted else _SPACE.sub(" ", text))

    def comment(self, text: str) -> None:
        """Leave comments out."""

    def close(self) -> None:
        """Keep what was collected."""

    def _break_at(self, tag: str) -> None:
        if (
            tag in _BLOCKS and len(self.parts) != self._cell_start
        ):  # a cell's first paragraph stays in its row
            self._breaks = max(self._breaks, 2 if tag in _PARAGRAPHS else 1)

    def _emit(self, text: str) -> None:
        if self._breaks and not self._preformatted:
            text = text.lstrip(" ")
        if text:
            self.parts.append("\n" * self._breaks + self._bullet + text)
            self._breaks, self._bullet = 0, ""


def read_html(data: bytes, path: str) -> Content:
    """Read a web page; lists get dashes, table cells bars, blocks lines of their own."""
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

    declared = _CHARSET.search(data[:4096])
    text = decode(data, path, declared[1].decode("ascii") if declared else None)
    visible = _Visible()
    # `huge_tree` lifts libxml2's own limits on depth and text length: no tree is built here.
    parser = etree.HTMLParser(target=visible, encoding="utf-8", no_network=True, huge_tree=True)
    parser.feed(text.encode("utf-8", "replace"))
    parser.close()
    lines = (line.rstrip(" |") for line in "".join(visible.parts).split("\n"))
    return one_page("\n".join(lines), first_title((visible.title, visible.heading)))
