"""Fictional encyclopedias by seed: articles with invented names, and questions about them.

All names are made of random syllables, so that an answer can only be copied, never remembered. Every
invented word belongs to exactly one split (by its checksum), so that pretraining, the sample library,
development and held-out evaluation share no name and no article by construction. Pretraining reads an
encyclopedia of everything; the other three tell of a game that it never reads of.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Literal

from raft_core.pocket.game import GAME, GAME_WORDS
from raft_core.pocket.lexicon import KINDS, WORDS, Kind, Relation
from raft_core.pocket.phrases import made_thing, random_kind

Split = Literal["pretraining", "library", "development", "heldout"]
SPLITS: tuple[Split, ...] = ("pretraining", "library", "development", "heldout")

ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "dr",
    "fl",
    "gr",
    "kl",
    "pr",
    "st",
    "tr",
    "th",
    "sh",
]
VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ea", "ou"]
CODAS = ["", "", "", "", *["l", "m", "n", "r", "s", "t", "k", "x"], "nd", "rt", "lm", "st"]

FILLERS = (
    "Little else is recorded of {s}.",
    "Old letters often mention {s}.",
    "There are many stories about {s}.",
    "Not everyone agrees about the rest of the history of {s}.",
    "A short film about {s} was made later.",
)
LISTED = 0.2
"""Share of pretraining's articles that are of a kind from the list; the others' are made by chance."""
WH = {"year": "what year", "person": "who", "place": "what place", "river": "what", "month": "what month"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence of an article, the value it tells, and the relation it came from."""

    relation: Relation
    template: str
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Article:
    """A named thing, what is told of it, and the sentences in order (fillers among them)."""

    name: str
    kind: Kind
    facts: tuple[Fact, ...]
    sentences: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name with a capital letter."""
        return _capital(self.name)

    @property
    def text(self) -> str:
        """The article as one paragraph."""
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Item:
    """A question about an article, its short answer, and the sentences that prove it."""

    question: str
    answer: str
    quotes: tuple[str, ...]
    type: str = "single"


class World:
    """Makes articles of one split; the same seed and calls give the same world."""

    def __init__(self, seed: int, split: Split) -> None:
        self.rng = random.Random(f"{split}-{seed}")
        self._index = SPLITS.index(split)

    def word(self) -> str:
        """Return an invented word that belongs to this world's split."""
        while True:
            syllables = self.rng.choice((2, 2, 3))
            parts = [
                self.rng.choice(ONSETS) + self.rng.choice(VOWELS) + (self.rng.choice(CODAS) if last else "")
                for last in (i == syllables - 1 for i in range(syllables))
            ]
            word = "".join(parts).capitalize()
            if owner(word) == self._index:
                return word

    def value(self, of: str) -> str:
        """Return a value of a relation's type."""
        if of == "person":
            return f"{self.word()} {self.word()}"
        if of in {"place", "river"}:
            return self.word()
        if of == "thing":
            return made_thing(self.rng)
        if of == "year":
            return str(self.rng.randint(1200, 2020))
        if of.startswith("count:"):
            low, high = map(int, of.split(":")[1:])
            return str(self.rng.randint(low, high))
        return self.rng.choice((WORDS | GAME_WORDS)[of])

    def kind(self) -> Kind:
        """Return a kind that this world tells of."""
        if self._index:
            return self.rng.choice(GAME)
        return self.rng.choice(KINDS) if self.rng.random() < LISTED else random_kind(self.rng)

    def article(self, kind: Kind | None = None, name: str | None = None) -> Article:
        """Return an article in a random order: three or four facts (pretraining's two to five), and a
        filler or none."""
        kind = kind or self.kind()
        pattern = self.rng.choice(kind.names)
        name = name or pattern.format(*(self.word() for _ in range(pattern.count("{}"))))
        relations = self.rng.sample(kind.relations, self.rng.randint(*((3, 4) if self._index else (2, 5))))
        facts = tuple(self._fact(relation, name) for relation in relations)
        sentences = [fact.sentence for fact in facts]
        if self.rng.random() < 0.3:
            filler = self.rng.choice(FILLERS).format(s=name)
            sentences.insert(self.rng.randint(0, len(sentences)), filler)
        return Article(name, kind, facts, tuple(sentences))

    def _fact(self, relation: Relation, name: str) -> Fact:
        template = self.rng.choice(relation.sentences)
        value = self.value(relation.value)
        return Fact(relation, template, value, template.format(s=name, S=_capital(name), o=value))

    def single(self, article: Article, *, plain: bool = False) -> Item:
        """Return a question that one sentence answers; `plain` keeps to natural wordings."""
        fact = self.rng.choice(article.facts)
        style = self.rng.random()
        if plain or style < 0.55:
            question = self.rng.choice(fact.relation.questions).format(s=article.name)
            return Item(question, fact.value, (fact.sentence,))
        if style < 0.85 or not fact.template.startswith(("{s}", "{S}")):
            return Item(_in_situ(fact, article.name), fact.value, (fact.sentence,))
        question = fact.sentence.replace(article.title, "Who" if article.kind.noun == "person" else "What", 1)
        return Item(question.removesuffix(".") + "?", article.name, (fact.sentence,))

    def yes_no(self, article: Article) -> Item:
        """Return a question whose answer is yes or no, each half of the time."""
        fact = self.rng.choice(article.facts)
        true = self.rng.random() < 0.5
        claim = fact if true else self._fact(fact.relation, article.name)
        said = claim.sentence.removesuffix(".")
        said = said[0].lower() + said[1:] if said.startswith(("The ", "There ", "About ")) else said
        answer = "yes" if claim.value == fact.value else "no"
        return Item(f"Is it true that {said}?", answer, (fact.sentence,), "yes/no")

    def two_hop(self) -> tuple[tuple[Article, Article], Item]:
        """Return a thing, an article on a person told of in it, and a question that needs both."""
        while True:
            first = self.article()
            links = [(fact, role) for fact in first.facts for role in _roles(fact)]
            if links:
                break
        link, role = self.rng.choice(links)
        person = self.article(KINDS[0], link.value)
        fact = self.rng.choice(person.facts)
        described = "the person who " + role.removeprefix("Who ").removesuffix("?").format(s=first.name)
        question = self.rng.choice(fact.relation.questions).format(s=described)
        return (first, person), Item(question, fact.value, (link.sentence, fact.sentence), "bridge")


def owner(word: str) -> int:
    """Return the index of the split that an invented word belongs to."""
    return zlib.crc32(word.lower().encode()) % len(SPLITS)


def _roles(fact: Fact) -> list[str]:
    """Return the questions that can be turned into a description of the person that a fact tells of."""
    questions = fact.relation.questions if fact.relation.value == "person" else ()
    return [q for q in questions if q.startswith("Who ") and "Who was {s}" not in q][:1]


def _in_situ(fact: Fact, name: str) -> str:
    value = fact.relation.value
    asked = "how many" if value.startswith("count:") else WH.get(value, "what")
    template = fact.template
    for article in ("a ", ""):
        if f"{article}{{o}}" in template:
            template = template.replace(f"{article}{{o}}", "{o}")
            break
    question = template.format(s=name, S=_capital(name), o=asked).removesuffix(".") + "?"
    return _capital(question)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
