"""Which question word can stand for a span, by rule, and what is left of the sentence around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raft_core.dataset.generators.clauses import Clause
from raft_core.dataset.generators.sentences import words
from raft_core.dataset.generators.spans import Span, looks_like_person

PREPOSITIONS = words(
    "in on at of from by for with to near under above during since until into against between through over "
    "around within about after before as than like via across along behind beyond towards toward onto"
)
FOLLOWERS = PREPOSITIONS | words(
    "and but or which who whose whom that where when while because although though if so is was are were has had "
    "have can will would could may might must also then it he she they"
)
"""What can follow a phrase that has ended; after "American" in "an American actor" none of it does."""

TIMES = {
    "year": "what year",
    "date": "what date",
    "month": "what month",
    "decade": "what decade",
    "century": "what century",
}
_TIMELY = words("in on since until from by to during of around before after")
_UNCOUNTED = words("between and top first last number its his her their these those")
_ROLES = re.compile(
    r"the (?:[\w-]+ )?(?:director|head|author|founder|mayor|president|king|queen|leader|owner|chairman|chief|captain|"
    r"coach|writer|singer|composer|editor|architect|designer|inventor|ruler|winner|governor|manager|wife|husband|son|"
    r"daughter|father|mother|brother|sister|keeper|master|host)\b",
    re.IGNORECASE,
)
_TAIL_END = re.compile(
    r"[,;:—]|\s[–-]\s|\s(?:which|who|whose|whom|that|where|when|while|because|although|though|but|and|or|after|before|"
    r"as|if|so|including|such|than|whether|since|until)\b"
)
_DANGLING = re.compile(
    r"(?:\s(?:the|a|an|of|in|on|at|to|by|for|with|from|and|or|its|his|her|their|is|was))+$"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A clause with a span taken out: `before` follows the auxiliary, `preposition` stood before the span.

    `word` is the question word for the span, "" where none fits; `tail` is kept up to the clause's end.
    """

    before: tuple[str, ...]
    preposition: str
    word: str
    tail: str


def gap(clause: Clause, span: Span) -> Gap:
    """Take a span of the predicate out of its clause."""
    before = clause.text[clause.predicate_start + len(clause.auxiliary) : span.start].split()
    article = before.pop() if before and before[-1] in {"the", "a", "an"} else ""
    if span.kind == "name" and "by" in before[-5:]:
        del before[len(before) - before[::-1].index("by") :]  # "by the Swedish pop singer Robyn"
    preposition = before.pop() if before and before[-1] in PREPOSITIONS else ""
    after = clause.text[span.end :]
    tail = after[1 + len(span.counted) :] if span.counted else after
    if span.kind in TIMES:
        fits = preposition in _TIMELY and article in {"", "the"}
        word = TIMES[span.kind] if fits else ""
    elif span.kind == "name":
        word = _for_name(clause, span, before, preposition) if article in {"", "the"} else ""
    else:
        word = _for_number(span, before, preposition, article)
    return Gap(tuple(before), preposition, word, until_boundary(re.sub(r"^\.(?= )", "", tail)))


def until_boundary(text: str) -> str:
    """Cut a text where its clause ends, and what then dangles."""
    match = _TAIL_END.search(text)
    cut = (text[: match.start()] if match else text).rstrip(" .!?\"”’'")
    if match:
        cut = re.sub(r"\sto \w+$", "", cut)  # "to serve", when "as chancellor" was cut off
    return _DANGLING.sub("", cut)


def ends_freely(after: str) -> bool:
    """Tell whether a phrase can end before `after`: what follows is no noun that it would only describe."""
    following = re.match(r" ([\w’']+)", after)
    return following is None or following.group(1) in FOLLOWERS


def _for_number(span: Span, before: list[str], preposition: str, article: str) -> str:
    if span.kind == "money":
        return "how much money"
    if span.kind == "percent":
        return "what percentage"
    previous = before[-1] if before and not preposition else "of"
    counts = span.counted and not article and preposition not in {"at", "in"}
    return f"how many {span.counted}" if counts and previous.islower() and previous not in _UNCOUNTED else ""


def _for_name(clause: Clause, span: Span, before: list[str], preposition: str) -> str:
    after = clause.text[span.end :]
    cut_short = len(span.text) < 2 or re.match(
        r"\.?\w|\. [A-Z]|['’/\"”-]| [/&]| (?:for|of) [A-Z]| et al", after
    )
    previous = before[-1] if before and not preposition else ""
    described = previous and previous not in {"called", "named"} and not clause.is_verb(previous)
    titled = preposition == "on" and before and before[-1][0].isupper()  # "Little House on the Prairie"
    if cut_short or described or titled or not ends_freely(after):
        return ""
    held = not before and not preposition and _ROLES.match(clause.subject)
    if (
        looks_like_person(span.text)
        or preposition == "by"
        or before[-1:] in (["married"], ["engaged"])
        or held
    ):
        return "whom" if preposition else "who"
    return "what"
