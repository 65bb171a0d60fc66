"""Sentences of a chunk, by rule: what to split, and what is fit to be asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as running text."""
    return frozenset(text.split())


ABBREVIATIONS = words(
    "op mr mrs ms dr prof st no vs etc e.g i.e al inc ltd co corp jr sr gen col capt lt sgt rev hon vol fig "
    "eq sec ch pp ed approx dept est ca cf v jan feb mar apr jun jul aug sep sept oct nov dec mt ft"
)
MIN_WORDS, MAX_WORDS = 4, 60

_END = re.compile(r"[.!?][\"”’')\]]*(?=(?:\[\d{1,3}\])*(?:\s+[\"“‘(\[]?[A-Z0-9]|\s*$))")
_REFERENCES = re.compile(r"(?:\s*\[\d{1,3}\])+\s*")
"""Where a page's text sets [12] on a line of its own, it belongs to the sentence before."""
_TITLE_WORD = r"(?:[A-Z0-9][\w’'.,&:-]*|of|the|and|in|on|at|by|for|to|with|an?|–|-)"
_TITLE = re.compile(rf"{_TITLE_WORD}(?: {_TITLE_WORD})*")
_BULLET = re.compile(r"\s*(?:[*•>–-]|\d{1,3}[.)])\s+")
_GOES_ON = re.compile(r"(?:[.!?,;:-]|\b(?:of|the|a|an|and|or|in|on|at|by|for|to|with|from|as|is|was))\s*$")
_FIELD = re.compile(r"\s*(?:[-+*] )?[A-Za-z][\w-]*:(?:\s|$)")
_RUN_IN = re.compile(
    r"(?:Figure|Table|Step|Example|Question|Observation|Thought|Action|Chapter|Section|Slide|Part|Exercise) \d{1,3}[.:]? "
    r"(?=[A-Z])|(?P<twice>[A-Z]\w{2,}) (?=(?P=twice) )|[A-Z][^.!?,;:“\"]{1,50}? (?=(?:The|We|Our|In|It|This|That|These|"
    r"There|When|While|If|As|To|For|Within|Although|Many|Some|Most|Perhaps|Each|An|A) [a-z])"
)
"""A heading on the line of its paragraph: "Results We find …", "Step 2 Belmo Mill is …"."""
_CLEAN_START = re.compile(r"[\"“‘]?(?:[A-Z]|\d+ )")
_UNCLEAN = re.compile(
    r"[|`{}<>=\\~_^@#→∈≤≥]|https?:|www\.|\]\(|[a-z]- [a-z]|\.{3}|…|\d+/\d+/\d+| \d+ \d+ \d+ |[a-z]\.[A-Z][a-z]|[a-z]\[\D|"
    r"Archived from|\bRetrieved "
)
_ENGLISH = re.compile(r"\b(?:the|of|is|was|are|were|by|and|to|has|had|with|from|as|its|his|that|in)\b")


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of `text`, white space collapsed, verbatim otherwise."""
    for paragraph in _paragraphs(text):
        opening = _REFERENCES.match(paragraph)
        start = opening.end() if opening else 0
        for match in _END.finditer(paragraph):
            if _ends_in_abbreviation(paragraph[start : match.start()]) and match.end() < len(paragraph):
                continue
            sentence = paragraph[start : match.end()].strip()
            yield _RUN_IN.sub("", sentence, count=1) if _RUN_IN.match(sentence) else sentence
            following = _REFERENCES.match(paragraph, match.end())
            start = following.end() if following else match.end()
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
        usual = sorted(map(len, lines))[3 * len(lines) // 4]
        gathered: list[str] = []
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            heading = _is_heading(line, following, usual)
            if (heading or _BULLET.match(line) or _FIELD.match(line)) and gathered:
                yield " ".join(gathered)
                gathered = []
            if not heading:
                gathered += _BULLET.sub("", line, count=1).split() if _BULLET.match(line) else line.split()
        if gathered:
            yield " ".join(gathered)


def _is_heading(line: str, following: str, usual: int) -> bool:
    """Tell whether a line is no part of the sentence below: short for its paragraph (`usual` characters), and open."""
    if line.lstrip().startswith(("#", "|")):
        return True
    goes_on = _GOES_ON.search(line) or not following.lstrip()[:1].isupper()
    return not goes_on and len(line) < (0.9 if _TITLE.fullmatch(line.strip()) else 0.6) * usual


def _ends_in_abbreviation(text: str) -> bool:
    last = text.rsplit(maxsplit=1)[-1].lstrip('("“‘[') if text.strip() else ""
    if last.lower() in ABBREVIATIONS:
        return True
    return bool(re.fullmatch(r"[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]", last))  # J. K. Rowling, U.S., e.g.
