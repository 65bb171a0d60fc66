"""A sentence seen as subject and predicate, by rule."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from raft_core.dataset.generators.sentences import words
from raft_core.dataset.generators.spans import looks_like_person

AUXILIARIES = words("is was are were has had have can will would could may might must should")
_IRREGULAR = words(
    "wrote made won became began took gave held built grew led came went ran sang sold told found kept left lost met "
    "paid put read rose said sat sent shot spoke spent stood taught thought threw understood wore drew drove fell felt "
    "flew fought got hit hung knew laid lay rode saw set struck swam bought brought broke caught chose did forgot froze "
    "do does write make win become take give hold build grow lead come run sell include contain contains feature "
    "live work play produce provide cover describe serve use form consist lies owes goes does has"
)
_THIRD_PERSON = words(
    "makes writes lives works plays includes features covers serves uses forms consists provides produces describes "
    "holds owns runs offers shows stars tells begins follows stands grows speaks sells builds keeps teaches leads "
    "flows borders contains carries sings paints hosts publishes develops manufactures operates represents connects "
    "believes remains becomes means requires allows gives takes comes belongs refers appears occurs involves creates "
    "measures weighs costs helps needs shows affects improves leaves gets loses wins changes guards brews trades studies rules directs crosses breeds feeds nests hunts"
)
_NO_PAST = words("united hundred indeed need")
_PRONOUNS = words(
    "he she it they we i you this that these those there his her its their our my your here such both one some many "
    "another others who what when where why how if because although though while but and or so however then yet as "
    "first second third last most all each every no not nothing none several few other after before since until unless whether let"
)
_OPENERS = words(
    "in on at during by from around throughout with for of to like without despite under through over born based built known made held led written located set"
)
_LEAD = re.compile(
    r"(?:(?P<lead>(?:In|On|At|During|Since|By|From|Until|After|Before|Around|Throughout|Under|Within|Despite|With|For|"
    r"Among|Across|According to|As of) [^,;:]{2,45}?),|(?P<year>In (?:[A-Z][a-z]+ )?\d{4})) (?P<rest>(?:[A-Z]|(?:the|an?) ).+)"
)
_DISCOURSE = re.compile(
    r"(?:However|Moreover|Furthermore|Additionally|Therefore|Thus|Hence|Today|Indeed|Also|Finally|For example|"
    r"In addition|In fact|As a result|Instead|Meanwhile|Of course|By the way|Look|Later|[A-Z][a-z]+ly), (?=\S)|(?:But|And|So) (?=\S)"
)
_PERSON_VERBS = re.compile(
    r"(?:was|is) (?:also )?(?:born|married|an? (?:[\w-]+ ){0,4}?(?:singer|actor|actress|writer|author|poet|politician|"
    r"player|director|composer|musician|painter|artist|scientist|lawyer|footballer|journalist|producer|engineer|"
    r"songwriter|novelist|philosopher|physicist|chemist|mathematician|historian|businessman|officer|coach|"
    r"professor|architect|rapper|comedian|model|dancer|racing driver|screenwriter|filmmaker))\b|died |wrote |married |sang |"
    r"became the (?:[\w-]+ ){1,4}(?:woman|man|person|president|athlete|player|swimmer|astronaut|author|scientist)\b"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """`text` = subject + predicate; `auxiliary` is the predicate's first word where it can be inverted.

    `named` tells whether the subject holds a name, `person` whether it is likely a person's, `common` whether
    it begins with a common word, `sure` whether the verb was recognised.
    """

    text: str
    predicate_start: int
    auxiliary: str
    named: bool
    person: bool
    common: bool
    sure: bool = True

    @property
    def subject(self) -> str:
        """The subject as it begins a sentence."""
        return self.text[: self.predicate_start].strip()

    @property
    def predicate(self) -> str:
        """The verb and all that follows."""
        return self.text[self.predicate_start :]

    @property
    def subject_inside(self) -> str:
        """The subject as it stands inside a sentence: "the city", but "Oslo"."""
        return self.subject[:1].lower() + self.subject[1:] if self.common else self.subject

    def is_verb(self, word: str) -> bool:
        """Tell whether a word of the predicate may be a verb."""
        return word in AUXILIARIES or _verb_like(word) or self.predicate.startswith(word)


def parse(sentence: str, following: str, lower_words: AbstractSet[str]) -> Clause | None:
    """Return the main clause of a sentence, or None where the rules find no subject to name.

    `following` is the next sentence (its pronoun tells a person from a thing), `lower_words` the words
    that the chunk also writes in lower case (so that "Dogs" is known to be no name).
    """
    text = _plain(sentence)
    if re.match(r"[^:]{1,40}: |.{1,40} [–—] ", text):
        return None  # a caption or a label: "Figure 2: …"
    opening = re.split(r"[ ,'’]", text, maxsplit=1)[0].lower()
    if (
        opening in _PRONOUNS
        or opening in _OPENERS
        or re.fullmatch(r"\w+ing|\w{3,}ed|don|doesn|didn|isn|now|please", opening)
    ):
        return None
    start = _predicate_start(text)
    if start is None:
        return _unsure(text)
    subject = text[:start].strip()
    first = subject.split()[0]
    article = first in {"The", "A", "An"}
    common = article or (" " not in subject and first.lower() in lower_words) or _plain_plural(subject)
    capitals = [word for word in subject.split()[1 if common else 0 :] if word[0].isupper()]
    verb = re.match(r"[a-z]+", text[start:])
    auxiliary = verb.group() if verb and verb.group() in AUXILIARIES else ""
    person = not common and (
        looks_like_person(subject)
        or bool(_PERSON_VERBS.match(text[start:]))
        or (bool(re.match(r"(?:He|She|His|Her)\b", following)) and len(subject.split()) <= 4)
    )
    return Clause(text, start, auxiliary, bool(capitals), person, common)


def _unsure(text: str) -> Clause | None:
    """Take the first words for the subject where no verb is recognised: enough to ask for what comes late."""
    opening = re.match(r"\S+ \S+ ", text)
    verb = re.search(r" [a-z]{3,}s\b", text) or any(map(_verb_like, text.split()))
    if opening is None or not verb:
        return None
    named = bool(re.search(r" [A-Z]\w", text[: opening.end() + 20]))
    return Clause(text, opening.end(), "", named, False, True, sure=False)


def _plain(sentence: str) -> str:
    """Leave out what a question does not need: asides, references, a leading "However"."""
    text = _without_asides(sentence).replace("**", "").strip().rstrip('.!"”')
    text = _DISCOURSE.sub("", text, count=1)
    text = text[:1].upper() + text[1:]
    lead = _LEAD.fullmatch(text)
    if lead:
        moved = lead["lead"] or lead["year"]
        text = f"{lead['rest'][0].upper()}{lead['rest'][1:]} {moved[0].lower()}{moved[1:]}"
    aside = re.match(r"([A-Z][^,;:]{1,60}), ([^,;:]{3,90}), (?=([a-z]+) )", text)
    if aside and _verb_like(aside.group(3)):
        text = f"{aside.group(1)} {text[aside.end() :]}"
    return text


def _without_asides(text: str) -> str:
    """Leave out what stands in round brackets, then in square ones, from the inside out."""
    for aside in (r"\s*\([^()]*\)", r"\s*\[[^\[\]]*\]"):
        changed = 1
        while changed:
            text, changed = re.subn(aside, "", text)
    return re.sub(r"^([^,]{2,60}), (?=(?:is|was|are|were) )", r"\1 ", re.sub(r"\s+,", ",", text))


def _predicate_start(text: str) -> int | None:
    """Return where the first finite verb begins, within the first ten words and before any comma."""
    tokens = list(re.finditer(r"\S+", text))
    for number, match in enumerate(tokens[:11]):
        word = match.group()
        if number and (word in AUXILIARIES or _verb_like(word)) and not _participle(tokens, number):
            return match.start()
        if word[-1] in ",;:" or word in {"which", "who", "that", "where", "when", "–", "—", "-"}:
            return None
    return None


def _verb_like(word: str) -> bool:
    if word in AUXILIARIES or word in _IRREGULAR or word in _THIRD_PERSON:
        return True
    return word.islower() and len(word) > 3 and word.endswith("ed") and word not in _NO_PAST


def _participle(tokens: list[re.Match[str]], number: int) -> bool:
    """Tell whether a word in -ed describes the subject: "the town founded by Arlo Venn was …"."""
    word = tokens[number].group()
    if word in AUXILIARIES or not word.endswith("ed") or number + 1 >= len(tokens):
        return False
    following = tokens[number + 1].group()
    later = any(match.group() in AUXILIARIES for match in tokens[number + 1 : number + 9])
    return (
        (following in {"by", "in", "at", "from", "as", "on", "to"} and later)
        or any(match.group() in AUXILIARIES for match in tokens[number + 1 : number + 3])
        or (following[0].islower() and tokens[number - 1].group().lower() in {"the", "a", "an"})
    )


def _plain_plural(subject: str) -> bool:
    first, *others = subject.split()
    return bool(others) and first[0].isupper() and all(word.islower() for word in others)
