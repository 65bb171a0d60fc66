"""RAFT's answer markup: writing it, reading it, and defusing it, and models' control tokens, in untrusted text.

    ##Reason: ##begin_quote## Oslo is the capital of Norway. ##end_quote## <ANSWER>: Oslo

The tags are those of the official code (ShishirPatil/gorilla, raft/); the paper's `##Answer:` is
accepted when reading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

import regex  # type: ignore[import-untyped]  # knows Unicode's word boundaries and scripts; `re` does not

from raft_core.records import Quote

ANSWER_TAG = "<ANSWER>:"
BEGIN_QUOTE = "##begin_quote##"
END_QUOTE = "##end_quote##"
DOCUMENT_OPEN = "<DOCUMENT>"
DOCUMENT_CLOSE = "</DOCUMENT>"

_KEPT = "\n\t"
_INVISIBLE = {"Cc", "Cs", "Co", "Cn"}
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's bidirectional controls, with which text can be made to look like other text."""

THOUGHT_NAME = (
    r"(?:[a-z]{2,10}:)?(?:(?:ant|deep_?)?think(?:ing)?|(?:inner_?)?thoughts?|reasoning|reflections?|analysis"
    r"|scratch_?pad|inner_?monologue)"
)
"""Between angle brackets: what reasoning models call their thoughts. Lower case; match it without regard to case."""
THOUGHT_MARK = (
    rf"<\s?/?\s?(?:{THOUGHT_NAME})(?:\s[^<>\n]{{0,80}})?/?>"
    r"|\[/?(?:think(?:ing)?|thoughts?|reasoning)\]|\u25c1/?think\u25b7|<unused9[45]>|<\|channel>|<channel\|>"
)
"""Marks around thoughts; those between vertical bars, <|end_of_thought|>, `neutralise` knows in general."""
_BAR = r"[|\uff5c]"
_MARKUP = re.compile(
    r"</?DOCUMENT>|##(?:begin|end)_quote##|##\s?Answer\s?[:\uff1a]|<\s?/?\s?ANSWER\s?[>:\uff1a]|<STOP>"
    # What chat models' tokenizers read as control tokens: <|eot_id|>, </s>, [INST], <start_of_turn> …
    rf"|<{_BAR}[^<>\n]{{1,40}}?{_BAR}>|</?s>|<(?:bos|eos|pad|unk|mask|(?:start|end)_of_turn)>|<</?SYS>>"
    r"|</?tool_(?:call|response)>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    rf"|{THOUGHT_MARK}",
    re.IGNORECASE,
)
ANSWER_TAGS = (ANSWER_TAG, "##Answer:")
_DEFUSED = str.maketrans("<>#[]\u25c1\u25b7", "()=()()")
_QUOTE = re.compile(r"##begin_quote##(.*?)##end_quote##", re.DOTALL)

QUOTED_WORDS = 3
"""So many words say something that a document says too; "the" or "1871" stands in any."""
WORDS_A_DENSE_CHARACTER, WORDS_A_JOINED_CHARACTER = 2 / 3, 1 / 4
"""A Chinese word has about one and a half characters, a Thai one four."""
_DENSE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}]")
_JOINED = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}]")
_WORD = regex.compile(r"\w(?:[\w'\u2019.]*\w)?")

HEADINGS = frozenset({"source", "sources", "thesources", "nosourceused"})
"""What we write in a line of its own, letters only."""
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_TICK = re.compile(
    '[\u2713\u2714\u2705\u2611\u237b\U0001f5f8\U0001f5f9\U0001fbb1][\ufe0e\ufe0f]?|\u221a(?=[\\s"\u201c*])'
)
_CROSS = re.compile(
    "[\u2715-\u2718\u2612\u2613\u274c\u274e\u2573\u2a2f\U0001f5d9\U0001f5f4-\U0001f5f7\U0001fbc0\U0001f7a8-\U0001f7ae]"
    '[\ufe0e\ufe0f]?|(?m:^)\u00d7(?=[\\s"\u201c*])'
)
_BRACKETED = re.compile(
    r"[\[\uff3b\u3010\u3014\u3016\u3018\u301a\u27e6\u2045\u2772]([^\[\]\n]{1,60}?)"
    r"[\]\uff3d\u3011\u3015\u3017\u3019\u301b\u27e7\u2046\u2773]"
)
_REFERENCE = re.compile(r"in no source|(?:sources?|no\.?|#|\^)?\s*\d[\d\s,;.&\u2010-\u2015-]*")
_LINE = re.compile(r"[^\n]+")

_ANSWER = re.compile(
    # Bold or code around the tag alone is no part of the answer: **<ANSWER>:** Oslo
    r"(?:\*\*|`)?(?:<\s?ANSWER\s?(?:>(?:\*\*|`)?\s?[:\uff1a]?|[:\uff1a]\s?>?)|##\s?Answer\s?[:\uff1a])",
    re.IGNORECASE,
)
_ANSWER_END = re.compile(
    rf"<\s?/\s?ANSWER\s?>|<STOP>|</?s>|<{_BAR}[^<>\n]{{1,40}}?{_BAR}>|<(?:eos|end_of_turn)>|\[/INST\]",
    re.IGNORECASE,
)
"""What a model writes behind its answer: a closing tag, the official completion format's mark, an end token."""
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE)
_WRAPPED = re.compile(r"(\*\*|\*|`+)(?!\s)((?:(?!\1).)+)(?<!\s)\1([.!]?)")


def neutralise(text: str) -> str:
    """Defuse markup and common control tokens in untrusted text, so that it cannot end itself or fake a quote or a turn."""
    return _MARKUP.sub(lambda match: match.group().translate(_DEFUSED), text)


def control_tokens(tokenizer: Any) -> frozenset[str]:
    """Return the special tokens of a Hugging Face tokenizer, which its encoder finds in any text."""
    added = (token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
    return frozenset(token for token in (*added, *tokenizer.all_special_tokens) if token.strip())


def spell_out(text: str, tokens: Collection[str]) -> str:
    """Defuse `tokens` in what users and documents say: a template alone may write them.

    Training and serving both do this to each message, so that both see the same ids.
    """
    for token in sorted(tokens, key=len, reverse=True):
        if token in text:
            harmless = token.translate(_DEFUSED)
            text = text.replace(token, harmless if harmless != token else f"{token[0]} {token[1:]}")
    return text


def printable(text: str) -> str:
    """Drop control characters, escape sequences' starts and half surrogates; keep lines and tabs."""
    return "".join(
        character
        for character in text
        if character in _KEPT
        or (unicodedata.category(character) not in _INVISIBLE and character not in _REORDERING)
    )


def write_answer(quote: str, answer: str) -> str:
    """Return a chain of thought that quotes one passage and ends in the short answer."""
    return f"##Reason: {BEGIN_QUOTE} {quote} {END_QUOTE} {ANSWER_TAG} {answer}"


def short_answer(text: str) -> tuple[str, bool]:
    """Return the short answer in a model's text, and whether it was tagged.

    The answer is the first non-empty line after the last tag that has one, without a closing tag, end tokens,
    code fences or bold. Where the tag is missing the whole text, white space collapsed, stands for the answer.
    """
    found = _find_answer(text)
    if found is not None:
        return found[2], True
    return " ".join(_FENCE.sub("", _ANSWER_END.sub(" ", text)).split()), False


def beside_answer(text: str) -> str:
    """Return what a model says beside its short answer: the text without that tag and the line behind it."""
    found = _find_answer(text)
    if found is None:
        return text.strip()
    before, rest = _around(text, *found[:2])
    return "\n".join(part for part in (before.strip(), rest.strip()) if part)


def tidy_answer(text: str) -> str:
    """Return a chain of thought as it is learnt from: the tag in its proper form, nothing technical around it."""
    found = _find_answer(text)
    if found is None:
        return _ANSWER_END.sub("", text).strip()
    start, end, answer = found
    before, rest = _around(text, start, end)
    before = before.rstrip(" \t")
    gap = "" if not before or before.endswith("\n") else " "
    tag = next((each for each in ANSWER_TAGS if text.startswith(each, start)), ANSWER_TAG)
    return f"{before}{gap}{tag} {answer}\n{rest}".strip()


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and behind an answer, without the code fence that the answer is in."""
    before, rest = text[:start], _ANSWER_END.sub("", text[end:])
    fences = list(_FENCE.finditer(before))
    if len(fences) % 2:
        before = before[: fences[-1].start()] + before[fences[-1].end() :].removeprefix("\n")
    if len(fences) % 2 or _FENCE.search(text[start:end]):
        rest = _FENCE.sub("", rest, count=1)
    return before, rest


def _find_answer(text: str) -> tuple[int, int, str] | None:
    """Return where the last tag that has an answer begins and its line ends, and the answer; None without a tag."""
    tags = list(_ANSWER.finditer(text))
    end = len(text)
    for tag in reversed(tags):
        start = tag.end()
        opened = text[text.rfind("\n", 0, tag.start()) + 1 : start]
        for line in text[start:end].splitlines(keepends=True):
            if (answer := _plain(line, opened)) or _ANSWER_END.search(line):
                if not answer:
                    break  # closed, and empty
                return tag.start(), start + len(line), answer
            start += len(line)
        end = tag.start()
    return (tags[-1].start(), len(text), "") if tags else None


def _plain(line: str, opened: str) -> str:
    """Return a line without what is behind an answer, a fence or bold around it; bold may begin in `opened`."""
    line = _ANSWER_END.split(line, maxsplit=1)[0].strip()
    if _FENCE.fullmatch(line):
        return ""
    for mark in ("**", "`"):
        if line.count(mark) % 2 and opened.count(mark) % 2:
            line = (line.removeprefix(mark) if line.startswith(mark) else line.removesuffix(mark)).strip()
    if line.endswith(">") and "<" not in line:  # <ANSWER: Oslo>
        line = line[:-1].rstrip()
    wrapped = _WRAPPED.fullmatch(line)
    return f"{wrapped[2]}{wrapped[3]}" if wrapped else line


def pieces(text: str) -> list[tuple[str, bool]]:
    """Return a model's text in its order, in what it says itself and, with True, what it quotes."""
    split = _QUOTE.split(text)
    return [(piece, bool(place % 2)) for place, piece in enumerate(split) if piece or place % 2]


def find_quotes(text: str, documents: Sequence[str]) -> tuple[Quote, ...]:
    """Return the passages quoted in a model's text, each checked against the documents it was shown.

    `source` is the number, counted from 1, of the document in which a quote stands verbatim, white space aside, from
    word boundary to word boundary. It is verified when it is long enough to say something: three words, or a whole
    field of a table's row.
    """
    shown = [neutralise(" ".join(document.split())) for document in documents]
    quotes = []
    for match in _QUOTE.finditer(text):
        words = " ".join(match.group(1).split())
        said = neutralise(words)
        source = next(
            (number for number, document in enumerate(shown, 1) if _stands_in(said, document)), None
        )
        verified = source is not None and _words(said) >= QUOTED_WORDS
        if source is not None and not verified:  # it may be a field of another document's table
            field = next((number for number, each in enumerate(documents, 1) if _is_field(said, each)), None)
            verified, source = field is not None, field or source
        quotes.append(Quote(words, verified, source))
    return tuple(quotes)


def _stands_in(said: str, document: str) -> bool:
    """Return whether words stand in a text, not as parts of longer ones; boundaries are Unicode's (UAX #29)."""
    if not said or said not in document:
        return False
    return regex.search(rf"(?w)\b{regex.escape(said, literal_spaces=True)}\b", document) is not None


def _words(text: str) -> float:
    """Return about how many words a text has; scripts without spaces are counted by their characters."""
    dense, joined = len(_DENSE.findall(text)), len(_JOINED.findall(text))
    spaced = len(_WORD.findall(_JOINED.sub(" ", _DENSE.sub(" ", text))))
    return spaced + dense * WORDS_A_DENSE_CHARACTER + joined * WORDS_A_JOINED_CHARACTER


def _is_field(said: str, document: str) -> bool:
    """Return whether words are a whole field of a row: readers write `name | 1871 | Tarn`, or leave tabs as they are."""
    if not _WORD.search(said):
        return False
    rows = (line for line in document.splitlines() if "|" in line or "\t" in line)
    return any(
        said == neutralise(" ".join(field.split())) for row in rows for field in re.split(r"[|\t]", row)
    )


def without_marks(text: str) -> str:
    """Return a model's text without what looks like our own marks: ✓, ✗, [1], or a heading "Sources"."""
    text = _CROSS.sub("(cross)", _TICK.sub("(tick)", text))
    text = _BRACKETED.sub(lambda found: f"({found[1]})" if _is_reference(found[1]) else found[0], text)
    return _LINE.sub(lambda found: f"“{found[0].strip()}”" if _is_heading(found[0]) else found[0], text)


def _is_reference(text: str) -> bool:
    return _REFERENCE.fullmatch(_seen(text)) is not None


def _is_heading(line: str) -> bool:
    return re.sub(r"[\W_]", "", _seen(line)) in HEADINGS


def _seen(text: str) -> str:
    """Return text as a reader takes it: without what is invisible, in plain letters and digits."""
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold().strip()
