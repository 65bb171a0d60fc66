"""What all questions are put together from: the verb inverted, the pieces in order, a noun phrase as an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.clauses import Clause, Part
from raft_core.dataset.generators.rules.phrases import (
    is_cut,
    is_date,
    is_list_cut,
    is_vague,
    is_whole,
    phrase,
    text_of,
    with_list,
)
from raft_core.dataset.generators.rules.topic import is_name

if TYPE_CHECKING:
    from spacy.tokens import Token

LONGEST_QUESTION, LONGEST_ANSWER, LONGEST_DEFINITION = 24, 10, 14
"""Words."""
COMFORTABLE = 16
"""Words. A question that is longer loses phrases from its end until it is not."""


PLACES = frozenset({"GPE", "LOC", "FAC"})


NUMBERS = frozenset({"CARDINAL", "QUANTITY", "MONEY", "PERCENT"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question whose answer stands in the sentence; a higher score is a better one. `pattern` names its form."""

    question: str
    answer: str
    score: float
    pattern: str


def build(clause: Clause, asking: str, without: Part | None, *, strand: str = "", drop: str = "") -> str:
    """Return `asking` + inverted verb + subject + what is left; "" where a needed piece cannot be repeated."""
    pieces, optional = [], []
    for part in clause.parts:
        if part is without:
            pieces.append(strand)
        elif not part.text:
            needed = (
                part.head.i == clause.main.i + 1 and part.role == "prep"
            )  # "succeeded to his father's title"
            if needed or part.role not in {"prep", "advmod", "npadvmod"}:
                return ""
        elif clause.base == "bear" and part.preposition == "to":
            continue  # "to parents Steve and Loretta Lewis"
        elif (
            part.role in drop.split()
            or is_idle(part)
            or (part.role == "advmod" and not belongs(clause, part))
        ):
            continue
        else:
            pieces.append(part.text)
            optional += [part.text] * (part.role == "prep" and part.head.i > clause.main.i + 1)
    head = [
        asking,
        clause.auxiliary or clause.support,
        clause.subject,
        clause.verb if clause.auxiliary else clause.base,
    ]
    while optional and len(" ".join([*head, *pieces]).split()) > COMFORTABLE:
        pieces.remove(optional.pop())
    return sentence([*head, *pieces])


def belongs(clause: Clause, part: Part) -> bool:
    """Tell whether an adverb makes the verb what it is: "went back", "continued south"."""
    return part.head.i == clause.main.i + 1 and not part.text.endswith("ly") and " " not in part.text


def sentence(pieces: list[str]) -> str:
    """Return pieces as a question."""
    text = " ".join(" ".join(piece for piece in pieces if piece).split()).strip(" ,;")
    return f"{text[:1].upper()}{text[1:]}?"


def is_idle(part: Part) -> bool:
    """Tell whether a piece can be left out of a question: a phrase before the subject without a name or a date."""
    return part.front and not re.search(r"[A-Z\d]", part.text)


def without(clause: Clause, parts: list[Part]) -> Clause:
    """Return a clause that lacks some pieces."""
    return replace(clause, parts=tuple(part for part in clause.parts if part not in parts))


def noun_phrase(noun: Token) -> str:
    """Return a noun with all that belongs to it as an answer; "" where it is vague, or a piece of something longer."""
    kept = phrase(noun)
    if is_list_cut(kept):
        kept = with_list(kept)
    if not is_whole(kept) or is_vague(kept) or is_list_cut(kept) or not is_one_piece(kept):
        return ""
    if any(token.dep_ == "npadvmod" and token.ent_type_ in {"DATE", "TIME"} for token in kept):
        return ""  # "a firm from Dunmere every October"
    if not is_name(noun) and is_cut(kept):
        return ""
    if is_name(noun) and kept[0].text == "the" and len(kept) > 1:
        kept = kept[1:]
    text = text_of(kept)
    return text[1:-1] if re.fullmatch(r'["“][^"“”]*["”]', text) else text


def is_telling(part: Part) -> bool:
    """Tell whether a piece holds a name."""
    if part.object is None:
        return False
    return any(is_name(token) for token in phrase(part.object))


def is_day(part: Part) -> bool:
    """Tell whether a piece is a date."""
    return part.object is not None and (part.object.ent_type_ == "DATE" or is_date(part.text))


def is_one_piece(tokens: list[Token]) -> bool:
    """Tell whether nothing was left out in the middle of a phrase."""
    return len(tokens) == tokens[-1].i - tokens[0].i + 1


def end_of(part: Part) -> int:
    """Return the place of the last token of a piece."""
    return phrase(part.head)[-1].i


def object_of(preposition: Token) -> Token | None:
    """Return the only object of a preposition."""
    found = [child for child in preposition.children if child.dep_ == "pobj"]
    return found[0] if len(found) == 1 else None
