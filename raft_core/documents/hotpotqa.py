"""Paragraphs of questions as documents; the questions and their answers stay out.

    ("Tunnels &amp; Trolls", ("First sentence.", " Second sentence.")) is "First sentence. Second sentence."
    under the title "Tunnels & Trolls"

HotpotQA's files (Yang et al. 2018) hold HTML entities, in titles and in sentences.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable

from raft_core.documents.content import clean
from raft_core.documents.readers import ID_LENGTH
from raft_core.records import PARAGRAPH, Document, Page, Paragraph


def paragraph_documents(
    paragraphs: Iterable[Paragraph], source: str, limit: int | None = None
) -> list[Document]:
    """Return the unique paragraphs in their order, at most `limit` of them; those without text are left out."""
    documents: dict[str, Document] = {}
    for title, sentences in paragraphs:
        words = (html.unescape(sentence).strip() for sentence in sentences)
        text = clean(" ".join(word for word in words if word))
        if limit is not None and len(documents) >= limit:
            break
        if text:
            document = _document(clean(html.unescape(title).strip()), text, source)
            documents.setdefault(document.id, document)
    return list(documents.values())


def _document(title: str, text: str, source: str) -> Document:
    sha256 = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()
    return Document(sha256[:ID_LENGTH], title, source, PARAGRAPH, sha256, (Page(text),))
