"""Who or what a clause is about, as a question can name it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.phrases import is_cut, is_vague, is_whole, phrase, text_of
from raft_core.dataset.generators.rules.topic import Topic, is_human, is_name, resolves

if TYPE_CHECKING:
    from spacy.tokens import Token

LONGEST = 9
"""Words of a subject."""
_NAMING = frozenset({"pobj", "compound", "conj", "appos", "nmod", "poss"})
"""Where a name within a phrase makes it one that can be asked about: "the mayor of Oslo", "Oslo's mayor"."""
_OWNERS = words("his her its their")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question calls the subject, its name in the sentence ("" for a pronoun), and what agrees with it.

    `joined` is two in one ("Venn and Solt"), `known` are the pronouns that mean it, `many` tells that it may be plural.
    """

    text: str
    named: str
    person: bool
    plural: bool
    joined: bool
    topic: Topic | None
    known: frozenset[str]
    contextual: bool = False
    many: bool = False


def subject_for(token: Token | None, topic: Topic | None, *, sure: bool) -> Subject | None:
    """Return the subject that a token stands for, None where nobody could tell who is meant.

    A pronoun stands for the topic where that is `sure`.
    """
    if token is None:
        return None
    if topic is not None and sure:
        if resolves(topic, token):
            allowed = {"he": "his", "she": "her", "they": "their"}.get(token.lower_, "its")
            return Subject(topic.name, "", topic.person, topic.plural, False, topic, frozenset({allowed}))
        owner = next((child for child in token.children if child.dep_ == "poss"), None)
        if owner is not None and owner.lower_ in _OWNERS:
            return _owned(token, owner, topic)
    kept = phrase(token)
    text = text_of(kept)
    torn = not text or len(text.split()) > LONGEST or not is_whole(kept) or _broken(kept)
    if torn or token.pos_ == "PRON" or is_vague(kept) or re.match(r"\d+(?:st|nd|rd|th)\b", kept[0].text):
        return None
    return _named(token, kept, text, topic)


def _named(token: Token, kept: list[Token], text: str, topic: Topic | None) -> Subject | None:
    """Return the topic, another name, or a thing that the document's title can tell; None for anything else."""
    plural = token.tag_ == "NNS"
    common = kept[0].pos_ != "PROPN" and kept[0].ent_type_ not in {"WORK_OF_ART", "ORG", "PERSON"}
    lowered = (
        text[:1].lower() + text[1:] if kept[0].is_sent_start and (kept[0].text == "The" or common) else text
    )
    named = re.sub(r"^[Tt]he (?=\S)", "", text)
    many = token.tag_ == "NNPS" or text.endswith("s")
    if topic is not None and topic.is_meant_by(text):
        return Subject(
            topic.name, named, topic.person, topic.plural, False, topic, _known(topic.person), many=many
        )
    if _is_definite(kept, token):
        return Subject(lowered, "", is_human(token), plural, False, None, frozenset(), contextual=True)
    bare = plural and not any(child.dep_ in {"det", "poss", "compound", "amod"} for child in token.children)
    if (
        bare
        or " as of " in text
        or not any(is_name(each) for each in kept if each == token or each.dep_ in _NAMING)
    ):
        return None
    joined = any(child.dep_ == "conj" for child in token.children)
    person = is_human(token)
    return Subject(lowered, named, person, joined or plural, joined, None, _known(person), many=many)


def _known(person: bool) -> frozenset[str]:
    return frozenset({"his", "her"} if person else {"its"})


_LOOSE = words(
    "following first second third last next latter former result idea fact problem reason question point case rest same other "
    "others thing things way ways part parts kind sort number answer aim goal purpose difference example trick key truth word "
    "more most less least best worst only whole time day year moment people person man woman author text page section figure "
    "paper work way one ones former above below"
)
"""Nouns and adjectives with which "the …" is said of a thing in the text before."""


def _is_definite(kept: list[Token], noun: Token) -> bool:
    """Tell whether a subject without a name is one thing of its document all the same: "the chain hoist".

    What is said of a kind of things in the present will do as well: "bookings last …", "a coracle weighs …".
    """
    start = kept[0].lower_
    generic = noun.tag_ == "NNS" and noun.head.tag_ in {"VBP", "MD", "VB"} and len(kept) <= 3
    if (
        start != "the"
        and not generic
        and not (start in {"a", "an"} and noun.head.tag_ in {"VBZ", "MD", "VB"})
    ):
        return False
    loose = any(token.lemma_.lower() in _LOOSE for token in kept)
    return (
        noun.pos_ == "NOUN"
        and len(kept) <= 6
        and not loose
        and not is_cut(kept)
        and not any(is_name(token) for token in kept)
    )


def _owned(token: Token, owner: Token, topic: Topic) -> Subject | None:
    """Return "its elevation" as "the elevation of Oslo", "his uncle" as "Arlo Venn's uncle"."""
    fits = (
        topic.person
        if owner.lower_ in {"his", "her"}
        else topic.plural
        if owner.lower_ == "their"
        else not topic.person
    )
    kept = phrase(token)
    if not fits or kept[0] != owner or len(kept) > 5 or is_vague(kept[1:]):
        return None
    rest = text_of(kept[1:])
    text = (
        f"{possessive(topic.name)} {rest}"
        if topic.person or len(topic.name.split()) < 3
        else f"the {rest} of {topic.name}"
    )
    return Subject(text, "", is_human(token), token.tag_ == "NNS", False, None, frozenset())


def possessive(name: str) -> str:
    """Return a name with its genitive."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _broken(tokens: list[Token]) -> bool:
    """Tell whether something in the middle of a phrase was left out that is no remark between commas."""
    for before, after in pairwise(tokens):
        if after.i - before.i > 1 and before.doc[before.i + 1].text not in {",", "–", "—"}:
            return True
    return False
