"""The questions in what a model writes: a list in any form, without its numbers, labels, marks and chatter.

    Here are two questions:            ["Who opens the mill?",
    1. Who opens the mill?         →    "What is it built of?"]
    **Frage 2:** What is it built of?

JSON (an array, objects, wrapped, fenced, one object a line) is read as JSON; anything else line by line. What
is no question is left out: nothing is made up.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from raft_core.dataset.checks import is_asking

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*[\w+-]*[ \t]*$", re.MULTILINE)
_TAG = re.compile(
    r"</?(?:questions?|q|li|ul|ol|p|b|i|em|strong|items?|output|response|answers?)\s?\d*>|<br ?/?>",
    re.IGNORECASE,
)

_LABEL = (
    r"(?:questions?|query|q|frage|pregunta|pergunta|quest[ãa]o|domanda|vraag|fr[åa]ga|kysymys|pytanie|otázka|kérdés"
    r"|întrebarea?|soru|pertanyaan|câu hỏi|câu|ερώτηση|вопрос|питання|въпрос|السؤال|سؤال|سوال|پرسش|שאלה|प्रश्न|सवाल|คำถาม|ข้อ"
    r"|질문|문제|문|问题|問題|質問|质问|設問|问|問|题|題|հարց|კითხვა|ጥያቄ)"
)
"""Words for "question" before a number or a colon; other words count as one where their number fits the place."""
_CJK = r"[〇零一二三四五六七八九十百]{1,4}"
_ROMAN = r"(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})"
_NUMBER = rf"(?:\d{{1,3}}|{_CJK}|{_ROMAN})"
_CLOSER = r"[.．:：)）\]】〕、。｡،۔।/»º°›–—-]"
_NOT_INITIAL = r"(?!\s*[^\W\d_][.])"
"""Behind "I." and "A.": not "I. M. Pei"."""
_MARKERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Bullets, headings, check boxes; a sign before a number belongs to the number.
        r"[•●○◦▪▫■□▸▹►▶➤➢‣⁃∙·・✓✔☑☐→⇒➔※★☆◆◇>|]+",
        r"#{1,6}(?=\s)|[*+–—-]+(?=\s|[^\W\d_]|[¿¡\"'(\[])|[*+–—-](?=\d+[.)]\s)|\[[ x✓]?\](?=\s)",
        # ① · ⑵ · ⒜ · ㈠ · Ⅳ. · 1️⃣
        r"[\u2460-\u24ff\u2776-\u2793\u3220-\u3229\u3280-\u3289\u2160-\u217f][.):、]?|\d\ufe0f?\u20e3|🔟",
        # Q1. · Frage 2: · Question n° 3 - · 第一問 · 問1 · Question:
        rf"第\s?{_NUMBER}\s?[个個]?{_LABEL}{_CLOSER}*",
        rf"(?:{_LABEL}\s?(?:n[.o]?[º°.]?|no\.|№|#)?|n[or][.º°])[.]?\s?[(\[]?{_NUMBER}\b\s?(?:{_CLOSER}+(?!\d)|(?=\s))",
        rf"[问問题題문]\s?{_NUMBER}(?!\d)",
        rf"{_LABEL}\s?(?:[:：)]|[.-](?=\s))[.:-]*",
        # (3) · [6] · (a) · 1. · ٤- · 五、 · iv) · a)
        rf"[(\[（【〔]\s?(?:{_LABEL}?\s?{_NUMBER}|[^\W\d_])\s?[)\]）】〕][.:]?",
        rf"(?:#?\d{{1,3}}|{_CJK})\s?{_CLOSER}+(?!\d)",
        rf"{_ROMAN}(?:[)）:]|[.](?=\s){_NOT_INITIAL})[.:-]*",
        r"[^\W\d_][)）](?![\w'])",
    )
]
_WORD_AND_NUMBER = re.compile(r"([^\s\d:.()\"'“«¿?]{2,20})\s?[(\[#]?(\d{1,3})[)\]]?\s?[.:)：-]+\s+")
_LETTER = re.compile(rf"([^\W\d_])[.:](?=\s){_NOT_INITIAL}\s*")

_CLOSING = "\"'”’»›」』)]）*_`"
_PAIRS = ('""', "''", "“”", "„“", "‘’", "«»", "「」", "『』", "()", "[]", "``", "**", "__")
_SPLITTING = "?？؟;⁇⁈⁉﹖︖⸮‽፧።"
_ANSWER_LINE = re.compile(
    r"\W*(?:a|answer|antwort|respuesta|réponse|risposta|r)\s?\d*\W{0,3}[:：]", re.IGNORECASE
)
_QUESTION_LINE = re.compile(r"^\W*q(?:uestion)?\s?\d*\W{0,3}[:：.)]", re.IGNORECASE | re.MULTILINE)
_CHATTER = re.compile(
    r"\b(?:would you like|do you (?:want|need)|shall i|should i|can i (?:help|assist)|may i|(?:let me|want to) know"
    r"|anything else|(?:more|another|other|these|those|further|additional|which) questions?|do(?:es)? (?:this|these|that) (?:help|work)"
    r"|how (?:can|may) i|(?:is|are) (?:this|these) (?:ok|okay|fine|good)|what else)\b",
    re.IGNORECASE,
)
"""What assistants ask their users, and reasoning models themselves."""

_QUESTION_KEY = re.compile(
    rf"q\d*|text|prompt|query|.*(?:{_LABEL[3:-1].replace('|q|', '|')}).*", re.IGNORECASE
)
_OTHER_KEY = re.compile(
    r"a\d*|.*(?:answer|context|source|reason|thought|explanation|title|type|difficulty).*|id", re.IGNORECASE
)
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"(\s*:)?')


def parse_questions(text: str) -> list[str]:
    """Return the questions in a model's answer, each once, in their order."""
    plain = _FENCE.sub("", text).strip()
    found = _from_json(plain)
    lines = _lines(plain) if found is None else iter(found)
    questions: dict[str, None] = {}
    labels: set[str] = set()
    for line in lines:
        for piece in _one_by_one(_TAG.sub(" ", line).replace("**", "").replace("__", "")):
            question = _bare(piece, len(questions) + 1, labels)
            if is_asking(question) and not _CHATTER.search(question):
                questions[question] = None
    return list(questions)


def _one_by_one(line: str) -> Iterator[str]:
    """Yield the questions of a line; a question mark within one, in a title, is followed by a small letter."""
    start = 0
    for place, character in enumerate(line):
        if character not in _SPLITTING:
            continue
        behind = line[place + 1 :].lstrip(f"{_CLOSING}.,;/|&")
        following = behind.lstrip(f" {_CLOSING}.,;/|&")[:1]
        apart = behind[:1].isspace() or ord(following or " ") > 0x2E80
        if not following or (apart and not following.islower()):
            yield line[start : place + 1]
            start = place + 1
    yield line[start:]


def _bare(piece: str, place: int, labels: set[str]) -> str:
    """Return a question without what stands around it; `place` is where it would be in the list."""
    before = None
    while before != piece:
        before = piece
        piece = _unwrapped(piece.strip(" \t\n\r\u3000\ufeff\u200b,、").lstrip("»›」.:;/&"))
        for marker in _MARKERS:
            if (match := marker.match(piece)) and match.end() and _says_something(piece[match.end() :]):
                piece = piece[match.end() :].lstrip()
        if (match := _WORD_AND_NUMBER.match(piece)) and (int(match[2]) == place or match[1] in labels):
            labels.add(match[1])
            piece = piece[match.end() :]
        if (match := _LETTER.match(piece)) and _fits(match[1], place):
            piece = piece[match.end() :]
    return piece


def _fits(letter: str, place: int) -> bool:
    """Tell whether a letter counts this place of a list: "A." the first; other alphabets are taken as they come."""
    return not letter.isascii() or ord(letter.lower()) - ord("a") + 1 == place


def _says_something(rest: str) -> bool:
    return sum(character.isalpha() for character in rest) >= 3


def _unwrapped(piece: str) -> str:
    """Return a piece without a pair of quotes or marks around the whole of it, or half a pair at an end."""
    for pair in _PAIRS:
        opening, closing = pair[: len(pair) // 2], pair[len(pair) // 2 :]
        inner = piece[1:-1]
        around = len(piece) > 2 and piece[0] == opening and piece[-1] == closing
        if around and opening not in inner and closing not in inner:
            return inner.strip()
        if piece.startswith(opening) and closing not in piece[1:]:
            return piece[1:].strip()
        if piece.endswith(closing) and opening not in piece[:-1]:
            return piece[:-1].strip()
    return piece


def _lines(text: str) -> Iterator[str]:
    """Yield the lines, a wrapped one joined with what goes on behind it; lines with answers are left out."""
    labelled = _QUESTION_LINE.search(text) is not None
    held = ""
    for raw in text.splitlines():
        line = raw.strip()
        if labelled and _ANSWER_LINE.match(line):
            held = ""
        elif line.startswith("|"):  # a row of a table
            yield from line.strip("|").split("|")
        else:
            line = f"{held} {line}" if held and line[:1].islower() and not _MARKERS[-1].match(line) else line
            held = line if line and (line[-1].isalnum() or line[-1] == ",") else ""
            yield line


def _from_json(text: str) -> list[str] | None:
    """Return the questions in JSON, wherever in the text it begins; None where there are none."""
    start = re.search(r"^[ \t]*[\[{]|[\[{](?=\s?[\"{\[])", text, re.MULTILINE)
    if start is None:
        return None
    rest, decoder = text[start.start() :].lstrip(), json.JSONDecoder(strict=False)
    found: list[str] = []
    while rest[:1] in {"[", "{"}:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        found += _strings(value)
        rest = rest[end:].lstrip(" \t\r\n,;")
    if not found:
        found = list(_nearly_json(rest))
    lines = [line for each in found for line in each.splitlines()]
    return [line for line in lines if any(map(is_asking, _one_by_one(line.strip(f" {_CLOSING}"))))] or None


def _nearly_json(text: str) -> Iterator[str]:
    """Yield the strings of a list in Python's quotes, or of JSON that is cut off or has a comma too many."""
    try:
        yield from _strings(ast.literal_eval(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        for inner, is_key in _STRING.findall(text):
            with suppress(ValueError):
                if not is_key:
                    yield str(json.loads(f'"{inner}"', strict=False))


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings that may be questions."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        named = [item for key, item in value.items() if _QUESTION_KEY.fullmatch(str(key))]
        other = [item for key, item in value.items() if not _OTHER_KEY.fullmatch(str(key))]
        for item in named or other:
            yield from _strings(item)
