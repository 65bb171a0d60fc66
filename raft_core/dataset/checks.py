"""What a row must be to be worth learning from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from raft_core.markup import find_quotes, short_answer

NOT_A_QUESTION = "the question does not look like a question"
NO_TAG = "the answer has no answer tag"
EMPTY_ANSWER = "the answer after the tag is empty"
NO_QUOTE = "the answer quotes nothing"
NOT_VERBATIM = "a quote does not stand verbatim in the documents"
DUPLICATE = "the same question was asked before"

LONGEST_QUESTION = 500
"""Characters; what is longer is an essay with a question mark."""


_MARKS = "?？؟\u037e⁇⁈⁉﹖︖⸮‽፧꘏꛷᥅"
_ETHIOPIC_WHO = re.compile("ማን|ምን|የት|መቼ|እንዴት|ስንት|የቱ|የትኛ|ለምን")


def is_asking(text: str) -> bool:
    """Tell whether a text ends as a question does in its script, or holds the Armenian mark, which stands within."""
    end = text[-1:]
    if end in _MARKS:
        return bool(end)
    if end == ";":  # what the Greek question mark becomes when text is normalised
        return re.search("[\u0370-\u03ff]", text) is not None
    if end == "።":  # the full stop of a script that seldom writes a question mark
        return _ETHIOPIC_WHO.search(text) is not None or not re.search("[\u1200-\u135a]", text)
    return "\u055e" in text or text.endswith(("か。", "か", "吗。", "嗎。"))


def is_question(text: str) -> bool:
    """Tell whether a text is one question: it ends as one, and holds words."""
    if not is_asking(text) or len(text) > LONGEST_QUESTION or "\n" in text:
        return False
    letters = sum(character.isalpha() for character in text)
    return letters >= 3 and (len(text.split()) >= 3 or not text.isascii())


def answer_fault(cot_answer: str, documents: Sequence[str], *, quote_needed: bool) -> str:
    """Return why an answer cannot be learnt from, or "" where it can.

    Every quote must stand verbatim, white space aside, in one of `documents`.
    """
    answer, tagged = short_answer(cot_answer)
    if not tagged:
        return NO_TAG
    if not answer:
        return EMPTY_ANSWER
    quotes = find_quotes(cot_answer, documents)
    if quote_needed and not quotes:
        return NO_QUOTE
    return "" if all(quote.source is not None for quote in quotes) else NOT_VERBATIM


def normalised(question: str) -> str:
    """Return what two questions share that differ in case, punctuation and white space only."""
    return " ".join(re.sub(r"[^\w\s]", " ", question.casefold()).split())
