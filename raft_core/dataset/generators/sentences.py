"""Sentences of a chunk, by rule: what to split, and what is fit to be asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as running text."""
    return frozenset(text.split())


ABBREVIATIONS = words(
    "op mr mrs ms dr prof st no vs etc e.g i.e al inc ltd co corp jr sr gen col capt lt sgt rev hon vol fig "
    "eq sec ch pp ed approx dept est ca cf jan feb mar apr jun jul aug sep sept oct nov dec mt ft"
)
MIN_WORDS, MAX_WORDS = 4, 60

_END = re.compile(r"[.!?][\"”’')\]]*(?=\s+[\"“‘(\[]?[A-Z0-9]|\s*$)")
_BULLET = re.compile(r"\s*(?:[*•>–-]|\d{1,3}[.)])\s+")
_CLEAN_START = re.compile(r"[\"“‘]?(?:[A-Z]|\d+ )")
_UNCLEAN = re.compile(r"[|`{}<>=\\~_^@#]|https?:|www\.|\]\(|[a-z]- [a-z]|\.{3}|…|\d+/\d+/\d+| \d+ \d+ \d+ ")
_ENGLISH = re.compile(r"\b(?:the|of|is|was|are|were|by|and|to|has|had|with|from|as|its|his|that|in)\b")


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of `text`, white space collapsed, verbatim otherwise."""
    for paragraph in _paragraphs(text):
        start = 0
        for match in _END.finditer(paragraph):
            if _ends_in_abbreviation(paragraph[start : match.start()]) and match.end() < len(paragraph):
                continue
            yield paragraph[start : match.end()].strip()
            start = match.end()
        # What is left has no full stop: a heading, a table's row, a sentence cut off by the chunk's end.


def is_clean(sentence: str) -> bool:
    """Tell whether a sentence is whole running English, without markup, tables, or formulas."""
    words = sentence.split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS or not _CLEAN_START.match(sentence):
        return False
    if sentence.rstrip("\"”’')]")[-1] not in ".!" or _UNCLEAN.search(sentence):
        return False
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2:
        return False
    if sum(character.isalpha() for character in sentence) < 0.65 * len(sentence):
        return False
    return len(words) < 8 or bool(_ENGLISH.search(sentence))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs on one line each; headings and list items stand alone."""
    for block in re.split(r"\n\s*\n|\n[ =*_-]{3,}\n", text):
        lines = [line for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        usual = median(len(line) for line in lines)
        gathered: list[str] = []
        for number, line in enumerate(lines):
            heading = line.lstrip().startswith(("#", "|")) or (
                number + 1 < len(lines)
                and len(line) < 0.6 * usual
                and line.rstrip()[-1] not in ".!?,;:-"
                and lines[number + 1].lstrip()[:1].isupper()
            )
            if (heading or _BULLET.match(line)) and gathered:
                yield " ".join(gathered)
                gathered = []
            if not heading:
                gathered += _BULLET.sub("", line, count=1).split() if _BULLET.match(line) else line.split()
        if gathered:
            yield " ".join(gathered)


def _ends_in_abbreviation(text: str) -> bool:
    last = text.rsplit(maxsplit=1)[-1].lstrip('("“‘[') if text.strip() else ""
    if last.lower() in ABBREVIATIONS:
        return True
    return bool(re.fullmatch(r"[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]", last))  # J. K. Rowling, U.S., e.g.
