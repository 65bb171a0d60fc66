"""RAFT's answer markup: writing it, reading it, and defusing it in untrusted text.

    ##Reason: ##begin_quote## Oslo is the capital of Norway. ##end_quote## <ANSWER>: Oslo

The tags are those of the official code (ShishirPatil/gorilla, raft/); the paper's `##Answer:` is
accepted when reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from raft_core.records import Quote

ANSWER_TAG = "<ANSWER>:"
BEGIN_QUOTE = "##begin_quote##"
END_QUOTE = "##end_quote##"
DOCUMENT_OPEN = "<DOCUMENT>"
DOCUMENT_CLOSE = "</DOCUMENT>"

_MARKUP = re.compile(r"</?DOCUMENT>|##(?:begin|end)_quote##|##Answer:|<ANSWER>:")
_DEFUSED = str.maketrans("<>#", "()=")
_ANSWER = re.compile(r"<ANSWER>:|##Answer:")
_QUOTE = re.compile(r"##begin_quote##(.*?)##end_quote##", re.DOTALL)


def neutralise(text: str) -> str:
    """Defuse the markup in a document's text, so that a document cannot end itself or fake a quote."""
    return _MARKUP.sub(lambda match: match.group().translate(_DEFUSED), text)


def write_answer(quote: str, answer: str) -> str:
    """Return a chain of thought that quotes one passage and ends in the short answer."""
    return f"##Reason: {BEGIN_QUOTE} {quote} {END_QUOTE} {ANSWER_TAG} {answer}"


def short_answer(text: str) -> tuple[str, bool]:
    """Return the short answer in a model's text, and whether it was tagged.

    The answer is the first non-empty line after the last tag. Where the tag is missing the whole text,
    white space collapsed, stands for the answer.
    """
    tags = list(_ANSWER.finditer(text))
    if not tags:
        return " ".join(text.split()), False
    lines = text[tags[-1].end() :].strip().splitlines()
    return (lines[0].strip() if lines else ""), True


def find_quotes(text: str, documents: Sequence[str]) -> tuple[Quote, ...]:
    """Return the passages quoted in a model's text, each checked against the documents it was shown.

    A quote is verified when it stands verbatim, white space aside, in a document; `source` is that
    document's number, counted from 1.
    """
    shown = [" ".join(neutralise(document).split()) for document in documents]
    quotes = []
    for match in _QUOTE.finditer(text):
        words = " ".join(match.group(1).split())
        source = next(
            (number for number, document in enumerate(shown, 1) if words and words in document), None
        )
        quotes.append(Quote(words, source is not None, source))
    return tuple(quotes)
