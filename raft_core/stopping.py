"""Decides where an answer ends, from its text alone, so that every server's answers end alike.

Two rules beside the server's own (end token, `max_new_tokens`):

- RAFT's form ends after its answer line: `… <ANSWER>: Oslo` and then a new line, the next sentence or more markup.
- A loop ends the answer as soon as it is certain: the text repeats itself, or counts on and on.

The rules see one character after the other, so a stream may arrive in pieces of any size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from raft_core.markup import ANSWER_TAGS

Reason = Literal["", "stop", "repetition"]
"""Why an answer ended here; empty while it goes on. Both are values of the protocol's `finish_reason`."""

_LONGEST_PERIOD = 1000
_TAIL = 80
"""The least number of characters that must agree with those one period before: see `_enough`."""
_COUNTED_COPIES, _COUNTED_CHARACTERS = 8, 240
"""What counts as a loop where only the numbers differ: a price list of twenty lines is none."""
_MARKUP = re.compile(r"##[A-Za-z]|<ANSWER>:")
_SENTENCE = re.compile(r"(\w+)\.[\"')\]\u201d]*\s+(?=[^\sa-z0-9])")
_ABBREVIATIONS = frozenset(
    [
        "approx",
        "assn",
        "assoc",
        "blvd",
        "brig",
        "bros",
        "capt",
        "cmdr",
        "corp",
        "dept",
        "govt",
        "messrs",
        "prof",
        "sept",
        "supt",
        "univ",
    ]
)


def _enough(period: int) -> int:
    """Return how many characters must agree with those one period before, for it to be a loop.

    That is 120 characters in all for short periods (a ruler of 80 dashes is none), three copies of a sentence,
    and two of a paragraph.
    """
    return max(120 - period, min(2 * period, max(400, period)))


def _agreeing(text: str, period: int) -> int:
    """Return how many characters at the end of `text` agree with those one period before."""
    count, size = 0, len(text)
    while count + period < size and text[size - 1 - count] == text[size - 1 - count - period]:
        count += 1
    return count


def _loop(text: str) -> tuple[int, int] | None:
    """Return (period, agreeing characters) of the repetition that `text` ends in, the shortest first."""
    size = len(text)
    tail, first = text[-_TAIL:], max(0, size - _TAIL - _LONGEST_PERIOD)
    place = text.rfind(tail, first, size - 1)
    while place >= 0 and size > _TAIL:
        period = size - _TAIL - place
        agreeing = _agreeing(text, period)
        if agreeing >= _enough(period):
            return period, agreeing
        place = text.rfind(tail, first, place + _TAIL - 1)
    return None


def _one_copy(text: str, period: int, agreeing: int) -> str:
    """Return the text up to the end of the first copy, and of the word that this falls into."""
    end = len(text) - agreeing
    last = end + min(period, agreeing)
    while end < last and text[end - 1].isalnum() and not text[end].isspace():
        end += 1
    return text[:end]


@dataclass(slots=True)
class StopRules:
    """One answer's text as it arrives, and where it ends.

    Example:
        >>> rules = StopRules()
        >>> rules.push("<ANSWER>: Oslo\\nQuestion: what else?"), rules.text, rules.reason
        (True, '<ANSWER>: Oslo', 'stop')
    """

    reason: Reason = ""
    _text: str = ""
    _counted: str = field(default="", repr=False)
    """The text with every number as one 0, to find what counts on and on."""
    _answer: int | None = None
    """Where the text behind the answer tag begins."""

    @property
    def text(self) -> str:
        """The answer: what came, without what lies behind its end; of a repetition one copy stays."""
        return self._text

    def push(self, piece: str) -> bool:
        """Take more text; return whether the answer has ended, after which nothing more is taken."""
        for character in piece:
            if self.reason:
                break
            self._text += character
            self._find_end(character)
            if not self.reason:
                self._find_loop(character)
        return bool(self.reason)

    def _find_end(self, character: str) -> None:
        if self._answer is None:
            if character == ":" and self._text.endswith(ANSWER_TAGS):
                self._answer = len(self._text)
            return
        answer = self._text[self._answer :]
        begun = len(answer) - len(answer.lstrip())
        end = answer.find("\n", begun)
        if begun < len(answer) and end < 0:
            end = _line_end(answer, max(begun, len(answer) - _TAIL))  # an earlier end was seen earlier
        if end > begun:
            self._text = self._text[: self._answer + end].rstrip()
            self.reason = "stop"

    def _find_loop(self, character: str) -> None:
        if not (character.isdecimal() and self._counted.endswith("0")):
            self._counted += "0" if character.isdecimal() else character
        if found := _loop(self._text):
            self._text = _one_copy(self._text, *found)
            self.reason = "repetition"
        elif found := _loop(self._counted):
            period, agreeing = found
            if agreeing + period >= max(_COUNTED_COPIES * period, _COUNTED_CHARACTERS):
                self.reason = "repetition"


def _line_end(answer: str, first: int) -> int:
    """Return where the short answer ends within its line, searched from `first` on; -1 where it has not ended yet.

    A full stop ends it before the next sentence, not one behind an initial or an abbreviation ("J. R. R. Tolkien",
    "St. Louis"); "!" and "?" do not, as titles hold them ("Jeopardy! host").
    """
    ends = [match.start() for match in _MARKUP.finditer(answer, first + 1)]
    for match in _SENTENCE.finditer(answer, first):
        word = match[1].lower()
        if (len(word) >= 4 and word not in _ABBREVIATIONS) or (word.isdecimal() and len(word) > 1):
            ends.append(match.end())
            break
    return min(ends, default=-1)


def end_of(text: str) -> tuple[str, Reason]:
    """Return a whole answer cut where the rules end it, and why; the reason is empty where they do not."""
    rules = StopRules()
    rules.push(text)
    return rules.text, rules.reason
