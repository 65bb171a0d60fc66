"""Questions for the pieces of a predicate: its object, its agent, what its preposition brings along, numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.adjuncts import about_place, about_time
from raft_core.dataset.generators.rules.building import (
    NUMBERS,
    Candidate,
    build,
    end_of,
    is_day,
    is_telling,
    noun_phrase,
    object_of,
    sentence,
    without,
)
from raft_core.dataset.generators.rules.clauses import Clause, Part
from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.phrases import REMARKS, is_date, phrase, text_of
from raft_core.dataset.generators.rules.topic import is_human, is_name

if TYPE_CHECKING:
    from spacy.tokens import Token

_GOVERNED = {
    "base": "on", "consist": "of", "know": "for as", "work": "for with as", "belong": "to", "name": "after for", "marry": "to",
    "refer": "to", "derive": "from", "adapt": "from", "star": "in", "appear": "in", "serve": "as on", "sign": "with to by",
    "graduate": "from", "inspire": "by", "collaborate": "with", "compete": "in for", "participate": "in",
    "specialize": "in", "specialise": "in", "play": "for", "focus": "on", "team": "with", "acquire": "from", "partner": "with", "lie": "along",
    "merge": "with", "convert": "to into", "divide": "into", "lead": "to", "dedicate": "to", "nominate": "for",
    "use": "for as in", "tour": "with", "associate": "with", "perform": "with", "air": "on", "broadcast": "on", "run": "on",
    "build": "on", "own": "by", "flow": "into through", "border": "by", "depend": "on", "apply": "to for",
    "connect": "to with", "design": "for", "suffer": "from", "belongs": "to", "coach": "at", "teach": "at", "study": "at under",
    "elect": "to", "appoint": "to as", "translate": "into", "release": "on by through", "replace": "by with", "award": "to",
    "publish": "in by", "record": "with at", "train": "with under", "report": "to", "contribute": "to", "date": "to", "range": "from",
    "act": "as", "feature": "in", "include": "in", "list": "on in", "attend": "", "debut": "in", "rename": "to", "lose": "to",
}  # fmt: skip
"""Prepositions that a verb brings along, so that "What is it based on?" reads as people speak."""


_FIRM = words(
    "make take have give get do see come go bring put let help cause allow keep include feature contain involve follow experience finish see answer say call tell ask show present want need like mean"
)
"""Verbs whose object is seldom asked for by "what"."""


_MEASURES = {
    "tall": "tall",
    "high": "high",
    "long": "long",
    "wide": "wide",
    "deep": "deep",
    "old": "old",
    "thick": "thick",
    "heavy": "heavy",
}


_QUALITIES = {
    "responsible": "for", "famous": "for", "notable": "for", "native": "to", "similar": "to", "adjacent": "to", "close": "to",
    "popular": "with in", "active": "in", "available": "in on", "subject": "to", "equal": "to", "home": "to", "open": "to on",
    "closed": "on in", "visible": "from", "due": "on by", "named": "after", "made": "of",
}  # fmt: skip


def about_part(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield the questions that a piece of the predicate answers."""
    if part.object is None:
        return
    if part.role in {"prep", "npadvmod"}:
        yield from about_time(clause, part)
    if part.role == "prep":
        yield from about_place(clause, part)
        yield from _governed(clause, part)
    if part.role == "agent":
        yield from _about_agent(clause, part)
    if part.role == "dobj":
        yield from _about_object(clause, part)
    if part.role in {"dobj", "prep", "attr"}:
        yield from _about_number(clause, part)
    if part.role == "acomp":
        yield from _about_measure(clause, part)
        yield from _about_quality(clause, part)
    if (
        part.role == "oprd"
        and clause.is_passive
        and clause.base in {"name", "call", "nickname", "title", "entitle"}
    ):
        yield Candidate(build(clause, "What", part), noun_phrase(part.object), 2.2, f"what {clause.base}")


def _clashes(clause: Clause, part: Part) -> bool:
    """Tell whether the preposition would be left beside another of its kind: "on what … on Monday"."""
    return any(other is not part and other.preposition == part.preposition for other in clause.parts)


def _governed(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "What is … based on?", "Who did … marry?" for prepositions that belong to the verb."""
    noun = part.object
    if (
        noun is None
        or part.front
        or _clashes(clause, part)
        or any(other.role == "xcomp" for other in clause.parts)
        or part.preposition not in _GOVERNED.get(clause.base, "").split()
    ):
        return
    answer = noun_phrase(noun)
    if (
        not answer
        or is_date(answer)
        or noun.pos_ == "NUM"
        or answer.startswith("between ")
        or (not is_name(noun) and len(answer.split()) < 2)
    ):
        return
    asking = (
        "Who"
        if is_human(noun) and part.preposition != "as"
        else _what_for(clause.base, part.preposition, noun)
    )
    behind = [
        other
        for other in clause.parts
        if other.role == "prep" and other.head.i == end_of(part) + 1 and not is_day(other)
    ]
    question = build(without(clause, behind), asking, part, strand=part.preposition)
    yield Candidate(
        question, answer, 2.3 + 0.2 * is_name(noun), f"{asking} {clause.base} {part.preposition}".lower()
    )


def _what_for(verb: str, preposition: str, noun: Token) -> str:
    if (verb, preposition) == ("play", "for") or (verb == "sign" and is_name(noun)):
        return "Which team" if verb == "play" else "Who"
    if preposition == "by":
        return "Who"
    return "What"


def _about_agent(clause: Clause, part: Part) -> Iterator[Candidate]:
    if part.object is None or not (
        is_name(part.object) or (clause.contextual and len(phrase(part.object)) > 1)
    ):
        return
    if clause.base in {"follow", "accompany", "precede"}:
        return
    answer = _people(part.object)
    named = is_name(part.object) and part.object.ent_type_ in {"PERSON", "ORG", "NORP", ""}
    asking = "Who" if named or is_human(part.object) else "What"
    before = [other for other in clause.parts if other.head.i < part.head.i]
    question = build(replace(clause, parts=(part, *before)), asking, part, strand="by")
    yield Candidate(question, answer, 2.9, f"{asking} by {clause.base}".lower())


def _people(noun: Token) -> str:
    """Return a name, without "the American director" before it."""
    answer = noun_phrase(noun)
    if noun.ent_type_ == "PERSON" and answer and not list(noun.conjuncts):
        name = text_of([token for token in phrase(noun) if token.ent_type_ == "PERSON"])
        return name if name in answer else answer
    return answer


def _about_object(clause: Clause, part: Part) -> Iterator[Candidate]:
    noun = part.object
    if clause.is_passive and clause.base not in words("give award grant offer send pay teach"):
        return
    if noun is None or noun.lemma_.lower() in {"part", "role", "place"}:
        return
    misread = any(
        other.head.i < part.head.i for other in clause.parts if other.role == "prep" and not other.front
    )
    if (
        misread
        or clause.base in _FIRM
        or sum(other.role == "dobj" for other in clause.parts) > 1
        or any(other.role in {"xcomp", "oprd"} for other in clause.parts)
    ):
        return
    if noun.ent_type_ in NUMBERS:
        if noun.ent_type_ == "MONEY" and clause.base in words(
            "cost charge pay earn raise receive donate spend win"
        ):
            yield Candidate(
                build(clause, "How much", part), noun_phrase(noun), 2.6, f"how much {clause.base}"
            )
        return
    answer = noun_phrase(noun)
    if not answer or (not is_name(noun) and len(answer.split()) < 3):
        return
    asking = "Who" if noun.ent_type_ == "PERSON" or (is_human(noun) and is_name(noun)) else "What"
    if clause.base in {"attend", "join", "enter"}:
        asking = "What"
    if asking == "What" and clause.base in {"marry", "defeat", "beat", "succeed", "replace", "meet"}:
        asking = "Who"
    telling = [
        other
        for other in clause.parts
        if other is not part and other.text and (is_telling(other) or is_day(other))
    ]
    if not is_name(noun) and not telling and not clause.contextual:
        return
    score = 2.0 - 0.5 * (not telling) + 0.4 * is_name(noun) - 0.8 * (not is_name(noun))
    yield Candidate(build(clause, asking, part), answer, score, f"{asking} {clause.base}".lower())


def _about_number(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "How many … does … have?", and "What is the population of …?"."""
    noun = part.object
    if noun is None:
        return
    counts = [child for child in noun.children if child.dep_ == "nummod" and child.i < noun.i]
    others = [child for child in noun.children if child.dep_ in {"det", "poss"}]
    if (
        len(counts) == 1
        and not others
        and noun.tag_ == "NNS"
        and noun.ent_type_ in {"CARDINAL", "", "QUANTITY"}
        and not is_date(counts[0].text)
    ):
        number = counts[0]
        answer = text_of(phrase(number))
        thing = text_of(
            [
                token
                for token in phrase(noun, {*REMARKS, "prep", "conj", "cc"})
                if token not in set(number.subtree)
            ]
        )
        behind = [child for child in noun.children if child.dep_ == "prep"]
        if behind and behind[0].lower_ == "of":  # "three types of elections"
            thing = f"{thing} {text_of(phrase(behind.pop(0)))}"
        rest = text_of([token for child in behind for token in phrase(child)])
        strand = " ".join(piece for piece in (rest, part.preposition) if piece)
        if (
            thing
            and not is_date(answer)
            and not answer.startswith(("to ", "and "))
            and (part.role == "dobj" or (part.preposition == "of" and not rest))
        ):
            yield Candidate(
                build(clause, f"How many {thing}", part, strand=strand),
                answer,
                2.7,
                f"how many {noun.lemma_}".lower(),
            )
    if (
        part.role == "dobj"
        and clause.base == "have"
        and noun.lemma_
        in {
            "population",
            "area",
            "length",
            "capacity",
            "enrollment",
            "enrolment",
            "height",
            "circulation",
            "elevation",
        }
    ):
        for child in noun.children:
            value = object_of(child)
            if child.lower_ == "of" and value is not None and value.like_num | (value.ent_type_ in NUMBERS):
                yield Candidate(
                    f"What is the {noun.lemma_} of {clause.subject}?",
                    noun_phrase(value),
                    2.7,
                    f"what {noun.lemma_}",
                )


def _about_measure(clause: Clause, part: Part) -> Iterator[Candidate]:
    measure = _MEASURES.get(part.head.lower_)
    amounts = [child for child in part.head.children if child.dep_ == "npadvmod"]
    if measure and len(amounts) == 1 and clause.base == "be":
        answer = text_of(phrase(amounts[0]))
        yield Candidate(
            sentence([f"How {measure}", clause.auxiliary, clause.subject]), answer, 2.6, f"how {measure}"
        )


def _about_quality(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "What is … responsible for?", "When is … open?"."""
    for child in part.head.children:
        noun = object_of(child)
        if (
            clause.base != "be"
            or noun is None
            or child.lower_ not in _QUALITIES.get(part.head.lower_, "").split()
        ):
            continue
        kept = phrase(noun)
        answer = noun_phrase(noun)
        if not is_name(noun) and len(answer.split()) < 2:
            continue
        when = noun.ent_type_ in {"DATE", "TIME"} and is_date(text_of(kept))
        asking, strand = ("When", "") if when else ("Who" if is_human(noun) else "What", child.lower_)
        question = sentence([asking, clause.auxiliary, clause.subject, part.head.text, strand])
        yield Candidate(question, answer, 2.2, f"{asking} {part.head.lower_}".lower())
