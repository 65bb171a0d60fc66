"""Reader of web pages: the text a visitor sees, with its title; no scripts, styles or hidden parts."""

from __future__ import annotations

import re

from raft_core.documents.content import Content, one_page
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
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
_SPACE = re.compile(r"\s+")


class _Visible:
    """Collect visible text from parser events: no tree is built, so that no nesting is too deep."""

    def __init__(self) -> None:
        self.title = ""
        self.parts: list[str] = []
        self._unseen = 0
        self._preformatted = 0
        self._in_title = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        hidden = "hidden" in attributes or _HIDDEN.search(attributes.get("style", ""))
        if self._unseen or tag in _UNSEEN or hidden:
            self._unseen += 1
            return
        self._in_title = tag == "title"
        self._preformatted += tag == "pre"
        if tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")
            if tag == "li":
                self.parts.append("- ")

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        self._in_title = False
        self._preformatted -= tag == "pre"
        if tag in ("td", "th"):
            self.parts.append(" | ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def data(self, text: str) -> None:
        if self._in_title:
            self.title += text
        elif not self._unseen:
            self.parts.append(text if self._preformatted else _SPACE.sub(" ", text))

    def comment(self, text: str) -> None:
        """Leave comments out."""

    def close(self) -> None:
        """Keep what was collected."""


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
    lines = (line.removeprefix(" ").rstrip(" |") for line in "".join(visible.parts).split("\n"))
    return one_page("\n".join(lines), visible.title)
