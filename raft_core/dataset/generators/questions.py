"""A clause → questions: a piece is taken out, a question word stands for it, the verb is inverted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raft_core.dataset.generators.clauses import Clause, Part, possessive
from raft_core.dataset.generators.english import words
from raft_core.dataset.generators.phrases import (
    REMARKS,
    is_clock,
    is_cut,
    is_date,
    is_duration,
    is_list_cut,
    is_vague,
    is_whole,
    phrase,
    text_of,
)
from raft_core.dataset.generators.topic import PERSONS, is_human, is_name

if TYPE_CHECKING:
    from spacy.tokens import Token

LONGEST_QUESTION, LONGEST_ANSWER = 24, 10
"""Words."""

_WHEN = words("in on at during")
_WHERE = words("in at near on")
_PLACES = frozenset({"GPE", "LOC", "FAC"})
_NUMBERS = frozenset({"CARDINAL", "QUANTITY", "MONEY", "PERCENT"})
_SITES = words(
    "village town city municipality commune county district suburb neighborhood neighbourhood river lake mountain island "
    "park museum school university college airport station building church hotel theatre theater stadium bridge "
    "castle hospital cemetery library prison peninsula bay valley street arena house township settlement hamlet"
)
_RELEASED = words("film album song single novel series game book documentary movie ep play sitcom musical magazine")
RELATIONS = words("member brother sister son daughter father mother wife husband widow friend nephew niece uncle aunt cousin colleague man woman person personality saint prince princess student guard forward striker")
"""Nouns for persons that name no profession."""
_NO_NATIONS = words("European African Asian Arab Latin Western Christian Muslim Jewish Catholic Protestant Republican Democratic Democrat Hindu Buddhist Conservative Liberal Labour Communist Socialist Anglican Olympic")
_STAYS = words("bear die locate situate live base hold bury grow reside settle premiere stage build establish found study film stand lie meet take_place headquarter raise educate bring")
"""Verbs that say where."""
_GOVERNED = {
    "base": "on", "consist": "of", "know": "for as", "work": "for with as", "belong": "to", "name": "after for", "marry": "to",
    "refer": "to", "derive": "from", "adapt": "from", "star": "in as", "appear": "in", "serve": "as on", "sign": "with to by",
    "graduate": "from", "inspire": "by", "collaborate": "with", "compete": "in for", "participate": "in",
    "specialize": "in", "specialise": "in", "play": "for", "focus": "on", "team": "with", "acquire": "from", "partner": "with", "lie": "along",
    "merge": "with", "convert": "to into", "divide": "into", "lead": "to", "dedicate": "to", "nominate": "for",
    "use": "for as", "tour": "with", "associate": "with", "perform": "with", "air": "on", "broadcast": "on", "run": "on",
    "build": "on", "own": "by", "flow": "into through", "border": "by", "depend": "on", "apply": "to for",
    "connect": "to with", "design": "for", "suffer": "from", "belongs": "to", "coach": "at", "teach": "at", "study": "at under",
    "elect": "to", "appoint": "to as", "translate": "into", "release": "on by through", "replace": "by with", "award": "to",
    "publish": "in by", "record": "with at", "train": "with under", "report": "to", "contribute": "to", "date": "to", "range": "from",
    "act": "as", "feature": "in", "include": "in", "list": "on in", "attend": "", "debut": "in", "rename": "to", "lose": "to",
}  # fmt: skip
"""Prepositions that a verb brings along, so that "What is it based on?" reads as people speak."""
_MEASURES = {"tall": "tall", "high": "high", "long": "long", "wide": "wide", "deep": "deep", "old": "old", "thick": "thick", "heavy": "heavy"}
_FIRM = words("make take have give get do see come go bring put let help cause allow keep include feature contain involve follow experience finish see answer say call tell ask show present want need like mean")
"""Verbs whose object is seldom asked for by "what"."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question whose answer stands in the sentence; a higher score is a better one. `pattern` names its form."""

    question: str
    answer: str
    score: float
    pattern: str


def ask(clause: Clause, where: str = "") -> Iterator[Candidate]:
    """Yield the questions that a clause answers; `where` is the title that can tell which thing is meant."""
    found = [*_from_brackets(clause), *_about_subject(clause), *_about_kind(clause)]
    for part in clause.parts:
        found += _about_part(clause, part)
    for candidate in found:
        if not _is_good(clause, candidate):
            continue
        if not clause.contextual:
            yield candidate
        elif where and (candidate.question.startswith(("When", "Where", "How", "At what", "In what", "For how")) or candidate.score >= 2):
            asked = _within(candidate.question, where)
            yield Candidate(asked, candidate.answer, candidate.score - _DISTANT, candidate.pattern)


_DISTANT = 0.7
"""How much worse a question is that needs the document's title to say what is meant."""


def _within(question: str, where: str) -> str:
    """Return a question that says in which document its subject is to be found."""
    inner = question[:1].lower() + question[1:]
    return (f'According to "{where}", {inner}', f'In "{where}", {inner}', f'{question[:-1]} according to "{where}"?')[len(question) % 3]


def _is_good(clause: Clause, made: Candidate) -> bool:
    asked, answer = made.question.lower(), made.answer.lower()
    if not made.answer or len(made.answer.split()) > LONGEST_ANSWER or not 4 <= len(made.question.split()) <= LONGEST_QUESTION:
        return False
    given_away = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", asked)
    return not given_away and made.answer in clause.sentence.quote and made.question.count('"') % 2 == 0


# --- putting a question together


def _build(clause: Clause, asking: str, without: Part | None, *, strand: str = "", drop: str = "") -> str:
    """Return `asking` + inverted verb + subject + what is left; "" where a needed piece cannot be repeated."""
    pieces = []
    for part in clause.parts:
        if part is without:
            pieces.append(strand)
        elif not part.text:
            if part.role not in {"prep", "advmod", "npadvmod"}:
                return ""
        elif part.role in drop.split() or _is_idle(part) or (part.role == "advmod" and not _belongs(clause, part)):
            continue
        else:
            pieces.append(part.text)
    head = [asking, clause.auxiliary or clause.support, clause.subject, clause.verb if clause.auxiliary else clause.base]
    return _sentence([*head, *pieces])


def _belongs(clause: Clause, part: Part) -> bool:
    """Tell whether an adverb makes the verb what it is: "went back", "continued south"."""
    return part.head.i == clause.main.i + 1 and not part.text.endswith("ly") and " " not in part.text


def _sentence(pieces: list[str]) -> str:
    text = " ".join(" ".join(piece for piece in pieces if piece).split()).strip(" ,;")
    return f"{text[:1].upper()}{text[1:]}?"


def _is_idle(part: Part) -> bool:
    """Tell whether a piece can be left out of a question: a phrase before the subject without a name or a date."""
    return part.front and not re.search(r"[A-Z\d]", part.text)


def _trimmed(part: Part, clause: Clause) -> str:
    """Return the noun phrase of a piece as an answer, "" where it does not stand alone."""
    if part.object is None:
        return ""
    return _noun_phrase(part.object)


def _noun_phrase(noun: Token) -> str:
    kept = phrase(noun)
    if not is_whole(kept) or is_vague(kept) or is_list_cut(kept) or len(kept) != kept[-1].i - kept[0].i + 1:
        return ""
    if not is_name(noun) and is_cut(kept):
        return ""
    if is_name(noun) and kept[0].text == "the" and len(kept) > 1:
        kept = kept[1:]
    text = text_of(kept)
    return text[1:-1] if re.fullmatch(r'["“][^"“”]*["”]', text) else text


# --- one kind of question each


_BORN = re.compile(r"\b(?:born|b\.) (?:in )?(?P<date>(?:\d{1,2} )?[A-Z][a-z]+ (?:\d{1,2}, )?\d{4}|\d{4})(?=[,;)])")
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
    if not clause.named or clause.plural or clause.auxiliary in {"are", "were", "have"} or clause.main.tag_ == "VBP":
        return
    kind = next((part for part in clause.parts if part.role == "attr"), None)
    if clause.base == "be" and not clause.verb:
        if kind and kind.text and _is_unique(kind) and not _points_back(clause):
            asking = "Who" if clause.person else "What"
            rest = [part.text for part in clause.parts if part.role in {"attr", "prep"} and not part.front]
            yield Candidate(_sentence([asking, clause.auxiliary, *rest]), clause.named, 2.6, f"{asking} is the".lower())
        return
    rest_parts = [part for part in clause.parts if part.text and part.role != "advmod" and not _is_idle(part)]
    telling = [part for part in rest_parts if part.object is not None and _is_telling(part)]
    if not telling or _points_back(clause) or any(not part.text for part in clause.parts if part.role not in {"prep", "advmod", "npadvmod"}):
        return
    sure = clause.topic is not None or " " in clause.named
    asking = ("Who" if sure else "") if clause.person else _which(clause)
    if asking:
        score = 1.4 + 0.3 * len(telling[:2])
        question = _sentence([asking, clause.finite, *(part.text for part in rest_parts)])
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
    telling = any(is_name(token) or token.like_num or token.tag_ in {"JJS", "RBS"} or token.ent_type_ == "ORDINAL" for token in kept)
    return definite and telling and len(kept) >= 4 and not is_cut(kept)


def _is_telling(part: Part) -> bool:
    if part.object is None:
        return False
    return any(is_name(token) for token in phrase(part.object))


def _about_kind(clause: Clause) -> Iterator[Candidate]:
    """Yield questions on what the subject is: its definition, nationality, profession, place, year."""
    kind = next((part for part in clause.parts if part.role == "attr"), None)
    if kind is None or clause.base != "be" or clause.verb or clause.auxiliary not in {"is", "was", "are", "were"}:
        return
    yield from _stars(clause, kind.head)
    noun, be, subject = kind.head, clause.auxiliary, clause.subject
    if noun.ent_type_ in _NUMBERS and (clause.contextual or clause.topic is None):
        value = text_of(phrase(noun))
        asking = "How much" if noun.ent_type_ == "MONEY" else "What"
        if re.search(r"\d", value) and is_whole(phrase(noun)):
            yield Candidate(f"{asking} {be} {subject}?", value, 2.9, f"{asking} {be}".lower())
    if noun.pos_ not in {"NOUN", "PROPN"} or not subject:
        return
    yield from _definition(clause, kind)
    yield from _of_kind(clause, noun, be, subject)


def _stars(clause: Clause, noun: Token) -> Iterator[Candidate]:
    """Yield who plays in a film: "a film starring James Woods and John Lithgow"."""
    for child in noun.children:
        stars = [each for each in child.children if each.dep_ == "dobj"] if child.lower_ == "starring" else []
        if len(stars) == 1:
            kept = phrase(stars[0])
            if is_whole(kept) and not is_list_cut(kept) and all(token.ent_type_ or token.pos_ in {"PUNCT", "CCONJ"} for token in kept):
                yield Candidate(f"Who stars in {clause.subject}?", text_of(kept), 2.6, "who stars")


def _definition(clause: Clause, kind: Part) -> Iterator[Candidate]:
    """Yield "Who is …?" with as much of the definition as stands in one piece."""
    if clause.joined:
        return
    for drop in (REMARKS, {*REMARKS, "prep", "conj", "cc"}):
        kept = phrase(kind.head, drop)
        if kept[0].lower_ not in {"a", "an"} and not is_name(kind.head) and (is_cut(kept) or drop is not REMARKS):
            return
        whole = is_whole(kept) and not is_vague(kept) and len(kept) == kept[-1].i - kept[0].i + 1
        if whole and 3 - (kind.head.ent_type_ in _NUMBERS) <= len(kept) <= LONGEST_ANSWER:
            asking = "Who" if clause.person else "What"
            owned = not clause.named and clause.topic is None
            score = 2.4 if owned and (is_name(kind.head) or kind.head.ent_type_ in _NUMBERS) else 1.0 if drop is REMARKS else 0.7
            yield Candidate(f"{asking} {clause.auxiliary} {clause.subject}?", text_of(kept), score, f"{asking} {clause.auxiliary}".lower())
            return


def _of_kind(clause: Clause, noun: Token, be: str, subject: str) -> Iterator[Candidate]:
    lemma = noun.lemma_.lower()
    for child in noun.children:
        if child.ent_type_ == "NORP" and clause.topic and clause.named and child.text not in _NO_NATIONS and child.i < noun.i and lemma in PERSONS and child.dep_ in {"amod", "compound"} and is_whole([child]):
            yield Candidate(f"What nationality {be} {subject}?", child.text, 1.6, "what nationality")
        if child.ent_type_ == "DATE" and child.i < noun.i and lemma in _RELEASED and re.fullmatch(r"(?:1[89]|20)\d\d", child.text):
            yield Candidate(f"What year is the {lemma} {_bare(subject)} from?", child.text, 2.0, "what year from")
        if child.dep_ == "prep" and child.lower_ in {"in", "on", "near"} and lemma in _SITES:
            answer = _place(child)
            if answer:
                yield Candidate(f"Where {be} {subject}?", answer, 1.9, f"where {be}")
    if clause.person and clause.topic and lemma in PERSONS - RELATIONS and not list(noun.conjuncts):
        compound = [child for child in noun.children if child.dep_ == "compound" and child.i == noun.i - 1 and child.pos_ == "NOUN"]
        answer = text_of([*compound, noun])
        yield Candidate(f"What {'was' if be == 'was' else 'is'} {possessive(subject)} profession?", answer, 0.9, "what profession")


def _nation(word: Token) -> str:
    """Return the nationality that a word ends: "South Korean"; "" for none, and for half of one."""
    if word.ent_type_ != "NORP" or word.dep_ not in {"amod", "compound", "nmod"} or word.text in _NO_NATIONS:
        return ""
    names = [entity for entity in word.doc.ents if entity.start <= word.i < entity.end]
    return names[0].text if names and names[0].end == word.i + 1 and is_whole([word for word in names[0]]) else ""


def _bare(name: str) -> str:
    return re.sub(r"^(?:the|an?) (?=[a-z])", "", name)


def _place(preposition: Token) -> str:
    """Return the place behind a preposition, with the larger one that follows: "Springfield, Illinois"."""
    found = [child for child in preposition.children if child.dep_ == "pobj"]
    if len(found) != 1 or not any(token.ent_type_ in _PLACES for token in phrase(found[0])):
        return ""
    kept = phrase(found[0])
    end = kept[-1].i + 1
    document = found[0].doc
    while end + 1 < len(document) and document[end].text == "," and document[end + 1].ent_type_ == "GPE" and not _is_subject(document[end + 1]):
        end += 2
        while end < len(document) and document[end].ent_iob_ == "I" and document[end].ent_type_ == "GPE":
            end += 1
    tokens = list(document[kept[0].i : end])
    if len(kept) != kept[-1].i - kept[0].i + 1 or is_vague(tokens) or not is_whole(tokens):
        return ""
    return text_of(tokens[1:] if tokens[0].lower_ == "the" and len(tokens) > 1 else tokens)


def _is_subject(token: Token) -> bool:
    return token.dep_ in {"nsubj", "nsubjpass"} or token.head.dep_ in {"nsubj", "nsubjpass"}


def _about_part(clause: Clause, part: Part) -> Iterator[Candidate]:
    if part.object is None:
        return
    if part.role in {"prep", "npadvmod"}:
        yield from _about_time(clause, part)
    if part.role == "prep":
        yield from _about_place(clause, part)
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
    if part.role == "oprd" and clause.is_passive and clause.base in {"name", "call", "nickname", "title", "entitle"}:
        yield Candidate(_build(clause, "What", part), _noun_phrase(part.object), 2.2, f"what {clause.base}")


def _about_time(clause: Clause, part: Part) -> Iterator[Candidate]:
    noun = part.object
    if noun is None:
        return
    kept = phrase(noun)
    answer = text_of(kept)
    known = noun.ent_type_ in {"DATE", "TIME"} or (noun.tag_ == "CD" and noun.ent_type_ == "CARDINAL")
    if not answer or not known or is_vague(kept) or not is_whole(kept) or len(kept) != kept[-1].i - kept[0].i + 1:
        return
    lead = part.preposition
    drop = "npadvmod" if part.role == "npadvmod" else ""
    if clause.base == "be" and any(other.role == "attr" for other in clause.parts):
        return
    if _laden(clause, part) and is_date(answer):
        return
    if is_date(answer) and (lead in _WHEN or not lead) and not any(child.dep_ == "prep" for child in noun.children):
        year = re.fullmatch(r"\d{4}", answer) and lead == "in"
        asking = "In what year" if year and len(clause.subject) % 2 else "When"
        question = _build(clause, asking, part, drop=drop)
        yield Candidate(question, answer, 3.0 - _laden(clause, part), f"when {clause.base}")
    elif lead == "from" and (is_date(answer) or is_clock(answer)):
        yield from _span_of_time(clause, part)
    elif is_clock(answer) and lead in {"at", "in", "from", "by", "until"}:
        yield Candidate(_build(clause, {"at": "At what time", "until": "Until when", "by": "By when"}.get(lead, "When"), part), answer, 3.0, f"when {clause.base}")
    elif is_date(answer) and lead == "since" and clause.auxiliary in {"has", "have"}:
        yield Candidate(_build(clause, "Since when", part), answer, 2.6, "since when")
    elif is_duration(answer) and lead in {"for", ""} and noun.ent_type_ in {"DATE", "TIME"}:
        yield Candidate(_build(clause, "For how long", part), answer.partition(",")[0], 2.2, "how long")


def _span_of_time(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield a question for "from 4 April to 25 October", whether the parser joined its halves or not."""
    halves = [part, *(other for other in clause.parts if other.preposition in {"to", "until", "till"} and other.head.i == _end(part) + 1)]
    last = halves[-1] if len(halves) == 2 else part
    tokens = list(part.head.doc[part.head.i : _end(last) + 1])
    text = text_of(tokens)
    if re.search(r"\b(?:to|until|till)\b", text) and is_whole(tokens) and not is_vague(tokens):
        rest = [other for other in clause.parts if other not in halves]
        yield Candidate(_build(_without(clause, [other for other in clause.parts if other not in rest]), "When", None), text, 3.0, f"when {clause.base}")


def _end(part: Part) -> int:
    return phrase(part.head)[-1].i


def _laden(clause: Clause, part: Part) -> float:
    """Return how much worse a question is for other dates in the clause: one of them may be the answer as well."""
    others = [other for other in clause.parts if other is not part and _is_day(other)]
    return 1.0 * len(others)


def _is_day(part: Part) -> bool:
    return part.object is not None and (part.object.ent_type_ == "DATE" or is_date(part.text))


def _about_place(clause: Clause, part: Part) -> Iterator[Candidate]:
    held = clause.base == "take" and any(other.role == "dobj" and other.head.lower_ == "place" for other in clause.parts)
    goes = part.preposition == "to" and clause.base in {"move", "relocate", "emigrate", "immigrate", "flee"}
    if not goes and (part.preposition not in _WHERE or (clause.base not in _STAYS and not held)):
        return
    answer = _place(part.head)
    if answer:
        dates = [other for other in clause.parts if other.object is not None and other.object.ent_type_ == "DATE"]
        question = _build(clause if goes else _without(clause, dates), "Where", part, strand="to" if goes else "")
        yield Candidate(question, answer, 2.8 - 0.5 * (part.preposition == "on"), f"where {clause.base}")


def _without(clause: Clause, parts: list[Part]) -> Clause:
    from dataclasses import replace

    return replace(clause, parts=tuple(part for part in clause.parts if part not in parts))


def _clashes(clause: Clause, part: Part) -> bool:
    """Tell whether the preposition would be left beside another of its kind: "on what … on Monday"."""
    return any(other is not part and other.preposition == part.preposition for other in clause.parts)


def _governed(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "What is … based on?", "Who did … marry?" for prepositions that belong to the verb."""
    noun = part.object
    if noun is None or part.front or _clashes(clause, part) or part.preposition not in _GOVERNED.get(clause.base, "").split():
        return
    answer = _noun_phrase(noun)
    if not answer or is_date(answer) or noun.pos_ == "NUM" or (not is_name(noun) and len(answer.split()) < 2):
        return
    asking = "Who" if is_human(noun) else _what_for(clause.base, part.preposition, noun)
    question = _build(clause, asking, part, strand=part.preposition)
    yield Candidate(question, answer, 2.3 + 0.2 * is_name(noun), f"{asking} {clause.base} {part.preposition}".lower())


def _what_for(verb: str, preposition: str, noun: Token) -> str:
    if (verb, preposition) == ("play", "for") or (verb == "sign" and is_name(noun)):
        return "Which team" if verb == "play" else "Who"
    if preposition == "by":
        return "Who"
    return "What"


def _about_agent(clause: Clause, part: Part) -> Iterator[Candidate]:
    if part.object is None or not (is_name(part.object) or (clause.contextual and len(phrase(part.object)) > 1)):
        return
    answer = _people(part.object)
    named = is_name(part.object) and part.object.ent_type_ in {"PERSON", "ORG", "NORP", ""}
    asking = "Who" if named or is_human(part.object) else "What"
    question = _build(clause, asking, part, strand="by")
    if question.endswith(" by?") or question.count(" ") < 14:
        yield Candidate(question, answer, 2.9, f"{asking} by {clause.base}".lower())


def _people(noun: Token) -> str:
    """Return a name, without "the American director" before it."""
    answer = _noun_phrase(noun)
    if noun.ent_type_ == "PERSON" and answer and not list(noun.conjuncts):
        name = text_of([token for token in phrase(noun) if token.ent_type_ == "PERSON"])
        return name if name in answer else answer
    return answer


def _about_object(clause: Clause, part: Part) -> Iterator[Candidate]:
    noun = part.object
    if noun is None or clause.base in _FIRM or sum(other.role == "dobj" for other in clause.parts) > 1 or any(other.role in {"xcomp", "oprd"} for other in clause.parts):
        return
    if noun.ent_type_ in _NUMBERS:
        if noun.ent_type_ == "MONEY" and clause.base in words("cost charge pay earn raise receive donate spend win"):
            yield Candidate(_build(clause, "How much", part), _noun_phrase(noun), 2.6, f"how much {clause.base}")
        return
    answer = _noun_phrase(noun)
    if not answer or (not is_name(noun) and len(answer.split()) < 3):
        return
    asking = "Who" if noun.ent_type_ == "PERSON" or (is_human(noun) and is_name(noun)) else "What"
    if clause.base in {"attend", "join", "enter"}:
        asking = "What"
    if asking == "What" and clause.base in {"marry", "defeat", "beat", "succeed", "replace", "meet"}:
        asking = "Who"
    telling = [other for other in clause.parts if other is not part and other.text and (_is_telling(other) or _is_day(other))]
    if not is_name(noun) and not telling and not clause.contextual:
        return
    score = 2.0 + 0.4 * is_name(noun) - 0.8 * (not is_name(noun))
    yield Candidate(_build(clause, asking, part), answer, score, f"{asking} {clause.base}".lower())


def _about_number(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "How many … does … have?", and "What is the population of …?"."""
    noun = part.object
    if noun is None:
        return
    counts = [child for child in noun.children if child.dep_ == "nummod" and child.i < noun.i]
    others = [child for child in noun.children if child.dep_ in {"det", "poss"}]
    if len(counts) == 1 and not others and noun.tag_ == "NNS" and noun.ent_type_ in {"CARDINAL", "", "QUANTITY"} and not is_date(counts[0].text):
        number = counts[0]
        answer = text_of(phrase(number))
        thing = text_of([token for token in phrase(noun, {*REMARKS, "prep", "conj", "cc"}) if token not in set(number.subtree)])
        rest = text_of([token for child in noun.children if child.dep_ == "prep" for token in phrase(child)])
        strand = " ".join(piece for piece in (rest, part.preposition) if piece)
        if thing and not is_date(answer) and (part.role == "dobj" or (part.preposition == "of" and not rest)):
            yield Candidate(_build(clause, f"How many {thing}", part, strand=strand), answer, 2.7, f"how many {noun.lemma_}".lower())
    if part.role == "dobj" and clause.base == "have" and noun.lemma_ in {"population", "area", "length", "capacity", "enrollment", "enrolment", "height", "circulation", "elevation"}:
        for child in noun.children:
            value = _object_of(child)
            if child.lower_ == "of" and value is not None and value.like_num | (value.ent_type_ in _NUMBERS):
                yield Candidate(f"What is the {noun.lemma_} of {clause.subject}?", _noun_phrase(value), 2.7, f"what {noun.lemma_}")


def _object_of(preposition: Token) -> Token | None:
    found = [child for child in preposition.children if child.dep_ == "pobj"]
    return found[0] if len(found) == 1 else None


def _about_measure(clause: Clause, part: Part) -> Iterator[Candidate]:
    measure = _MEASURES.get(part.head.lower_)
    amounts = [child for child in part.head.children if child.dep_ == "npadvmod"]
    if measure and len(amounts) == 1 and clause.base == "be":
        answer = text_of(phrase(amounts[0]))
        yield Candidate(_sentence([f"How {measure}", clause.auxiliary, clause.subject]), answer, 2.6, f"how {measure}")


_QUALITIES = {
    "responsible": "for", "famous": "for", "notable": "for", "native": "to", "similar": "to", "adjacent": "to", "close": "to",
    "popular": "with in", "active": "in", "available": "in on", "subject": "to", "equal": "to", "home": "to", "open": "to on",
    "closed": "on in", "visible": "from", "due": "on by", "named": "after", "made": "of",
}  # fmt: skip


def _about_quality(clause: Clause, part: Part) -> Iterator[Candidate]:
    """Yield "What is … responsible for?", "When is … open?"."""
    for child in part.head.children:
        noun = _object_of(child)
        if clause.base != "be" or noun is None or child.lower_ not in _QUALITIES.get(part.head.lower_, "").split():
            continue
        kept = phrase(noun)
        answer = _noun_phrase(noun)
        if not is_name(noun) and len(answer.split()) < 2:
            continue
        when = noun.ent_type_ in {"DATE", "TIME"} and is_date(text_of(kept))
        asking, strand = ("When", "") if when else ("Who" if is_human(noun) else "What", child.lower_)
        question = _sentence([asking, clause.auxiliary, clause.subject, part.head.text, strand])
        yield Candidate(question, answer, 2.2, f"{asking} {part.head.lower_}".lower())


__all__ = ["Candidate", "ask"]
