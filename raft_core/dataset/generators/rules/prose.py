"""Text → paragraphs → sentences that the rules can ask about.

Each sentence keeps two forms: `quote` as it stands in the document, white space collapsed, and a spaCy span
without what stands in brackets, which the parser reads far better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raft_core.dataset.generators.rules.english import is_english, name_patterns, parse

if TYPE_CHECKING:
    from spacy.tokens import Span

SHORTEST, LONGEST = 4, 60
"""Words of a sentence."""
LONGEST_PARAGRAPH = 5000
"""Characters; what is longer is no paragraph but a text without line ends, and is cut."""

_BULLET = re.compile(r"^\s*(?:[*•▪●◦–—-]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+")
_HEADING_MARK = re.compile(r"^\s*#{1,6}\s+")
_RULE = re.compile(r"\s*[=*_~-]{3,}\s*")
_FIELD = re.compile(r"\s*(?:[-+*] )?[A-Za-z][\w' -]{0,30}:(?:\s|$)")
_GOES_ON = re.compile(
    r"(?:[,;:–-]|\b(?:of|the|a|an|and|or|in|on|at|by|for|to|with|from|as|is|was|are|that))\s*$"
)
_REFERENCE = re.compile(r"\s?\[\d{1,3}\]|\[(?:citation needed|note \d+)\]")
_BRACKETS = re.compile(r"\s?\([^()]*\)|\s?\[[^\[\]]*\]")
_INNER = re.compile(r"\s?\([^()]*\([^()]*\)[^()]*\)")
_NOTHING = re.compile(r"(?!)(?P<remark>)")
_EMPHASIS = re.compile(r"(?<!\w)(\*\*|__|\*|_|`)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_UNCLEAN = re.compile(
    r"[|{}<>=\\~^@#→←∈≤≥�©®]|https?:|www\.|\]\(|[a-z]- [a-z]|\.{3}|…|\d+/\d+/\d+|[a-z]\.[A-Z][a-z]|"
    r"Archived from|\bRetrieved |\bet al\b|``|\b(?:Figure|Fig|Table|Section|Appendix|Chapter|Eq|pp?)\.? ?\d"
)
_END = re.compile(r"[.!][\"”’')\]]*$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: as the document has it, and parsed without its brackets. `bracket` is what the first held."""

    quote: str
    span: Span
    bracket: str = ""
    clean: bool = True
    """Whether it is whole running English that can be asked about; others only tell what a paragraph is about."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """The sentences of one paragraph in order."""

    sentences: tuple[Sentence, ...]
    heading: str = ""


def paragraphs(text: str, title: str = "") -> Iterator[Paragraph]:
    """Yield the paragraphs of running text; headings are kept beside the paragraph below them.

    `title` is the document's: where it stands in the text it is taken for a name.
    """
    heading = ""
    for lines in _blocks(text):
        joined = " ".join(" ".join(lines).split())[:LONGEST_PARAGRAPH]
        if len(lines) == 1 and _is_heading(joined):
            heading = _HEADING_MARK.sub("", joined).strip(" :*")
            continue
        yield Paragraph(tuple(_sentences(joined, title)), heading)


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield lines that belong together: a heading, a list item, a paragraph. Tables and fields are left out."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if line.strip() and not _RULE.fullmatch(line)]
        usual = sorted(map(len, lines))[3 * len(lines) // 4] if lines else 0
        gathered: list[str] = []
        for number, line in enumerate(lines):
            following = lines[number + 1] if number + 1 < len(lines) else ""
            alone = " | " in line or _FIELD.match(line) or _ends_early(line, following, usual)
            if (alone or _BULLET.match(line)) and gathered:
                yield gathered
                gathered = []
            if alone and " | " not in line:
                yield [_BULLET.sub("", line, count=1)]
            elif not alone:
                gathered.append(_BULLET.sub("", line, count=1))
        if gathered:
            yield gathered


def _ends_early(line: str, following: str, usual: int) -> bool:
    """Tell whether a line is a heading above its paragraph: short, without a full stop, before a capital."""
    if _HEADING_MARK.match(line):
        return True
    open_end = not _END.search(line.strip()) and not _GOES_ON.search(line)
    return open_end and len(line) < 0.6 * usual and following.lstrip()[:1].isupper()


def _is_heading(text: str) -> bool:
    return bool(_HEADING_MARK.match(text)) or (not _END.search(text) and len(text.split()) <= 12)


def _sentences(paragraph: str, title: str) -> Iterator[Sentence]:
    plain, places = _without_remarks(paragraph, title)
    if not plain.strip():
        return
    for span in parse(plain, title).sents:
        start, end = places[span.start_char], places[max(span.end_char - 1, 0)] + 1
        following = _trailing_bracket(paragraph, end)
        quote = paragraph[start:following].strip()
        bracket = _BRACKETS.search(quote)
        good = is_clean(quote, least_letters=0.5) and is_clean(span.text)
        yield Sentence(quote, span, bracket.group().strip() if bracket else "", good)


def _trailing_bracket(paragraph: str, end: int) -> int:
    """Return the end of a sentence that closes with a quotation mark which the parser gave to the next one."""
    return end + 1 if paragraph[end : end + 1] in {"”", "’"} else end


def _without_remarks(paragraph: str, title: str) -> tuple[str, list[int]]:
    """Return a paragraph without brackets, emphasis and other names, and the place in it of each character left."""
    kept = [at for at, depth in enumerate(_depths(paragraph)) if depth == 0]
    for pattern, group in ((_EMPHASIS, 1), (_other_names(title), "remark")):
        text = "".join(paragraph[at] for at in kept)
        for match in reversed(list(pattern.finditer(text))):
            if group == "remark":
                del kept[match.start("remark") : match.end("remark")]
            else:
                mark = len(match.group(1))
                del kept[match.end() - mark : match.end()]
                del kept[match.start() : match.start() + mark]
    # Two spaces where something was cut out confuse nobody but the parser.
    kept = [
        at for n, at in enumerate(kept) if not (paragraph[at] == " " and n and paragraph[kept[n - 1]] == " ")
    ]
    return "".join(paragraph[at] for at in kept), kept


def _depths(text: str) -> list[int]:
    """Return for each character how many brackets it stands in, the space before a bracket included."""
    depths = [0] * len(text)
    for pattern in (_REFERENCE, _INNER, _BRACKETS):
        for match in pattern.finditer(text):
            for at in range(*match.span()):
                depths[at] += 1
    return depths


def _other_names(title: str) -> re.Pattern[str]:
    """Return what finds the other names of a title behind it: "Mill House, also known as the House, is …"."""
    name = rf"^(?:The |An? |(?:[A-Z][\w.-]+ ){{1,3}})?(?:{'|'.join(pattern.pattern.removeprefix('^(?:The )?') for pattern in name_patterns(title))})"
    return (
        re.compile(
            rf"{name}(?P<remark>(?: [A-Z]{{2,6}})+|(?:,| or| –| —) (?:[^.;:]|\.(?! [A-Z])){{1,160}}?,?)(?= (?:is|was|are|were) \w)"
        )
        if title
        else _NOTHING
    )


def is_clean(sentence: str, least_letters: float = 0.6) -> bool:
    """Tell whether a text is one whole sentence of running English, without formulas, links or references."""
    found = sentence.split()
    opening = sentence.lstrip("\"“‘'(")[:1]
    if not SHORTEST <= len(found) <= LONGEST or not (opening.isupper() or opening.isdigit()):
        return False
    if not _END.search(sentence) or _UNCLEAN.search(sentence):
        return False
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2:
        return False
    letters = sum(character.isalpha() for character in sentence)
    return letters >= least_letters * sum(map(len, found)) and is_english(sentence)
