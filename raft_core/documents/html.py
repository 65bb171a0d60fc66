"""Reader of web pages: the text a visitor sees, with its title; no scripts, styles or hidden parts."""

from __future__ import annotations

import re
from collections import Counter

from raft_core.documents.content import Content, counted, first_title, one_page, raised
from raft_core.documents.mathml import MathML
from raft_core.documents.text import decode, without_files

# fmt: off
_UNSEEN = frozenset((
    "script", "style", "noscript", "template", "iframe", "object", "embed", "audio", "video", "canvas", "select",
    "datalist", "rp",
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
_CHARSET = re.compile(rb"""(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)  # fmt: skip
_SPACE = re.compile(r"\s+")


class _Visible:
    """Collect visible text from parser events: no tree is built, so that no nesting is too deep.

    Line breaks wait until text follows, so that neighbouring blocks do not add up.
    """

    def __init__(self, unread: Counter[str]) -> None:
        self.title = ""
        self.heading = ""
        self.parts: list[str] = []
        self._unread = unread
        self._unseen = 0
        self._drawing = 0
        """Elements of a drawing that are open."""
        self._drawn_words = False
        self._preformatted = 0
        self._in_title = self._in_heading = False
        self._breaks = 0
        self._bullet = ""
        self._cell_start = -1
        self._raised = -1
        self._math: MathML | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        hidden = "hidden" in attributes or _HIDDEN.search(attributes.get("style", ""))
        # KaTeX writes each equation twice: as MathML, which is read, and as boxes.
        if self._unseen or tag in _UNSEEN or hidden or "katex-html" in attributes.get("class", ""):
            self._unseen += 1
            return
        if self._math or tag == "math":
            self._math = self._math or MathML()
            self._math.start(tag)
            return
        if self._drawing or tag == "svg":
            self._drawing += 1
            self._drawn_words |= tag == "text"
            return
        if tag == "img":
            self._unread["picture"] += attributes.get("src", "").lstrip().lower().startswith("data:image/")
        self._in_title = tag == "title"
        self._in_heading |= tag == "h1" and not self.heading
        self._preformatted += tag == "pre"
        if tag in _CELLS:
            self._cell_start = len(self.parts)
        elif tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        elif tag == "rt":
            self._emit("(")
        elif tag == "sup":
            self._raised = len(self.parts)
        self._break_at(tag)
        if tag == "li":
            self._bullet = "- "

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
        elif self._math:
            if self._math.end():
                equation, self._math = self._math.text, None
                self._emit(equation)
        elif self._drawing:
            self._drawing -= 1
            if not self._drawing:
                self._unread["drawing"] += self._drawn_words
                self._drawn_words = False
        else:
            self._end(tag)

    def _end(self, tag: str) -> None:
        self._in_title = False
        self._in_heading &= tag != "h1"
        self._preformatted -= tag == "pre"
        if tag in _CELLS:
            if len(self.parts) > self._cell_start:
                self._breaks = 0  # a paragraph in a cell does not end the row
            self._emit(" | ")
            self._cell_start = -1
        elif tag == "rt":
            self._emit(")")
        elif tag == "sup" and len(self.parts) == self._raised + 1:
            self.parts[-1] = raised(self.parts[-1])
        self._break_at(tag)

    def data(self, text: str) -> None:
        if self._in_title:
            self.title += text
        elif self._math and not self._unseen:
            self._math.data(text)
        elif not self._unseen and not self._drawing:
            self.heading += text if self._in_heading else ""
            self._emit(text if self._preformatted else _SPACE.sub(" ", text))

    def comment(self, text: str) -> None:
        """Leave comments out."""

    def close(self) -> None:
        """Keep what was collected."""

    def _break_at(self, tag: str) -> None:
        # A cell's first paragraph stays in its row.
        if tag in _BLOCKS and len(self.parts) != self._cell_start:
            self._breaks = max(self._breaks, 2 if tag in _PARAGRAPHS else 1)

    def _emit(self, text: str) -> None:
        if self._breaks and not self._preformatted:
            text = text.lstrip(" ")
        if text:
            self.parts.append("\n" * self._breaks + self._bullet + text)
            self._breaks, self._bullet = 0, ""


def read_html(data: bytes, path: str) -> Content:
    """Read a web page; lists get dashes, table cells bars, blocks lines of their own.

    Drawings and pictures that are kept in the page itself are counted.
    """
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

    unread = Counter[str]()
    declared = _CHARSET.search(data[:4096])
    text = decode(data, path, unread, declared[1].decode("ascii") if declared else None)
    visible = _Visible(unread)
    # `huge_tree` lifts libxml2's own limits on depth and text length: no tree is built here.
    parser = etree.HTMLParser(target=visible, encoding="utf-8", no_network=True, huge_tree=True)
    parser.feed(text.encode("utf-8", "replace"))
    parser.close()
    words = without_files("".join(visible.parts), unread)
    lines = (line.rstrip(" |") for line in words.split("\n"))
    return one_page("\n".join(lines), first_title((visible.title, visible.heading)), counted(unread))
