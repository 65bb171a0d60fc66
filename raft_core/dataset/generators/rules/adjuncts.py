"""Questions for times and places: when, since when, for how long, at what time, where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.building import (
    PLACES,
    Candidate,
    build,
    end_of,
    is_day,
    is_one_piece,
    without,
)
from raft_core.dataset.generators.rules.clauses import Clause, Part
from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.phrases import (
    is_clock,
    is_date,
    is_duration,
    is_vague,
    is_whole,
    phrase,
    text_of,
)
from raft_core.dataset.generators.rules.topic import is_name

if TYPE_CHECKING:
    from spacy.tokens import Token

_WHEN = words("in on at during")


_WHERE = words("in at near on")


_STAYS = words(
    "bear die locate situate live base hold bury grow reside settle premiere stage build establish found study film stand lie meet take_place headquarter raise educate bring"
)
"""Verbs that say where."""


def about_time(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield when, since when, at what time, or for how long."""
    noun, lead = part.object, part.preposition
    if noun is None or (part.front and part.head.i != clause.main.sent.start):
        return
    held = clause.base == "be" and any(other.role == "attr" for other in clause.parts)
    perfect = clause.auxiliary in {"has", "have"}
    kept = phrase(noun)
    answer = text_of(kept)
    if lead == "from" and (is_date(answer) or is_clock(answer)) and not held and not perfect:
        yield from _span_of_time(clause, part)
    timely = noun.ent_type_ in {"DATE", "TIME"} or (noun.tag_ == "CD" and noun.ent_type_ == "CARDINAL")
    if not answer or not timely or is_vague(kept) or not is_whole(kept) or not is_one_piece(kept):
        return
    if lead == "since" and perfect and is_date(answer):
        yield Candidate(build(clause, "Since when", part), answer, 2.6, "since when")
    elif lead in {"for", ""} and is_duration(answer):
        yield Candidate(build(clause, "For how long", part), answer.partition(",")[0], 2.2, "how long")
    elif not held and not perfect:
        yield from _at_a_time(clause, part, answer)


_CLOCK_WORDS = {
    "at": "At what time",
    "until": "Until when",
    "by": "By when",
    "in": "When",
    "from": "From when",
}


def _at_a_time(clause: Clause, part: Part, answer: str) -> Iterator[Candidate]:
    lead, noun = part.preposition, part.object
    dated = is_date(answer) and (lead in _WHEN or not lead)
    if (
        dated
        and noun is not None
        and not _laden(clause, part)
        and not any(child.dep_ == "prep" for child in noun.children)
    ):
        year = re.fullmatch(r"\d{4}", answer) and lead == "in"
        asking = "In what year" if year and len(clause.subject) % 2 else "When"
        yield Candidate(build(clause, asking, part), answer, 3.0, f"when {clause.base}")
    elif is_clock(answer) and lead in _CLOCK_WORDS:
        yield Candidate(build(clause, _CLOCK_WORDS[lead], part), answer, 3.0, f"when {clause.base}")


def _span_of_time(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield a question for "from 4 April to 25 October", whether the parser joined its halves or not."""
    halves = [
        part,
        *(
            other
            for other in clause.parts
            if other.preposition in {"to", "until", "till"} and other.head.i == end_of(part) + 1
        ),
    ]
    last = halves[-1] if len(halves) == 2 else part
    tokens = list(part.head.doc[part.head.i : end_of(last) + 1])
    text = text_of(tokens)
    if re.search(r"\b(?:to|until|till)\b", text) and is_whole(tokens) and not is_vague(tokens):
        yield Candidate(build(without(clause, halves), "When", None), text, 3.0, f"when {clause.base}")


def _laden(clause: Clause, part: Part) -> bool:
    """Tell whether there are other dates in the clause: one of them may be the answer as well."""
    return any(other is not part and is_day(other) for other in clause.parts)


def about_place(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield where something is, happens, or goes to."""
    held = clause.base == "take" and any(
        other.role == "dobj" and other.head.lower_ == "place" for other in clause.parts
    )
    goes = part.preposition == "to" and clause.base in {"move", "relocate", "emigrate", "immigrate", "flee"}
    if not goes and (part.preposition not in _WHERE or (clause.base not in _STAYS and not held)):
        return
    answer = place_of(part.head)
    if answer and part.preposition == "near":
        answer = part.text  # near the sea is not in it
    if answer:
        dates = [
            other for other in clause.parts if other.object is not None and other.object.ent_type_ == "DATE"
        ]
        question = build(
            clause if goes else without(clause, dates), "Where", part, strand="to" if goes else ""
        )
        yield Candidate(question, answer, 2.8 - 0.5 * (part.preposition == "on"), f"where {clause.base}")


def place_of(preposition: Token) -> str:
    """Return the place behind a preposition, with the larger one that follows: "Springfield, Illinois"."""
    found = [child for child in preposition.children if child.dep_ == "pobj"]
    if len(found) != 1 or not any(token.ent_type_ in PLACES for token in phrase(found[0])):
        return ""
    kept = phrase(found[0])
    inner = any(child.dep_ == "prep" and child.lower_ in {"of", "in"} for child in found[0].children)
    if not (is_name(found[0]) or found[0].ent_type_ in PLACES or inner) or kept[0].lower_ in {"a", "an"}:
        return ""
    document = found[0].doc
    if found[0].ent_type_ == "GPE":  # "Brooklin, Maine" of "in Brooklin, Maine of lung cancer"
        kept = [
            token
            for token in kept
            if token.i <= found[0].i or token.ent_type_ == "GPE" or document[token.i].text == ","
        ]
        kept = kept[: next((n for n, token in enumerate(kept) if token.i - kept[0].i != n), len(kept))]
        if kept[-1].text == ",":
            kept = kept[:-1]
    end = kept[-1].i + 1
    while (
        end + 1 < len(document)
        and document[end].text == ","
        and document[end + 1].ent_type_ == "GPE"
        and not _is_subject(document[end + 1])
    ):
        end += 2
        while end < len(document) and document[end].ent_iob_ == "I" and document[end].ent_type_ == "GPE":
            end += 1
    tokens = list(document[kept[0].i : end])
    if not is_one_piece(kept) or is_vague(tokens) or not is_whole(tokens):
        return ""
    return text_of(tokens[1:] if tokens[0].lower_ == "the" and len(tokens) > 1 else tokens)


def _is_subject(token: Token) -> bool:
    return token.dep_ in {"nsubj", "nsubjpass"} or token.head.dep_ in {"nsubj", "nsubjpass"}
