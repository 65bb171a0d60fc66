"""Turns a clause into questions, by rule.

    Belmo was founded in 1873 by Arlo Venn.
      front    In what year was Belmo founded by Arlo Venn?
      subject  What was founded in 1873 by Arlo Venn?
      in situ  Belmo was founded in 1873 by whom?

The rules know no parts of speech: what they are not sure of they leave out, and every candidate has
a score, so that the better questions are taken first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from raft_core.dataset.generators.clauses import Clause
from raft_core.dataset.generators.sentences import words
from raft_core.dataset.generators.spans import Span, find_spans
from raft_core.dataset.generators.wh import FOLLOWERS, PREPOSITIONS, TIMES, ends_freely, gap, until_boundary

MIN_WORDS, MAX_WORDS = 3, 26

_PLACE_VERBS = words(
    "born located situated based headquartered founded held lies live lives lived died raised buried established "
    "found built opened stands grew educated filmed set"
)
_AGENT_VERBS = words(
    "founded cofounded established pioneered wrote directed invented discovered composed painted published designed "
    "created produced won led killed married built recorded sang makes made writes publishes owns runs bought sold signed opened"
)
_NAME = re.compile(r"(?:The )?[A-Z][\w’'.-]*(?: (?:of |the |[A-Z])[\w’'.-]*)*")
_DEFINITION = re.compile(r"(is|was|are|were) (?:also )?(an? .+)")
_DEFINITION_END = re.compile(
    r"[,;:—–(-]|\s(?:which|who|whose|whom|that|where|when|and|or|but|for|in|by|from|with|at|to|on|near|since|as|known|"
    r"used|(?:originally|first|best|formerly|currently|also)\s|\w+(?:ed|ing|wn|ten)|set|held|made|won|built|led)\b"
)
_SECOND_NOUN = re.compile(r"and [a-z]+(?: [a-z]+)?(?=$|[,;.]| (?:who|from|in|at|for|based|best|known)\b)")
_OBJECT = re.compile(
    r"([a-z]+) ((?:an? )?[a-z][a-z-]+(?: [a-z][a-z-]+){0,2})(?=[,;:.]|$| (?:in|for|from|to|with|at|by|on)\b)"
)
_THING = re.compile(
    r"\b(of|from|with|into|by|to|for|on|under|through) ((?:an? |the )?(?:[a-z]{2,}(?:-[a-z]+)* ){0,2}[a-z]{3,}(?:-[a-z]+)*)"
    r"(?=[,;:.]|$| (?:in|at|by|for|with|on|to|from|until|when|while|because|but|where|is|are|was|were|has|can|will)\b)"
)
_NO_OBJECT = FOLLOWERS | words(
    "no not the its their his her more least them him me us these those this that all"
)
_VAGUE = re.compile(
    r"\b(?:he|she|it|they|his|her|hers|them|him|this|these|those|such|latter|former|there|here|another|others|"
    r"following|above|below|said)\b",
    re.IGNORECASE,
)
_POINTER = re.compile(r"(?:Figure|Table|Section|Appendix|Chapter)\b")
"""No answer: it only points into the document."""
_LOOSE = re.compile(r"\b(?:i|we|you|my|our|your|its|their|us|me|so)\b", re.IGNORECASE)
_ODD = re.compile(
    r"\bwhat\b.*\bwhat\b|\bpages? \d|[()\[\]]|[\"“] ?[?,]| [?,]|[,;:]\?|\b(?:both|between|either|neither)\b"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question, the span that answers it, and how good the rules think it is."""

    question: str
    answer: str
    score: float


def ask(clause: Clause) -> Iterator[Candidate]:
    """Yield the questions that the rules can put to a clause."""
    made = [*_about_things(clause)]
    if clause.sure:
        made += [_about_subject(clause), _about_definition(clause), _about_object(clause)]
    for span in find_spans(clause.text):
        if span.start >= clause.predicate_start:
            made += [_fronted(clause, span), _in_situ(clause, span)]
    for candidate in made:
        if candidate is not None and _reads_well(candidate):
            yield candidate


def _about_subject(clause: Clause) -> Candidate | None:
    """Ask who or what the predicate is true of: only where it holds a name or a number of its own."""
    predicate = until_boundary(clause.predicate)
    if not clause.named or len(predicate.split()) < 4 or not _NAME.fullmatch(clause.subject):
        return None
    if not any(_tells_apart(span, predicate) for span in find_spans(predicate)):
        return None
    who = "Who" if clause.person or predicate.split(maxsplit=1)[0] in _AGENT_VERBS else "What"
    return _candidate(f"{who} {predicate}", clause.subject, clause, 1.0 if who == "Who" else 0.4)


def _tells_apart(span: Span, predicate: str) -> bool:
    """Tell whether a span narrows down whom a predicate is true of: "American" in "an American actor" does not."""
    return span.kind != "name" or (len(span.text) > 3 and ends_freely(predicate[span.end :]))


def _about_definition(clause: Clause) -> Candidate | None:
    """Ask what the subject is: "What is Oslo?", answered by "a city"."""
    match = _DEFINITION.match(clause.predicate)
    if match is None or not clause.named or (clause.subject.startswith("The ") and not clause.person):
        return None
    end = _DEFINITION_END.search(match.group(2))
    answer = match.group(2)[: end.start()] if end else match.group(2)
    cut_at = match.group(2)[len(answer) :].lstrip()
    second = _SECOND_NOUN.match(cut_at)
    if second:
        answer, cut_at = f"{answer} {second.group()}", ""
    if re.match(r"(?:and|or)\b", cut_at) or (cut_at.startswith(",") and len(answer.split()) < 3):
        return None  # "a film and television company" is no film
    if re.match(r"-\w", cut_at):
        return None  # nor is "a text-based game" a text
    if not 2 <= len(answer.split()) <= 7 or not answer.split()[-1].islower():
        return None
    who = "Who" if clause.person else "What"
    return _candidate(f"{who} {match.group(1)} {clause.subject_inside}", answer, clause, 0.5)


def _about_object(clause: Clause) -> Candidate | None:
    """Ask for what stands behind a plain verb: "Belmo makes what?"."""
    match = None if clause.auxiliary or not clause.named else _OBJECT.match(clause.predicate)
    if match is None or not _is_thing(match.group(2)) or match.group(2).split()[0] in PREPOSITIONS:
        return None
    tail = until_boundary(clause.predicate[match.end() :])
    return _candidate(f"{clause.subject} {match.group(1)} what{tail}", match.group(2), clause, 0.2)


def _about_things(clause: Clause) -> Iterator[Candidate | None]:
    """Ask for what stands behind a preposition, the last resort: "Ice cubes are made of what?"."""
    for match in _THING.finditer(clause.text, clause.predicate_start):
        preposition, thing = match.groups()
        article, _, rest = thing.partition(" ")
        determined = article in {"a", "an", "the"}
        if preposition == "to" and not determined:
            continue  # "to read them"
        if "," not in clause.text[: match.start()] and _is_thing(rest if determined else thing):
            head = f"{clause.text[: match.start(2)]}what"
            score = 0.6 - 0.03 * len(head.split())
            yield _candidate(head + until_boundary(clause.text[match.end() :]), thing, clause, score)


def _is_thing(phrase: str) -> bool:
    return not any(word in _NO_OBJECT or word.endswith(("ly", "ing")) for word in phrase.split())


def _fronted(clause: Clause, span: Span) -> Candidate | None:
    """Move the question word to the front and invert: needs an auxiliary right after the subject."""
    hole = gap(clause, span)
    before = " ".join(hole.before)
    auxiliary, subject = clause.auxiliary, clause.subject_inside
    apart = re.search(r"[,;:—–]|\b(?:which|who|whose|that|where|when|and|because|than)\b", before)
    if not auxiliary or not hole.word or apart:
        return None
    if hole.preposition:
        asking = _fronted_phrase(clause, span, hole.before, hole.preposition, hole.word)
        return (
            _candidate(f"{asking} {auxiliary} {subject} {before}{hole.tail}", span.text, clause, 2.0)
            if asking
            else None
        )
    if any(word in PREPOSITIONS for word in hole.before):
        return None  # the span belongs to something inside the predicate
    if auxiliary in {"has", "have", "had"} and not before:
        helper = {"has": "does", "have": "do", "had": "did"}[auxiliary]
        return _candidate(f"{hole.word} {helper} {subject} have{hole.tail}", span.text, clause, 2.0)
    return _candidate(f"{hole.word} {auxiliary} {subject} {before}{hole.tail}", span.text, clause, 1.8)


def _fronted_phrase(clause: Clause, span: Span, before: tuple[str, ...], preposition: str, word: str) -> str:
    """Return "in what year", "by whom" or "where", or "" where the question reads better in situ."""
    if before[:1] in (("a",), ("an",), ("the",), ("one",)) and clause.auxiliary in {
        "is",
        "was",
        "are",
        "were",
    }:
        return ""  # "In what year is Lokomotiv a club founded": the span belongs to the club
    if span.kind in TIMES:
        return f"{preposition} {word}"
    if span.kind != "name" or len(before) > 3:
        return ""
    if before and before[-1] in _PLACE_VERBS and preposition in {"in", "at", "near"}:
        return "where"
    return f"{preposition} {word}" if word == "whom" else ""  # not "In what did Tom Hanks star"


def _in_situ(clause: Clause, span: Span) -> Candidate | None:
    """Put the question word where the answer stood."""
    hole = gap(clause, span)
    before = " ".join(hole.before)
    preposition, word = hole.preposition, hole.word
    if (
        preposition in {"in", "at", "near"}
        and hole.before
        and hole.before[-1] in _PLACE_VERBS
        and word == "what"
    ):
        preposition, word = "", "where"
    head = f"{clause.text[: clause.predicate_start]}{clause.auxiliary} {before} {preposition} {word}"
    if not word or (not clause.sure and ("," in head or not (before or preposition))):
        return None
    score = (0.5 if clause.auxiliary else 0.8) - 0.04 * len(hole.before)
    return _candidate(head + hole.tail, span.text, clause, score)


def _candidate(question: str, answer: str, clause: Clause, score: float) -> Candidate | None:
    asked = question.split()
    text = " ".join(asked)
    if not clause.sure and len(asked) < 6:
        return None  # a fragment: "A native of what?"
    if not clause.named and len(asked) < 5 and not re.search(r" [A-Z0-9]", text):
        return None  # nothing says what the question is about
    score += 2.0 if clause.named else 0.0
    score -= 0.8 if _LOOSE.search(text) else 0.0
    score -= 2.0 if _VAGUE.search(text) else 0.0
    score -= 0.1 * max(0, len(asked) - 14)
    return Candidate(text[:1].upper() + text[1:] + "?", answer.strip(), score)


def _reads_well(candidate: Candidate) -> bool:
    """Tell whether a question is short and whole, and does not give its answer away."""
    question, answer = candidate.question.lower(), candidate.answer.lower()
    if not MIN_WORDS <= len(question.split()) <= MAX_WORDS or not answer or _ODD.search(question):
        return False
    if (
        _POINTER.match(candidate.answer)
        or question.count('"') % 2
        or question.count("“") != question.count("”")
    ):
        return False
    asked = {word.strip("?,.’'\"“”") for word in question.split()}
    telling = {word.strip(",.’'\"“”") for word in answer.split() if len(word) > 3 or word[0].isdigit()}
    return not telling & asked and answer not in question
