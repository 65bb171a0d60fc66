"""Questions with a hole in them: the last resort for a sentence that no natural question can be made of.

    We have cut late fees from $32 to $8.
      Which amount completes the sentence "We have cut late fees from $32 to ____."?    $8

The sentence says itself what the question is about, so that one in the first person, or one that begins
with a pronoun, can be asked about as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from raft_core.dataset.generators.questions import Candidate
from raft_core.dataset.generators.sentences import words
from raft_core.dataset.generators.spans import Span, find_spans

BLANK = "____"
MIN_WORDS, MAX_WORDS = 8, 40
MIN_TELLING = 5
"""Different words of weight that must be left of a sentence, so that one can tell it from others."""

_KINDS = {
    "date": "date", "month": "month", "decade": "decade", "century": "century", "year": "year",
    "money": "amount", "percent": "percentage", "number": "number", "name": "name",
}  # fmt: skip
_SCORES = {"number": -0.15, "name": -0.2, "word": -0.4}
_BETTER = -0.1
"""The score of a date, an amount or a percentage: there is only one thing that it can be."""

_NOUN = re.compile(
    r"\b(?P<before>[A-Za-z’']+) (?:[a-z-]+ )?(?P<noun>[a-z]{5,})(?=[,;:.!?]|"
    r"\s(?:of|in|for|from|with|at|by|on|and|or|that|which|who|is|are|was|were|has|have|had|will|can|when|where|while|"
    r"because|than|as)\b)"
)
"""A word that is likely a noun: a little word or an adjective before it, and the phrase ends behind it."""

_BEFORE_NOUNS = words(
    "the a an The A An of for in with by its their our your his her my this these those no some any every each into from "
    "about many several"
)
_NO_NOUNS = re.compile(
    r"\w+(?:ly|ing|ed|ous|ful|ive|able|ible|ical|less|est)|there|their|these|those|where|which|would|could|should|other|others|"
    r"again|rather|instead|about|after|before|until|while|whole|being|never|often|still|since|under|above|below|first|second|third|last|"
    r"large|small|great|better|worse|later|early|least|things?|public|private|different|important|common"
)
_POINTER = re.compile(
    r"\b(?:Figures?|Tables?|Sections?|Appendix|Chapter|Equation|No\.|page|pages|step) $", re.I
)
"""What a number or a letter behind it only points into the document with."""
_CONTRACTED = re.compile(r"[’'](?:re|ve|ll|m|d|s|t)$")
_REFERENCE = re.compile(r"\s*\[\d{1,3}\]")


def cloze(sentence: str) -> Iterator[Candidate]:
    """Yield questions for the numbers, names and nouns of a sentence, the more telling with the higher score."""
    lower = sum(word.islower() for word in sentence.split())
    if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS or lower < 0.5 * len(sentence.split()):
        return
    for span in find_spans(sentence):
        if _stands_alone(sentence, span):
            score = _SCORES.get(span.kind, _BETTER)
            yield from _blanked(sentence, span.start, span.end, _KINDS[span.kind], score)
    for match in _NOUN.finditer(sentence):
        if match["before"] in _BEFORE_NOUNS and not _NO_NOUNS.fullmatch(match["noun"]):
            yield from _blanked(sentence, *match.span("noun"), "word", _SCORES["word"])


def _stands_alone(sentence: str, span: Span) -> bool:
    """Tell whether a span is a whole name or number: no initial, no half of a compound, no opening word."""
    if _POINTER.search(sentence[: span.start]) or _POINTER.search(f"{span.text.split()[0]} "):
        return False
    if span.kind != "name":
        return not re.match(r"[-–/.]\w", sentence[span.end :])
    opening = not re.search(r"[\w,;:]\W*\s\(?$", sentence[: span.start]) and " " not in span.text
    broken = re.match(r"\.? [A-Z]|['’/-]\w|:| (?:for|of) [A-Z]| et al", sentence[span.end :])
    return len(span.text) > 2 and not opening and not broken and not _CONTRACTED.search(span.text)


def _blanked(sentence: str, start: int, end: int, kind: str, score: float) -> Iterator[Candidate]:
    answer = sentence[start:end]
    shown = _REFERENCE.sub("", f"{sentence[:start]}{BLANK}{sentence[end:]}").replace('"', "'")
    telling = {word.lower() for word in re.findall(r"[^\W\d_]{4,}", shown)}
    if len(telling) >= MIN_TELLING and not re.search(rf"\b{re.escape(answer)}\b", shown, re.IGNORECASE):
        yield Candidate(f'Which {kind} completes the sentence "{shown}"?', answer, score)
