"""Pieces of a parsed sentence as text: phrases without remarks, names, dates, quantities."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.english import words

if TYPE_CHECKING:
    from spacy.tokens import Token

REMARKS = frozenset({"relcl", "acl", "appos", "parataxis", "advcl", "dep", "meta", "intj"})
"""What is said beside a noun, and can be left out without making it another noun."""
VAGUE = words(
    "he she it they we i you him them us me this that these those such here there his her its their my our your himself "
    "herself itself themselves same latter former other others another one ones so then which who whose whom what"
)
"""Words that mean something only beside another sentence."""
_DATED = re.compile(
    r"\b(?:1\d|20)\d\ds?\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?)\b|\bcentur(?:y|ies)\b|\b(?:BC|AD|BCE)\b"
)
_CLOCK = re.compile(
    r"\b\d{1,2}(?:[.:]\d\d)? ?(?:am|pm|a\.m\.|p\.m\.|o'clock)|\b\d{1,2}[.:]\d\d\b|\bnoon\b|\bmidnight\b",
    re.IGNORECASE,
)
_LASTING = re.compile(r"\b(?:seasons?|years?|months?|weeks?|days?|hours?|minutes?|seconds?|decades?)\b")


def phrase(head: Token, drop: Collection[str] = REMARKS) -> list[Token]:
    """Return the tokens of a subtree in order, without the subtrees whose relation is in `drop`."""
    found = [head]
    for child in head.children:
        if child.dep_ in drop and not _joined(child):
            continue
        if not (
            child.dep_ == "punct" and child.text in {",", ";", ":", "–", "—"} and not _listed(head, child)
        ):
            found += phrase(child, drop)
    return sorted(found, key=lambda token: token.i)


def _joined(child: Token) -> bool:
    """Tell whether an apposition belongs to the name before it: "the champion Detroit Lions", "the film Jaws"."""
    first = min(child.subtree, key=lambda token: token.i)
    if child.dep_ == "appos" and first.ent_iob_ == "I":
        return True  # "Hyannis Air Service, Inc.", "August 28, 1862"
    return (
        child.dep_ == "appos"
        and first.i > 0
        and child.doc[first.i - 1].text not in {",", "–", "—", "-", "(", ":"}
    )


def _listed(head: Token, comma: Token) -> bool:
    """Tell whether a comma belongs to a list, a date, or a place: "March 3, 1871", "Springfield, Illinois"."""
    behind = [child for child in head.children if child.i > comma.i]
    return (
        comma.ent_iob_ == "I" or any(child.dep_ in {"conj", "nummod"} for child in behind) or comma.i < head.i
    )


def is_cut(tokens: list[Token]) -> bool:
    """Tell whether a phrase lost what says which one is meant: "the last team [to fold]", "the album [released in …]"."""
    inside = {token.i for token in tokens}
    for token in tokens:
        for child in token.children:
            first = min(each.i for each in child.subtree)
            if (
                child.i not in inside
                and child.dep_ in REMARKS
                and token.doc[first - 1].text not in {",", "–", "—", "-", "("}
            ):
                return True
    return False


def is_list_cut(tokens: list[Token]) -> bool:
    """Tell whether a phrase is the beginning of a longer list: "Michael Fassbender[, Alicia Vikander, …]"."""
    document, after = tokens[-1].doc, tokens[-1].i + 1
    if after + 1 >= len(document) or document[after].text not in {",", "and", "or"}:
        return False
    following = document[after + 1]
    if any(token.dep_ == "conj" for token in tokens) and not any(token.dep_ == "cc" for token in tokens):
        return True
    if document[after].text == "," and _goes_on(document[after + 1 : after + 10]):
        return True
    if document[after].text != ",":
        return following.pos_ in {"NOUN", "PROPN", "NUM", "ADJ", "DET"}
    return (
        following.ent_type_ != ""
        and following.ent_type_ == tokens[-1].ent_type_
        and following.ent_type_ not in {"GPE", "DATE"}
    )


def with_list(tokens: list[Token]) -> list[Token]:
    """Return a phrase with the rest of the list that it begins; as it is where no end of a list is to be seen."""
    found, joined = list(tokens), False
    for token in tokens[-1].doc[tokens[-1].i + 1 : tokens[-1].i + 25]:
        ends = token.pos_ in {"VERB", "AUX", "PRON", "SCONJ", "ADV"} or (
            token.pos_ == "ADP" and token.lower_ != "of"
        )
        if ends or token.text in {".", ";", ":", "(", "–"} or (joined and token.text == ","):
            break
        joined = joined or token.tag_ == "CC"
        found.append(token)
    good = joined and found[-1].pos_ in {"NOUN", "PROPN", "NUM"} and found[-1].tag_ != "CC"
    return found if good and not is_list_cut(found) else list(tokens)


def _goes_on(tokens: Iterable[Token]) -> bool:
    """Tell whether more of a list follows: nouns, and an "and" before any verb."""
    for number, token in enumerate(tokens):
        stops = token.pos_ in {"VERB", "AUX", "PRON", "SCONJ", "ADP", "ADV"} and token.lower_ != "of"
        if stops or token.ent_type_ in {"GPE", "DATE"}:
            return False
        if token.tag_ == "CC" and number:
            return True
    return False


def text_of(tokens: Iterable[Token]) -> str:
    """Return tokens as text, "" where quotation marks or brackets are cut in two."""
    pieces = []
    last = None
    for token in tokens:
        if last is not None and token.i > last + 1:
            pieces.append(" ")  # something between the two was left out
        pieces.append(token.text_with_ws)
        last = token.i
    text = " ".join("".join(pieces).split())
    text = re.sub(r"\s+([,.;:])", r"\1", text).strip(" ,;:–—-")
    text = re.sub(r"[ ,]+(?:and|or|but)$", "", text)
    if re.search(r'\s["”](?:\s|$)', text):
        return ""  # a quotation that lost its end
    if text.count('"') % 2 or text.count("“") != text.count("”") or text.count("(") != text.count(")"):
        return ""
    return text


def is_whole(tokens: list[Token]) -> bool:
    """Tell whether a phrase cuts no entity, no hyphenated word and nothing in quotation marks in two."""
    inside = {token.i for token in tokens}
    first, last, document = tokens[0], tokens[-1], tokens[0].doc
    if last.i + 1 < len(document) and (
        not last.whitespace_ and document[last.i + 1].text in {"-", "–", "/", "'s", "’s", "%"}
    ):
        return False
    if (
        first.i
        and not document[first.i - 1].whitespace_
        and document[first.i - 1].text in {"-", "–", "/", "$", "£", "€"}
    ):
        return False
    for edge, outer in ((first, first.i - 1), (last, last.i + 1)):
        if 0 <= outer < len(document) and edge.ent_iob_ != "O" and outer not in inside:
            other = document[outer]
            if (
                other.ent_type_ == edge.ent_type_
                and (other if outer > edge.i else edge).ent_iob_ == "I"
                and other.lower_ not in {"the", "'s"}
            ):
                return False
    return True


def is_vague(tokens: Iterable[Token], allowed: Collection[str] = ()) -> bool:
    """Tell whether a phrase points at something that it does not name; `allowed` pronouns are known."""
    return any(
        token.lower_ in VAGUE and token.lower_ not in allowed and token.tag_ not in {"IN", "CD"}
        for token in tokens
    )


def is_date(text: str) -> bool:
    """Tell whether a text is a point in time: a year, a date, a day of the week, a century."""
    return bool(_DATED.search(text)) and len(text.split()) <= 8


def is_clock(text: str) -> bool:
    """Tell whether a text is a time of day."""
    return bool(_CLOCK.search(text)) and len(text.split()) <= 8


def is_duration(text: str) -> bool:
    """Tell whether a text is a length of time: "275 years"."""
    return bool(_LASTING.search(text)) and bool(
        re.search(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve)\b", text)
    )
