"""Answer spans in a sentence, by rule: dates, years, numbers, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from raft_core.dataset.generators.sentences import words

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_CAPITALISED = r"(?:[A-Z]\.(?= [A-Z])|[A-ZÀ-ÖØ-Þ][\w’'-]*)"
_INNER = r"(?:(?:of the|of|the|de la|de|du|von|van der|van|del|di|da|al|&)\s+)"
_NAME = rf"{_CAPITALISED}(?:\s+{_INNER}?{_CAPITALISED})*"
_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundreds|thousands"
)
_SCALE = r"(?:\s(?:thousand|million|billion|trillion))?"

PATTERNS = (
    ("date", re.compile(rf"\b(?:\d{{1,2}} {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}}, \d{{4}}|\d{{4}}-\d\d-\d\d)\b")),
    ("month", re.compile(rf"\b{_MONTH}(?: \d{{4}}\b|\b(?! [A-Z\d]))")),
    ("decade", re.compile(r"\b(?:1[5-9]|20)\d0s\b")),
    ("century", re.compile(r"\b\d{1,2}(?:st|nd|rd|th) century\b")),
    ("money", re.compile(rf"[$€£]\s?\d[\d,]*(?:\.\d+)?{_SCALE}\b")),
    ("percent", re.compile(r"\b\d[\d,]*(?:\.\d+)?\s?(?:%|percent\b|per cent\b)")),
    ("year", re.compile(r"(?<![\d$€£.,-])\b(?:1\d{3}|20\d{2})\b(?![,.]\d|[-–%/])")),
    ("number", re.compile(rf"(?<![\w$€£.,/-])(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?|{_WORDS}){_SCALE}\b(?![-–/%.,]\d|-)")),
    ("name", re.compile(rf"(?<!\w){_NAME}(?: and {_NAME})?")),
)  # fmt: skip
"""Kinds of spans, the more telling first: a later kind never takes text that an earlier one holds."""

COUNTED = re.compile(
    r" ((?:(?!(?:of|in|on|at|to|from|by|and|or|is|was|the|a|per)\b)[a-z][a-z-]* ){0,2}?"
    r"(?:[a-z]{2,}[^\Ws]s|people|men|women|children|km|kg|feet)(?: (?:long|high|tall|wide|deep|old|thick))?)\b"
)
"""The counted thing after a number: "300 wooden ships"."""

NOT_NAMES = words(
    "i the a an in on at of to by for and or but if he she it they we you his her its their this that these those "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december mr mrs ms dr before after since during when while as so see although then with without"
)
THINGS = re.compile(
    r"\b(?:University|College|School|Company|Corporation|Inc|Ltd|River|Lake|Sea|Ocean|Mountains?|Island|City|County|"
    r"State|States|Street|Road|Avenue|Bridge|Party|League|Cup|Museum|Institute|Magazine|Festival|Church|Airport|Park|"
    r"Court|Act|War|Union|Association|Society|Council|Championships?|Series|Award|Awards|Prize|Records|Band|Club|"
    r"The|of|House|Department|Games|Theatre|Center|Centre|Hall|North|South|East|West|New|San|Los|Saint|Air|Force)\b"
)
GIVEN_NAMES = words(
    "james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark "
    "donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary "
    "nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander raymond patrick "
    "jack dennis jerry tyler aaron jose henry adam douglas nathan peter zachary kyle walter harold carl jeremy keith "
    "roger gerald lawrence sean christian albert arthur joe ethan billy bruce willie ralph roy louis philip eugene "
    "mary patricia jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa margaret betty sandra ashley "
    "dorothy kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura sharon cynthia kathleen "
    "amy shirley angela helen anna brenda pamela nicole emma ruth katherine catherine virginia christine samantha "
    "janet maria heather diane julie joyce victoria kelly christina joan evelyn martha andrea hannah jean alice ann "
    "julia grace judy sophia amber denise marilyn danielle rose jane frances kate ada isaac fred oscar hugh simon")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A possible answer: `text` = sentence[start:end]; `counted` is what a number counts."""

    kind: str
    start: int
    end: int
    text: str
    counted: str = ""


def find_spans(sentence: str) -> Iterator[Span]:
    """Yield the spans of a sentence, none overlapping another."""
    taken: list[tuple[int, int]] = []
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(sentence):
            start, end = match.span()
            if any(start < stop and begin < end for begin, stop in taken):
                continue
            taken.append((start, end))
            if kind == "name":
                start, end = _trimmed(sentence, start, end)
                if start == end:
                    continue
            counted = COUNTED.match(sentence, end) if kind in {"number", "year"} else None
            if counted:
                kind_here, thing = "number", counted.group(1)
            else:
                kind_here, thing = kind, ""
            yield Span(kind_here, start, end, sentence[start:end], thing)


def looks_like_person(name: str) -> bool:
    """Tell whether a name begins like a person's; invented and rare names are not recognised."""
    words = name.split()
    return words[0].lower() in GIVEN_NAMES and len(words) > 1 and not THINGS.search(name)


def _trimmed(sentence: str, start: int, end: int) -> tuple[int, int]:
    """Cut function words and a possessive off a run of capitalised words."""
    while start < end:
        first = sentence[start:end].split(maxsplit=1)[0]
        if first.lower() not in NOT_NAMES or (first == "The" and start > 0 and " " in sentence[start:end]):
            break
        start += len(first)
        while start < end and sentence[start] == " ":
            start += 1
    if sentence[start:end].endswith(("'s", "’s")):
        end -= 2
    return start, max(start, end)
