"""A clause → questions: a piece is taken out, a question word stands for it, the verb is inverted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.adjuncts import place_of
from raft_core.dataset.generators.rules.building import (
    LONGEST_ANSWER,
    LONGEST_DEFINITION,
    LONGEST_QUESTION,
    NUMBERS,
    Candidate,
    is_idle,
    is_telling,
    sentence,
)
from raft_core.dataset.generators.rules.clauses import Clause, Part
from raft_core.dataset.generators.rules.english import words
from raft_core.dataset.generators.rules.objects import about_part
from raft_core.dataset.generators.rules.phrases import (
    REMARKS,
    is_cut,
    is_list_cut,
    is_vague,
    is_whole,
    phrase,
    text_of,
)
from raft_core.dataset.generators.rules.subjects import possessive
from raft_core.dataset.generators.rules.topic import PERSONS, is_name

if TYPE_CHECKING:
    from spacy.tokens import Token

_SITES = words(
    "village town city municipality commune county district suburb neighborhood neighbourhood river lake mountain island "
    "park museum school university college airport station building church hotel theatre theater stadium bridge "
    "castle hospital cemetery library prison peninsula bay valley street arena house township settlement hamlet"
)


_RELEASED = words(
    "film album song single novel series game book documentary movie ep play sitcom musical magazine"
)


RELATIONS = words(
    "member brother sister son daughter father mother wife husband widow friend nephew niece uncle aunt cousin colleague man woman person personality saint prince princess student guard forward striker"
)
"""Nouns for persons that name no profession."""


_NO_NATIONS = words(
    "European African Asian Arab Latin Western Christian Muslim Jewish Catholic Protestant Republican Democratic Democrat Hindu Buddhist Conservative Liberal Labour Communist Socialist Anglican Olympic"
)


def ask(clause: Clause, where: str = "") -> Iterator[Candidate]:
    """Yield the questions that a clause answers; `where` is the title that can tell which thing is meant."""
    found = [*_from_brackets(clause), *_about_subject(clause), *_about_kind(clause)]
    for part in clause.parts:
        found += about_part(clause, part)
    for candidate in found:
        if not _is_good(clause, candidate):
            continue
        if not clause.contextual:
            yield candidate
        elif where and (
            candidate.question.startswith(("When", "Where", "How", "At what", "In what", "For how"))
            or candidate.score >= 2
        ):
            asked = _within(candidate.question, where)
            yield Candidate(asked, candidate.answer, candidate.score - _DISTANT, candidate.pattern)


_DISTANT = 0.7
"""How much worse a question is that needs the document's title to say what is meant."""


def _within(question: str, where: str) -> str:
    """Return a question that says in which document its subject is to be found."""
    inner = question[:1].lower() + question[1:]
    return (
        f'According to "{where}", {inner}',
        f'In "{where}", {inner}',
        f'{question[:-1]} according to "{where}"?',
    )[len(question) % 3]


def _is_good(clause: Clause, made: Candidate) -> bool:
    asked, answer = made.question.lower(), made.answer.lower()
    if (
        not made.answer
        or len(made.answer.split()) > (LONGEST_DEFINITION if made.score <= 1 else LONGEST_ANSWER)
        or not 3 <= len(made.question.split()) <= LONGEST_QUESTION
    ):
        return False
    given_away = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", asked)
    return not given_away and made.answer in clause.sentence.quote and made.question.count('"') % 2 == 0


_BORN = re.compile(
    r"\b(?:born|b\.) (?:in )?(?P<date>(?:\d{1,2} )?[A-Z][a-z]+ (?:\d{1,2}, )?\d{4}|\d{4})(?=[,;)])"
)


_LIVED = re.compile(
    r"\((?:[^()]*?[;,] )?(?P<born>(?:\d{1,2} )?[A-Z][a-z]+ (?:\d{1,2}, )?\d{4}) ?[-–—] ?(?P<died>(?:\d{1,2} )?[A-Z][a-z]+ (?:\d{1,2}, )?\d{4})\)"
)


def _from_brackets(clause: Clause) -> Iterator[Candidate]:
    """Yield when somebody was born or died: "Arlo Venn (born 12 March 1871) is a miller." """
    if not (clause.person and clause.topic and clause.named):
        return
    bracket = clause.sentence.bracket
    if found := _BORN.search(bracket):
        yield Candidate(f"When was {clause.subject} born?", found["date"], 2.8, "when was born")
    if found := _LIVED.fullmatch(bracket):
        yield Candidate(f"When was {clause.subject} born?", found["born"], 2.8, "when was born")
        yield Candidate(f"When did {clause.subject} die?", found["died"], 2.8, "when did die")


def _about_subject(clause: Clause) -> Iterator[Candidate]:
    """Yield a question for the subject: "Who wrote …?", "Which film was directed by …?"."""
    if (
        not clause.named
        or clause.plural
        or clause.auxiliary in {"are", "were", "have"}
        or clause.main.tag_ == "VBP"
    ):
        return
    kind = next((part for part in clause.parts if part.role == "attr"), None)
    if clause.base == "be" and not clause.verb:
        if kind and kind.text and _is_unique(kind) and not _points_back(clause):
            asking = "Who" if clause.person else "What"
            rest = [part.text for part in clause.parts if part.role in {"attr", "prep"} and not part.front]
            yield Candidate(
                sentence([asking, clause.auxiliary, *rest]), clause.named, 2.6, f"{asking} is the".lower()
            )
        return
    rest_parts = [part for part in clause.parts if part.text and part.role != "advmod" and not is_idle(part)]
    telling = [part for part in rest_parts if part.object is not None and is_telling(part)]
    if (
        not telling
        or _points_back(clause)
        or any(not part.text for part in clause.parts if part.role not in {"prep", "advmod", "npadvmod"})
    ):
        return
    sure = clause.topic is not None or " " in clause.named
    asking = ("Who" if sure else "") if clause.person else _which(clause)
    if asking:
        score = 1.4 + 0.3 * len(telling[:2])
        question = sentence([asking, clause.finite, *(part.text for part in rest_parts)])
        yield Candidate(question, clause.named, score, f"{asking} {clause.base}".lower())


def _points_back(clause: Clause) -> bool:
    """Tell whether a predicate says "his" or "its": in a question for the subject nobody knows whose."""
    return any(re.search(r"\b(?:his|her|its|their|him|them)\b", part.text) for part in clause.parts)


def _which(clause: Clause) -> str:
    nouns = sorted(clause.topic.nouns) if clause.topic else []
    return f"Which {nouns[0]}" if len(nouns) == 1 and nouns[0].isalpha() and nouns[0] not in PERSONS else ""


def _is_unique(kind: Part) -> bool:
    """Tell whether a definition fits one thing only: "the capital of Norway", "the longest river"."""
    kept = phrase(kind.head)
    definite = kept[0].lower_ == "the" or kept[0].tag_ in {"PRP$"}
    telling = any(
        is_name(token) or token.like_num or token.tag_ in {"JJS", "RBS"} or token.ent_type_ == "ORDINAL"
        for token in kept
    )
    return definite and telling and len(kept) >= 4 and not is_cut(kept)


def _about_kind(clause: Clause) -> Iterator[Candidate]:
    """Yield questions on what the subject is: its definition, nationality, profession, place, year."""
    kind = next((part for part in clause.parts if part.role == "attr"), None)
    if (
        kind is None
        or clause.base != "be"
        or clause.verb
        or clause.auxiliary not in {"is", "was", "are", "were"}
    ):
        return
    yield from _stars(clause, kind.head)
    noun, be, subject = kind.head, clause.auxiliary, clause.subject
    if noun.ent_type_ in NUMBERS and (clause.contextual or clause.topic is None):
        value = text_of(phrase(noun))
        asking = "How much" if noun.ent_type_ == "MONEY" else "What"
        if re.search(r"\d", value) and is_whole(phrase(noun)):
            yield Candidate(f"{asking} {be} {subject}?", value, 2.9, f"{asking} {be}".lower())
    if (noun.pos_ not in {"NOUN", "PROPN"} and noun.lower_ != "one") or not subject:
        return
    yield from _definition(clause, kind)
    yield from _of_kind(clause, noun, be, subject)


def _stars(clause: Clause, noun: Token) -> Iterator[Candidate]:
    """Yield who plays in a film: "a film starring James Woods and John Lithgow"."""
    for child in noun.children:
        stars = [each for each in child.children if each.dep_ == "dobj"] if child.lower_ == "starring" else []
        if len(stars) == 1:
            kept = phrase(stars[0])
            if (
                is_whole(kept)
                and not is_list_cut(kept)
                and all(token.ent_type_ or token.pos_ in {"PUNCT", "CCONJ"} for token in kept)
            ):
                yield Candidate(f"Who stars in {clause.subject}?", text_of(kept), 2.6, "who stars")


def _definition(clause: Clause, kind: Part) -> Iterator[Candidate]:
    """Yield "Who is …?" with as much of the definition as stands in one piece."""
    if clause.joined:
        return
    for drop in (_LOOSE, REMARKS, {*REMARKS, "prep", "conj", "cc"}):
        kept = phrase(kind.head, drop)
        shortened = "prep" in drop
        if drop is _LOOSE and not is_cut(phrase(kind.head)):
            continue
        if kept[0].lower_ not in {"a", "an"} and not is_name(kind.head) and (is_cut(kept) or shortened):
            return
        if (shortened and _needs_more(kind.head)) or _runs_on(kept):
            return
        whole = is_whole(kept) and not is_vague(kept) and text_of(kept) in clause.sentence.quote
        if whole and 3 - (kind.head.ent_type_ in NUMBERS) <= len(kept) <= LONGEST_DEFINITION + 4:
            asking = "Who" if clause.person else "What"
            owned = not clause.named and clause.topic is None
            score = (
                2.4
                if owned and (is_name(kind.head) or kind.head.ent_type_ in NUMBERS)
                else 1.0
                if not shortened
                else 0.7
            )
            yield Candidate(
                f"{asking} {clause.auxiliary} {clause.subject}?",
                text_of(kept),
                score,
                f"{asking} {clause.auxiliary}".lower(),
            )
            return


_LOOSE = REMARKS - {"relcl", "acl"}
"""What is left out of a definition at first: "a brewery that makes little beer" is better than "a brewery"."""


def _needs_more(noun: Token) -> bool:
    """Tell whether a noun says little without its preposition: "an adaptation of …", "a collaboration between …"."""
    return any(child.dep_ == "prep" and child.lower_ in _RELATING for child in noun.children)


def _runs_on(tokens: list[Token]) -> bool:
    """Tell whether a definition was cut inside a name: "the Albany County[, N.Y. District Attorney]"."""
    document, after = tokens[-1].doc, tokens[-1].i + 1
    if after + 1 >= len(document) or document[after].text != "," or not is_name(tokens[-1]):
        return False
    following = document[after + 1]
    return is_name(following) and following.ent_type_ not in {tokens[-1].ent_type_, "GPE"}


_RELATING = words("of between to with as about for among against")


def _of_kind(clause: Clause, noun: Token, be: str, subject: str) -> Iterator[Candidate]:
    lemma = noun.lemma_.lower()
    for child in noun.children:
        if (
            lemma in PERSONS
            and clause.topic
            and clause.named
            and child.i < noun.i
            and (nation := _nation(child))
        ):
            yield Candidate(f"What nationality {be} {subject}?", nation, 1.6, "what nationality")
        if (
            child.ent_type_ == "DATE"
            and child.i < noun.i
            and lemma in _RELEASED
            and re.fullmatch(r"(?:1[89]|20)\d\d", child.text)
        ):
            yield Candidate(
                f"What year is the {lemma} {_bare(subject)} from?", child.text, 2.0, "what year from"
            )
        if child.dep_ == "prep" and child.lower_ in {"in", "on", "near"} and lemma in _SITES:
            answer = place_of(child)
            if answer:
                yield Candidate(f"Where {be} {subject}?", answer, 1.9, f"where {be}")
    if clause.person and clause.topic and lemma in PERSONS - RELATIONS and not list(noun.conjuncts):
        compound = [
            child
            for child in noun.children
            if child.dep_ == "compound" and child.i == noun.i - 1 and child.pos_ == "NOUN"
        ]
        answer = text_of([*compound, noun])
        yield Candidate(
            f"What {'was' if be == 'was' else 'is'} {possessive(subject)} profession?",
            answer,
            0.9,
            "what profession",
        )


def _nation(word: Token) -> str:
    """Return the nationality that a word ends: "South Korean"; "" for none, and for half of one."""
    if word.ent_type_ != "NORP" or word.dep_ not in {"amod", "compound", "nmod"} or word.text in _NO_NATIONS:
        return ""
    names = [entity for entity in word.doc.ents if entity.start <= word.i < entity.end]
    return names[0].text if names and names[0].end == word.i + 1 and is_whole(list(names[0])) else ""


def _bare(name: str) -> str:
    return re.sub(r"^(?:the|an?) (?=[a-z])", "", name)
