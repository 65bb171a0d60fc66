"""Turns a sentence into questions, by rule.

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
from raft_core.dataset.generators.spans import Span, find_spans, looks_like_person

PREPOSITIONS = frozenset(
    "in on at of from by for with to near under above during since until into against between through over "
    "around within about after before as than like via across along behind beyond towards toward onto".split()
)
PLACE_VERBS = frozenset(
    "born located situated based headquartered founded held lies live lives lived died raised buried established "
    "found built opened stands grew educated filmed set".split()
)
AGENT_VERBS = frozenset(
    "founded wrote directed invented discovered composed painted published designed created produced won led killed "
    "married built recorded sang makes made writes publishes owns runs bought sold signed opened".split()
)
ROLES = re.compile(
    r"the (?:[\w-]+ )?(?:director|head|author|founder|mayor|president|king|queen|leader|owner|chairman|chief|captain|coach|"
    r"writer|singer|composer|editor|architect|designer|inventor|ruler|winner|governor|manager|wife|husband|son|"
    r"daughter|father|mother|brother|sister|keeper|master|host)\b",
    re.IGNORECASE,
)
_FOLLOWERS = PREPOSITIONS | frozenset(
    "and but or which who whose whom that where when while because although though if so is was are were has had "
    "have can will would could may might must also then it he she they".split()
)
_TAIL_END = re.compile(
    r"[,;:—]|\s[–-]\s|\s(?:which|who|whose|whom|that|where|when|while|because|although|though|but|and|or|after|before|as|if|"
    r"so|including|such|than|whether|since|until)\b"
)
_COMPLEMENT_END = re.compile(
    r"[,;:—–(]|\s(?:which|who|whose|whom|that|where|when|and|or|but|for|in|by|from|with|at|to|on|near|since|as|known|used|"
    r"(?:originally|first|best|formerly|currently|also)\s|\w+(?:ed|ing|wn|ten)|set|held|made|won|built|led)\b"
)
_DANGLING = re.compile(
    r"(?:\s(?:the|a|an|of|in|on|at|to|by|for|with|from|and|or|its|his|her|their|is|was))+$"
)
_VAGUE = re.compile(
    r"\b(?:he|she|it|they|his|her|hers|them|him|this|these|those|such|latter|former|there|here|another|others|"
    r"following|above|below|said)\b",
    re.IGNORECASE,
)
_THING = re.compile(
    r"\b(of|from|with|into|by|to|for|on|under|through|between) ((?:an? |the )?(?:[a-z]{2,}(?:-[a-z]+)* ){0,2}[a-z]{3,}(?:-[a-z]+)*)"
    r"(?=[,;:.]|$| (?:in|at|by|for|with|on|to|from|until|when|while|because|and|but|where|is|are|was|were|has|can|will)\b)"
)
_TIMES = {
    "year": "what year",
    "date": "what date",
    "month": "what month",
    "decade": "what decade",
    "century": "what century",
}
_LOOSE = re.compile(r"\b(?:i|we|you|my|our|your|its|their|us|me|so)\b", re.IGNORECASE)
MAX_WORDS = 26


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question, the span that answers it, and how good the rules think it is."""

    question: str
    answer: str
    score: float


def ask(clause: Clause) -> Iterator[Candidate]:
    """Yield the questions that the rules can put to a clause."""
    made = [_about_subject(clause), _about_complement(clause), _about_object(clause)] if clause.sure else []
    made += _about_things(clause)
    for span in find_spans(clause.text):
        if span.start >= clause.predicate_start:
            made += [_fronted(clause, span), _in_situ(clause, span)]
    for candidate in made:
        if candidate is not None and _reads_well(candidate):
            yield candidate


def _about_subject(clause: Clause) -> Candidate | None:
    """Ask who or what the predicate is true of: only where it holds a name or a number of its own."""
    predicate = _until_boundary(clause.text[clause.predicate_start :].strip())
    if not clause.named or not any(_tells_apart(span, predicate) for span in find_spans(predicate)):
        return None
    if len(predicate.split()) < 4 or not re.fullmatch(
        r"(?:The )?[A-Z][\w’'.-]*(?: (?:of |the |[A-Z])[\w’'.-]*)*", clause.subject
    ):
        return None
    who = "Who" if clause.person or predicate.split()[0] in AGENT_VERBS else "What"
    return _candidate(f"{who} {predicate}", clause.subject, clause, 1.0 if who == "Who" else 0.4)


def _tells_apart(span: Span, predicate: str) -> bool:
    """Tell whether a span narrows down whom a predicate is true of: "American" in "an American actor" does not."""
    return span.kind != "name" or len(span.text) > 3 and _followed_freely(predicate[span.end :])


def _about_complement(clause: Clause) -> Candidate | None:
    """Ask what the subject is: "What is Oslo?", answered by its definition."""
    match = re.match(r"(is|was|are|were) (?:also )?((?:an?|the) .+)", clause.text[clause.predicate_start :])
    if match is None or not clause.named or not clause.person and clause.subject.startswith("The "):
        return None
    answer, _, _ = _COMPLEMENT_END.sub("\0", match.group(2), count=1).partition("\0")
    cut_at = match.group(2)[len(answer) :].lstrip()
    if re.match(r"(?:and|or)\b", cut_at) or (cut_at.startswith((",", "-")) and len(answer.split()) < 3):
        return None  # "a film and television company" is no film
    if not 2 <= len(answer.split()) <= 7 or answer.startswith("the ") or not answer.split()[-1].islower():
        return None
    who = "Who" if clause.person else "What"
    return _candidate(f"{who} {match.group(1)} {clause.subject_inside}", answer, clause, 0.5)


def _about_object(clause: Clause) -> Candidate | None:
    """Ask for what stands behind a plain verb: "Belmo makes what?"."""
    match = re.match(
        r"([a-z]+) ((?:an? )?[a-z][a-z-]+(?: [a-z][a-z-]+){0,2})(?=[,;:.]|$| (?:in|for|from|to|with|at|by|on)\b)",
        clause.text[clause.predicate_start :],
    )
    if (
        match is None
        or clause.auxiliary
        or not clause.named
        or match.group(2).split()[0] in PREPOSITIONS | {"that", "not", "the"}
    ):
        return None
    if match.group(2).split()[0] in {"its", "their", "his", "her"} or any(
        word in _FOLLOWERS or word.endswith(("ly", "ed", "ing")) for word in match.group(2).split()
    ):
        return None
    tail = _until_boundary(clause.text[clause.predicate_start + match.end() :])
    return _candidate(f"{clause.subject} {match.group(1)} what{tail}", match.group(2), clause, 0.2)


def _about_things(clause: Clause) -> list[Candidate | None]:
    """Ask for what stands behind a preposition, the last resort: "Ice cubes are made of what?"."""
    made = []
    for match in _THING.finditer(clause.text, clause.predicate_start):
        words = match.group(2).split()
        if (
            match.group(1) == "to"
            and words[0] not in {"a", "an", "the"}
            or "," in clause.text[: match.start()]
        ):
            continue  # "to read them"
        if any(
            word in _FOLLOWERS | {"not", "more", "least", "them", "him", "me", "us"}
            or word.endswith(("ly", "ing"))
            for word in words
        ):
            continue
        head = f"{clause.text[: match.start(2)]}what"
        score = 0.6 - 0.03 * len(head.split())
        made.append(
            _candidate(head + _until_boundary(clause.text[match.end() :]), match.group(2), clause, score)
        )
    return made


def _fronted(clause: Clause, span: Span) -> Candidate | None:
    """Move the question word to the front and invert: needs an auxiliary right after the subject."""
    before, preposition, wh, tail = _around(clause, span)
    if (
        not clause.auxiliary
        or wh == ""
        or re.search(r"[,;:—–]|\b(?:which|who|whose|that|where|when|and|because|than)\b", before)
    ):
        return None
    words = before.split()
    if (
        preposition
        and words
        and words[0] in {"a", "an", "the", "one"}
        and clause.auxiliary in {"is", "was", "are", "were"}
    ):
        return None  # "In what year is Lokomotiv a club founded": the span belongs to the club
    subject, auxiliary = clause.subject_inside, clause.auxiliary
    if preposition:
        if span.kind not in _TIMES:
            if span.kind != "name" or len(words) > 3:
                return None
            if words and words[-1] in PLACE_VERBS and preposition in {"in", "at", "near"}:
                preposition, wh = "", "where"
            elif preposition != "by" and wh != "whom":
                return None  # "In what did Tom Hanks star": better in place
        return _candidate(f"{preposition} {wh} {auxiliary} {subject} {before}{tail}", span.text, clause, 2.0)
    if any(word in PREPOSITIONS for word in words):
        return None  # the span belongs to something inside the predicate
    if auxiliary in {"has", "have", "had"} and not words:
        helper = {"has": "does", "have": "do", "had": "did"}[auxiliary]
        return _candidate(f"{wh} {helper} {subject} have{tail}", span.text, clause, 2.0)
    return _candidate(f"{wh} {auxiliary} {subject} {before}{tail}", span.text, clause, 1.8)


def _in_situ(clause: Clause, span: Span) -> Candidate | None:
    """Put the question word where the answer stood."""
    before, preposition, wh, tail = _around(clause, span)
    if wh == "":
        return None
    if preposition in {"in", "at", "near"} and before and before.split()[-1] in PLACE_VERBS and wh == "what":
        preposition, wh = "", "where"
    head = f"{clause.text[: clause.predicate_start]}{clause.auxiliary} {before} {preposition} {wh}"
    if not clause.sure and ("," in head or not (before or preposition)):
        return None
    score = 0.8 if clause.auxiliary == "" else 0.5
    return _candidate(f"{head}{tail}", span.text, clause, score - 0.04 * len(before.split()))


def _around(clause: Clause, span: Span) -> tuple[str, str, str, str]:
    """Return what stands before the span, its preposition, its question word ("" where none fits), the tail."""
    start = clause.predicate_start + (len(clause.auxiliary) if clause.auxiliary else 0)
    words = clause.text[start : span.start].split()
    article = words.pop() if words and words[-1] in {"the", "a", "an"} else ""
    preposition = words.pop() if words and words[-1] in PREPOSITIONS else ""
    end = span.end + (1 + len(span.counted) if span.counted else 0)
    tail = _until_boundary(re.sub(r"^\.(?= )", "", clause.text[end:]))
    wh = _question_word(clause, span, preposition, words, article, clause.text[end:])
    return " ".join(words), preposition, wh, tail


def _question_word(
    clause: Clause, span: Span, preposition: str, words: list[str], article: str, after: str
) -> str:
    if span.kind in _TIMES:
        timely = preposition in {
            "in",
            "on",
            "since",
            "until",
            "from",
            "by",
            "to",
            "during",
            "of",
            "around",
            "before",
            "after",
        }
        return _TIMES[span.kind] if timely and article in {"", "the"} else ""
    if span.kind == "money":
        return "how much money" if not re.match(r" [a-z]", after) or _followed_freely(after) else ""
    if span.kind == "percent":
        return "what percentage"
    if span.kind == "number":
        counts = (
            span.counted
            and article == ""
            and (
                not words
                or words[-1].islower()
                and words[-1]
                not in {
                    "between",
                    "and",
                    "top",
                    "first",
                    "last",
                    "number",
                    "its",
                    "his",
                    "her",
                    "their",
                    "these",
                    "those",
                }
            )
        )
        return f"how many {span.counted}" if counts and preposition not in {"at", "in"} else ""
    if len(span.text) < 2 or re.match(r"\.?\w", after):
        return ""  # a name cut short by the rules
    if (
        article in {"a", "an"}
        or not _followed_freely(after)
        or after.startswith(("'", "’", "-", "/", " /", " &"))
    ):
        return ""
    previous = words[-1] if words and not preposition else ""
    if previous and not (previous in {"called", "named"} or clause.is_verb(previous)):
        return ""
    if (
        looks_like_person(span.text)
        or preposition == "by"
        or words[-1:] in (["married"], ["engaged"])
        or (not words and not preposition and ROLES.match(clause.subject))
    ):
        return "whom" if preposition else "who"
    return "what"


def _followed_freely(after: str) -> bool:
    """Tell whether a phrase can end here: what follows is no noun that it would only describe."""
    following = re.match(r"\s*([\w’']+)?", after)
    word = following.group(1) if following else None
    return word is None or word in _FOLLOWERS or not re.match(r" [\w]", after)


def _until_boundary(text: str) -> str:
    match = _TAIL_END.search(text)
    cut = (text[: match.start()] if match else text).rstrip(" .!?\"”’'")
    if match:
        cut = re.sub(r"\sto \w+$", "", cut)  # "to serve", when "as chancellor" was cut off
    return _DANGLING.sub("", cut)


def _candidate(question: str, answer: str, clause: Clause, score: float) -> Candidate | None:
    words = question.split()
    text = " ".join(words)
    if not clause.named and not re.search(r" [A-Z0-9]", text) and len(words) < 7:
        return None  # nothing says what the question is about
    score += 2.0 if clause.named else 0.0
    score -= 0.8 if _LOOSE.search(text) else 0.0
    score -= 2.0 if _VAGUE.search(text) else 0.0
    score -= 0.1 * max(0, len(words) - 14)
    return Candidate(text[:1].upper() + text[1:] + "?", answer.strip(), score)


def _reads_well(candidate: Candidate) -> bool:
    question, answer = candidate.question, candidate.answer
    if (
        not 3 <= len(question.split()) <= MAX_WORDS
        or not answer
        or re.search(r"[\"“”()\[\]]| [?,]|[,;:]\?|\b(?:both|between|either|neither)\b", question)
    ):
        return False
    asked = {word.strip("?,.’'s") for word in question.lower().split()}
    telling = [word.strip(",.’'s") for word in answer.lower().split() if len(word) > 3 or word[0].isdigit()]
    return not any(word in asked for word in telling) and answer.lower() not in question.lower()
