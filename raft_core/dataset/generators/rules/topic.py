"""What a paragraph is about, so that "he", "it" and "the film" can be named where that is certain."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.phrases import phrase, text_of

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

    from raft_core.dataset.generators.rules.prose import Sentence

PERSONS = words(
    "actor actress artist athlete author ballerina baritone bassist boxer businessman businesswoman captain cellist chef "
    "chemist coach comedian comedienne composer conductor criminal critic cyclist dancer designer diplomat director "
    "dramatist drummer economist editor engineer entrepreneur essayist executive explorer farmer filmmaker footballer "
    "founder gardener general golfer goalkeeper governor guitarist historian host inventor journalist judge king lawyer "
    "lecturer lyricist man manager mathematician mayor member minister model monarch musician nobleman novelist officer "
    "painter person personality philosopher photographer physician physicist pianist pilot pitcher playwright player poet "
    "politician pope president priest prince princess producer professor programmer publisher quarterback queen rapper "
    "receiver runner saxophonist scholar scientist screenwriter sculptor secretary senator singer skater skier soldier "
    "songwriter sociologist soprano sportsman sportswoman statesman student surgeon swimmer teacher tenor theologian "
    "theorist trainer translator treasurer trumpeter violinist vocalist volunteer warrior woman wrestler writer chair "
    "chairman chairwoman chairperson keeper owner caretaker baker potter carpenter mother father son daughter brother "
    "sister wife husband widow friend nephew niece uncle aunt cousin colleague physicist biologist geologist botanist "
    "zoologist psychologist psychiatrist anthropologist archaeologist astronaut astronomer attorney bishop broadcaster "
    "cardinal cartoonist choreographer clergyman columnist commander commentator count countess dj duke duchess emperor "
    "empress fighter guard linebacker midfielder defender forward striker illustrator impresario industrialist "
    "instructor jockey librarian lord missionary monk nun nurse occultist organist outfielder pathologist patriarch "
    "pioneer presenter promoter racer ruler sailor saint shogun sociologist sorcerer spy sultan tsar umpire vicar "
    "youtuber grandfather grandmother grandson granddaughter spouse parent successor predecessor leader activist advocate academic analyst animator announcer archbishop architect bodybuilder consul"
)
"""Nouns that say that somebody is a person."""
GROUPS = words(
    "band group duo trio quartet quintet ensemble team family dynasty people tribe pair couple brothers sisters twins orchestra"
)
INSTITUTIONS = words(
    "School University College Company Inc Inc. Ltd Club Records Academy Institute Museum Hospital Church Party League Cup "
    "Award Awards Prize Festival River Lake Island Park Bridge Street Road Station Airport County City Town District "
    "Department Agency Foundation Society Council Committee Association Series Show Magazine Press Group Band Orchestra "
    "Theatre Theater Studios Pictures Entertainment House Hall Castle Palace Army Navy Force Corps Division Battle War Act "
    "Media Network Radio Television Bank Centre Center Grant Mill Kiln Library"
)
"""Words in a name that make it no person's."""
HE_SHE = {"he": "his", "she": "her"}
_AGENT = re.compile(r"(?:er|or|ist|ian|man|woman|ant|eer|ess)$")
_SUFFIX = re.compile(r"\s*\([^()]*\)$")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Topic:
    """A named subject: `person` and `plural` tell which pronouns may stand for it, `nouns` what it is called besides.

    `full` is the name as the first sentence has it, `name` the document's title where that names it too.
    """

    name: str
    full: str
    person: bool
    plural: bool
    nouns: frozenset[str] = frozenset()

    def is_meant_by(self, phrase: str) -> bool:
        """Tell whether a phrase names the topic, in full or in part."""
        said = _bare(phrase).split()
        for name in (self.name, self.full):
            own = _bare(name).split()
            # "Coyne" for Mark Coyne, "The Rockets" for the Houston Rockets, but never "Mark Coyne's brother".
            if (
                phrase.lower().startswith("the ")
                and len(said) == 1
                and said[0] in own
                and phrase[4:5].isupper()
            ):
                return True
            if said and (
                said == own or said == own[-len(said) :] or (self.person and said == own[: len(said)])
            ):
                return True
        return False


def find_topic(title: str, sentences: Sequence[Sentence]) -> Topic | None:
    """Return the topic of a paragraph from its first sentence, where that sentence defines or names it.

    The subject must be a name, and be the document's title or be defined: "Oslo is the capital …".
    """
    first = sentences[0] if sentences else None
    subject = _first_subject(first.span) if first else None
    if first is None or subject is None or any(child.dep_ == "conj" for child in subject.children):
        return None
    full = name_of(subject)
    titled = _same(full, plain_title(title))
    nouns = _kinds(subject)
    if not full or not (titled or (nouns and is_name(subject))):
        return None
    name = plain_title(title) if titled and _is_name_of(plain_title(title), full) else _without_letters(full)
    if full[:4].lower() == "the " and name[:4].lower() != "the ":
        name = f"the {name}"
    if re.match(r"An? [a-z]", full) and titled:
        name = f"{full[:1].lower()}{full[1:]}"
    if name.startswith("The ") and name != plain_title(title):
        name = f"the {name[4:]}"
    person = _is_person(subject, nouns, sentences)
    plural = subject.head.lower_ in {"are", "were"} or bool(nouns & GROUPS and subject.tag_ == "NNPS")
    return Topic(name, full, person and not plural, plural, nouns)


def _is_name_of(title: str, full: str) -> bool:
    """Tell whether a title is the name itself: "Fort Fairfield, Maine" is, "In memory of Wilf Dacre" is not.

    Nor is a title that lacks a common word of the name: "Dbm" of "the dbm library".
    """
    said, titled = _bare(full).split(), _bare(title).split()
    longer = len(titled) > len(said) and titled[: len(said)] != said
    common = any(word.islower() and word.casefold() not in titled for word in _ARTICLE.sub("", full).split())
    return ":" not in title and not longer and not common


def _first_subject(span: Span) -> Token | None:
    """Return the subject of a sentence: the parser's, or the title that stands first, whatever follows."""
    found = subject_of(span.root)
    return found or (span[0] if " " in span[0].text else None)


def _kinds(subject: Token) -> frozenset[str]:
    """Return the nouns that define a subject: "film" of "a 1929 silent film", both of "an actor and singer"."""
    verb = subject.head
    kind = (
        next((child for child in verb.children if child.dep_ == "attr"), None)
        if verb.lemma_ == "be"
        else None
    )
    if kind is None:
        verbs = [token for token in subject.sent if token.lemma_ == "be" and token.i > subject.i]
        kind = next((child for verb in verbs[:1] for child in verb.children if child.dep_ == "attr"), None)
    if kind is None:
        return _kind_by_place(subject)
    found = [kind, *kind.conjuncts]
    of = next((child for child in kind.children if child.dep_ == "prep" and child.lower_ == "of"), None)
    if (
        kind.lower_
        in {"one", "type", "kind", "form", "series", "species", "breed", "genus", "brand", "member"}
        and of is not None
    ):
        found += [child for child in of.children if child.dep_ == "pobj"]
    return frozenset(token.lemma_.lower() for token in found if token.lower_ != "one")


def _kind_by_place(subject: Token) -> frozenset[str]:
    """Return the noun that ends the phrase behind "is a", where the parser saw no definition."""
    document, at = subject.doc, subject.i + 1
    if at + 1 >= len(document) or document[at].lemma_ != "be" or document[at + 1].tag_ != "DT":
        return frozenset()
    for token in document[at + 1 : at + 12]:
        following = document[token.i + 1] if token.i + 1 < len(document) else token
        if (
            token.pos_ == "NOUN"
            and following.pos_ not in {"NOUN", "PROPN", "ADJ"}
            and following.tag_ != "VBN"
        ):
            return frozenset({token.lemma_.lower()})
    return frozenset()


def _is_person(subject: Token, nouns: frozenset[str], sentences: Sequence[Sentence]) -> bool:
    """Tell whether a topic is a person, by what it is called and by the pronouns that follow."""
    subjects = {found.lower_ for sentence in sentences if (found := subject_of(sentence.span.root))}
    he = bool(subjects & set(HE_SHE))
    if subject.ent_type_ in {"GPE", "LOC", "NORP"} and not nouns & PERSONS:
        return False
    second = subject_of(sentences[1].span.root) if len(sentences) > 1 else None
    if second is not None and second.lower_ == "it" and not he:
        return False  # "a window manager. It …"
    if nouns & PERSONS:
        return True
    likely = subject.ent_type_ == "PERSON" and not nouns
    return likely or (
        he and all(_AGENT.search(noun) for noun in nouns) and bool(nouns or subject.pos_ == "PROPN")
    )


def subject_of(verb: Token) -> Token | None:
    """Return a verb's own subject, None where it has none or more than one."""
    found = [child for child in verb.children if child.dep_ in {"nsubj", "nsubjpass"}]
    return found[0] if len(found) == 1 and found[0].i < verb.i else None


def name_of(subject: Token) -> str:
    """Return a subject's phrase without what only comments on it, "" where that is torn."""
    kept = phrase(subject)
    torn = any(
        after.i - before.i > 1 and before.doc[before.i + 1].text not in {",", "–", "—"}
        for before, after in pairwise(kept)
    )
    return "" if torn else text_of(kept).strip('"“”')


def is_name(token: Token) -> bool:
    """Tell whether a noun is a proper name, or a title in quotation marks."""
    return token.pos_ == "PROPN" or token.ent_type_ == "WORK_OF_ART"


def is_human(token: Token) -> bool:
    """Tell whether a noun stands for a person."""
    if token.lemma_.lower() in PERSONS and token.pos_ == "NOUN":
        return True
    return token.ent_type_ == "PERSON" and not any(
        each.text in INSTITUTIONS for each in token.doc if token in (each.head, each)
    )


def _without_letters(name: str) -> str:
    """Return a name without the letters of orders and degrees behind it: "Reginald Mitchell CBE"."""
    return (
        re.sub(r"(?:,? (?:[A-Z]{2,5}|FRAeS|FRS|PhD|Esq))+$", "", name)
        if re.search(r"[a-z]{3}", name)
        else name
    )


def plain_title(title: str) -> str:
    """Return a title as people say it: without entities and "(1991 film)"."""
    return _SUFFIX.sub("", " ".join(html.unescape(title).split()))


def _bare(name: str) -> str:
    return _ARTICLE.sub("", re.sub(r"[\"“”'’.,]", "", name)).casefold().strip()


def _same(phrase: str, title: str) -> bool:
    """Tell whether a phrase names a title: all words of the one are in the other, in its order."""
    said, titled = _bare(phrase).split(), _bare(title).split()
    short, long = sorted((said, titled), key=len)
    at = iter(long)
    return (
        bool(short)
        and all(word in at for word in short)
        and (len(short) > 1 or said == titled or len(long) < 3)
    )


def chain(topic: Topic, sentences: Sequence[Sentence]) -> int:
    """Return how many sentences from the first on speak of the topic only, so that a pronoun is sure to mean it."""
    for number, sentence in enumerate(sentences):
        if number and not _speaks_of(topic, sentence):
            return number
    return len(sentences)


def _speaks_of(topic: Topic, sentence: Sentence) -> bool:
    subject = subject_of(sentence.span.root)
    if subject is None:
        return False
    return resolves(topic, subject) or topic.is_meant_by(name_of(subject))


def resolves(topic: Topic, subject: Token) -> bool:
    """Tell whether a pronoun or "the film" fits the topic."""
    lower = subject.lower_
    if subject.pos_ == "PRON":
        if lower in HE_SHE:
            return topic.person
        return topic.plural if lower == "they" else lower == "it" and not topic.person
    whole = list(subject.subtree)
    definite = whole[0].lower_ in {"the", "this"} and (
        len(whole) == 2 or (len(whole) == 3 and whole[0].lower_ == "this" and whole[1].pos_ == "ADJ")
    )
    return definite and subject.lemma_.lower() in topic.nouns and subject.tag_ == "NN"
