"""Sentences taken apart: who did what, when, where, with whom. One sentence can hold several clauses.

Mill House is a 1929 film directed by Arlo Venn, which won the Sarn Prize in 1931.
→ Mill House | is  | a 1929 film
→ Mill House | was | directed | by Arlo Venn
→ Mill House | won | the Sarn Prize | in 1931
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.phrases import REMARKS, is_vague, is_whole, phrase, text_of
from raft_core.dataset.generators.rules.subjects import Subject, subject_for
from raft_core.dataset.generators.rules.topic import Topic

if TYPE_CHECKING:
    from spacy.tokens import Token

    from raft_core.dataset.generators.rules.prose import Sentence

ONCE = words(
    "direct write produce develop release found create build compose record design invent establish form draw make paint take coin "
    "introduce launch bear author film shoot open adapt erect construct sign hold fight win lead kill elect appoint"
)
"""Participles that say what was done once: "is a film directed by …" means that it was."""
_FINITE = {"VBD", "VBZ", "VBP", "MD"}
_STANDING = words("locate situate base know own headquarter name call surround border use")
_BASES = {"premier": "premiere"}
"""Where the lemmatizer is wrong."""
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "expl", "csubj"})
_OPENERS = words("who which that")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a predicate. `object` is its noun: of "in the mill" the mill; of an object itself.

    `text` is empty where the piece cannot be repeated.
    """

    role: str
    head: Token
    text: str
    object: Token | None
    front: bool = False

    @property
    def preposition(self) -> str:
        """The preposition, "" where there is none."""
        return self.head.lower_ if self.role in {"prep", "agent"} else ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A subject and its predicate. `named` is the subject's name in the sentence, "" for a pronoun.

    A `contextual` subject is "the building": which one, only the document's title can tell.
    `auxiliary` is inverted in a question; where there is none, `support` (did, does, do) and `base` are used.
    """

    sentence: Sentence
    subject: str
    named: str
    person: bool
    plural: bool
    joined: bool
    auxiliary: str
    verb: str
    support: str
    base: str
    finite: str
    main: Token
    contextual: bool
    parts: tuple[Part, ...]
    topic: Topic | None = None
    known: frozenset[str] = frozenset()

    @property
    def is_passive(self) -> bool:
        """Whether something is done to the subject."""
        return (
            self.main.tag_ == "VBN"
            and self.auxiliary in {"is", "was", "are", "were", "been", "has", "have", "had"}
            and (self.auxiliary not in {"has", "have", "had"} or self.verb.startswith("been "))
        )


def find_clauses(sentence: Sentence, topic: Topic | None, *, sure: bool) -> Iterator[Clause]:
    """Yield the clauses of a sentence whose subject is named, or `sure` to be the topic where it is a pronoun."""
    root = sentence.span.root
    if root.i == sentence.span.start and " " in root.text and root.i + 1 < sentence.span.end:
        root = root.doc[root.i + 1]  # the title was taken for the verb
    for verb in (root, *_coordinated(root)):
        subject = subject_for(_own_subject(verb), topic, sure=sure)
        if subject is None:
            continue
        clause = _finite(sentence, verb, subject)
        if clause is None:
            continue
        yield clause
        yield from _opening(sentence, clause, subject)
        for part in clause.parts:
            if part.role == "attr":
                yield from _about_kind(sentence, clause, part.head, subject)


def _coordinated(verb: Token) -> list[Token]:
    """Return the verbs joined to a verb by "and": "wrote and directed"."""
    found = [child for child in verb.children if child.dep_ == "conj" and child.pos_ in {"VERB", "AUX"}]
    found = [child for child in found if not _behind_clause(verb, child)]
    return found + [deeper for child in found for deeper in _coordinated(child)]


def _behind_clause(verb: Token, joined: Token) -> bool:
    """Tell whether a clause stands between two verbs that may have the second one: "by Jordan, who wrote and sang"."""
    return any(
        token.dep_ in {"relcl", "advcl", "ccomp"} or token.text in {":", ";"}
        for token in verb.doc[verb.i + 1 : joined.i]
    )


def _own_subject(verb: Token) -> Token | None:
    """Return a verb's subject, or that of the verb it is joined to."""
    while True:
        own = [child for child in verb.children if child.dep_ in _SUBJECTS and not _is_kind(child, verb)]
        if own:
            good = len(own) == 1 and own[0].dep_ in {"nsubj", "nsubjpass"} and own[0].i < verb.i
            return own[0] if good else None
        if verb.dep_ != "conj":
            return _first_name(verb)
        verb = verb.head


def _is_kind(token: Token, verb: Token) -> bool:
    """Tell whether a noun behind "is" was taken for its subject, where a title stands before it."""
    return token.dep_ == "nsubj" and token.i > verb.i and verb.lemma_ == "be"


def _first_name(verb: Token) -> Token | None:
    """Return the title that begins a sentence; the parser may see no subject in a title that is one token."""
    first = verb.sent[0]
    if " " not in first.text or first == verb or first.i + 1 >= verb.sent.end:
        return None
    following = verb.doc[first.i + 1]
    return first if verb in {following, following.head} else None


def _finite(sentence: Sentence, verb: Token, subject: Subject) -> Clause | None:
    """Return the clause of a finite verb, None for a negated, conditional or hedged one."""
    helpers = [child for child in verb.children if child.dep_ in {"aux", "auxpass"} and child.i < verb.i]
    if verb.dep_ == "conj" and not helpers and verb.tag_ == "VBN":
        helpers = [
            child
            for child in verb.head.children
            if child.dep_ in {"aux", "auxpass"} and child.i < verb.head.i
        ]
    first = helpers[0] if helpers else verb
    if first.tag_ == "VBD" and verb.dep_ == "conj" and verb.head.lower_ in {"is", "are"}:
        return None  # "is a text written by … and published in 1592": a participle
    if not helpers and verb.tag_ == "VBD" and _may_be_participle(verb):
        return None
    denied = any(
        child.dep_ == "neg" or child.lower_ in {"never", "not", "only", "neither", "nor", "hardly"}
        for child in verb.children
    )
    more = any(child.dep_ == "advmod" and child.tag_ in {"JJR", "RBR"} for child in verb.children)
    if not _agrees(first, subject):
        return None
    goes_on = any(
        child.dep_ == "advcl"
        and child.tag_ == "VB"
        and verb.i < min(each.i for each in child.subtree) <= verb.i + 2
        for child in verb.children
    )
    if goes_on:
        return None  # "went on to take the islands"
    if first.tag_ not in _FINITE or denied or more or any(child.dep_ == "mark" for child in verb.children):
        return None
    auxiliary, rest = _auxiliary(verb, helpers)
    support = "" if auxiliary else {"VBD": "did", "VBZ": "does", "VBP": "do"}.get(verb.tag_, "did")
    finite = " ".join(token.text for token in (*helpers, verb))
    return _clause(sentence, subject, verb, auxiliary, rest, support, finite)


def _agrees(finite: Token, subject: Subject) -> bool:
    """Tell whether a verb fits its subject in number; where it does not, the parser took the wrong one."""
    if subject.topic is not None or not subject.named:
        return True
    lower = finite.lower_
    singular = lower in {"is", "was", "has", "does"} or (
        finite.tag_ == "VBZ" and lower not in {"are", "have"}
    )
    plural = lower in {"are", "were", "have", "do"}
    return not (plural and not subject.plural and not subject.many) and not (singular and subject.plural)


def _may_be_participle(verb: Token) -> bool:
    """Tell whether a past tense may be a participle in truth: "Venn, known as the miller, …", "given by …"."""
    before = verb.i - 1
    while before > 0 and verb.doc[before].tag_ == "RB":
        before -= 1
    remark = (
        verb.doc[before].text == "," and verb.doc[:before].text.count(",") % 2 == 0 and verb.dep_ != "conj"
    )
    return remark or any(child.dep_ == "agent" for child in verb.children)


def _auxiliary(verb: Token, helpers: list[Token]) -> tuple[str, str]:
    if helpers:
        return helpers[0].lower_, " ".join(token.text for token in (*helpers[1:], verb))
    if verb.lemma_ == "be":
        return verb.lower_, ""
    return "", ""


def _clause(
    sentence: Sentence, subject: Subject, verb: Token, auxiliary: str, rest: str, support: str, finite: str
) -> Clause:
    if subject.plural and subject.topic:  # "The team was …" of the Houston Rockets
        auxiliary = {"was": "were", "is": "are", "has": "have"}.get(auxiliary, auxiliary)
        support = {"does": "do"}.get(support, support)
    return Clause(
        sentence,
        subject.text,
        subject.named,
        subject.person,
        subject.plural,
        subject.joined,
        auxiliary,
        rest,
        support,
        _BASES.get(verb.lemma_, verb.lemma_),
        finite,
        verb,
        subject.contextual,
        tuple(_parts(verb, subject.known)),
        subject.topic,
        subject.known,
    )


_ROLES = frozenset(
    {"dobj", "attr", "prep", "agent", "npadvmod", "acomp", "oprd", "prt", "dative", "xcomp", "advmod"}
)


def _parts(verb: Token, known: frozenset[str]) -> Iterator[Part]:
    """Yield what stands behind a verb, in order; what stands before its subject comes last."""
    children = sorted(verb.children, key=lambda child: (child.i < verb.i, child.i))
    colon = next(
        (token.i for token in verb.sent if token.text in {":", ";"} and token.i > verb.i), verb.sent.end
    )
    for child in children:
        if child.i > colon:
            continue
        front = child.i < verb.i
        role = "attr" if _is_kind(child, verb) and _first_name(verb) else child.dep_
        if role not in _ROLES or (front and role not in {"prep", "npadvmod"}):
            continue
        kept = phrase(child)
        text = "" if is_vague(kept, known) or not is_whole(kept) else text_of(kept)
        if front:
            text = text[:1].lower() + text[1:]
        yield Part(role, child, text, _object(child), front)


def _object(part: Token) -> Token | None:
    if part.dep_ not in {"prep", "agent", "dative"} or part.pos_ not in {"ADP", "SCONJ"}:
        return part
    found = [child for child in part.children if child.dep_ == "pobj"]
    return found[0] if len(found) == 1 else None


def _opening(sentence: Sentence, clause: Clause, subject: Subject) -> Iterator[Clause]:
    """Yield what a participle before the subject says: "Born in Germany, he …", "Released in 1996, it …"."""
    if subject.topic is None:
        return
    for child in clause.main.children:
        free = not any(
            each.dep_ in {"nsubj", "nsubjpass", "mark", "aux", "auxpass"} for each in child.children
        )
        if (
            child.dep_ == "advcl"
            and child.tag_ == "VBN"
            and child.i < clause.main.i
            and free
            and child.lemma_ != "base"
            and child.i == sentence.span.start
            and ":" not in sentence.span.text
        ):
            past, now = ("were", "are") if subject.plural else ("was", "is")
            helper = now if child.lemma_ in _STANDING and clause.main.tag_ == "VBZ" else past
            yield _clause(sentence, subject, child, helper, child.lower_, "", f"{helper} {child.lower_}")


def _about_kind(sentence: Sentence, clause: Clause, kind: Token, subject: Subject) -> Iterator[Clause]:
    """Yield what is said of the noun that defines the subject: "a film directed by …", "a band that won …"."""
    for noun in (kind, *kind.conjuncts):
        for child in noun.children:
            if child.dep_ == "acl" and child.tag_ == "VBN":
                helper = clause.auxiliary
                past = "were" if clause.plural else "was"
                helper = past if child.lemma_ in ONCE and helper in {"is", "are"} else helper
                if helper in {"is", "are", "was", "were"}:
                    yield _clause(sentence, subject, child, helper, child.text, "", f"{helper} {child.text}")
            elif child.dep_ == "relcl":
                own = [each for each in child.children if each.dep_ in {"nsubj", "nsubjpass"}]
                if len(own) == 1 and own[0].lower_ in _OPENERS:
                    found = _finite(sentence, child, subject)
                    if found:
                        yield found


__all__ = ["REMARKS", "Clause", "Part", "find_clauses"]
