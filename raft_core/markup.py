"""RAFT's answer markup: writing it, reading it, and defusing it, and models' control tokens, in untrusted text.

    ##Reason: ##begin_quote## Oslo is the capital of Norway. ##end_quote## <ANSWER>: Oslo

The tags are those of the official code (ShishirPatil/gorilla, raft/); the paper's `##Answer:` is
accepted when reading.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from raft_core.records import Quote

ANSWER_TAG = "<ANSWER>:"
BEGIN_QUOTE = "##begin_quote##"
END_QUOTE = "##end_quote##"
DOCUMENT_OPEN = "<DOCUMENT>"
DOCUMENT_CLOSE = "</DOCUMENT>"

_MARKUP = re.compile(
    r"</?DOCUMENT>|##(?:begin|end)_quote##|##Answer:|<ANSWER>:"
    # What chat models' tokenizers read as control tokens: <|eot_id|>, </s>, [INST], <start_of_turn> …
    r"|<[|\uff5c][^<>\n]{1,40}?[|\uff5c]>|</?s>|<(?:bos|eos|pad|unk|mask|(?:start|end)_of_turn)>|<</?SYS>>"
    r"|</?(?:think|tool_call|tool_response)>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
)
_DEFUSED = str.maketrans("<>#[]", "()=()")
ANSWER_TAGS = (ANSWER_TAG, "##Answer:")
_ANSWER = re.compile("|".join(ANSWER_TAGS))
_QUOTE = re.compile(r"##begin_quote##(.*?)##end_quote##", re.DOTALL)


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


def write_answer(quote: str, answer: str) -> str:
    """Return a chain of thought that quotes one passage and ends in the short answer."""
    return f"##Reason: {BEGIN_QUOTE} {quote} {END_QUOTE} {ANSWER_TAG} {answer}"


def short_answer(text: str) -> tuple[str, bool]:
    """Return the short answer in a model's text, and whether it was tagged.

    The answer is the first non-empty line after the last tag. Where the tag is missing the whole text,
    white space collapsed, stands for the answer.
    """
    tags = list(_ANSWER.finditer(text))
    if not tags:
        return " ".join(text.split()), False
    lines = text[tags[-1].end() :].strip().splitlines()
    return (lines[0].strip() if lines else ""), True


def beside_answer(text: str) -> str:
    """Return what a model says beside its short answer: the text without the last tag and the line behind it."""
    tags = list(_ANSWER.finditer(text))
    if not tags:
        return text.strip()
    before, after = text[: tags[-1].start()], text[tags[-1].end() :].strip()
    rest = after.partition("\n")[2]
    return "\n".join(part for part in (before.strip(), rest.strip()) if part)


def pieces(text: str) -> list[tuple[str, bool]]:
    """Return a model's text in its order, in what it says itself and, with True, what it quotes."""
    split = _QUOTE.split(text)
    return [(piece, bool(place % 2)) for place, piece in enumerate(split) if piece or place % 2]


def find_quotes(text: str, documents: Sequence[str]) -> tuple[Quote, ...]:
    """Return the passages quoted in a model's text, each checked against the documents it was shown.

    A quote is verified when it stands verbatim, white space aside, in a document; `source` is that
    document's number, counted from 1.
    """
    shown = [neutralise(" ".join(document.split())) for document in documents]
    quotes = []
    for match in _QUOTE.finditer(text):
        words = " ".join(match.group(1).split())
        said = neutralise(words)
        source = next((number for number, document in enumerate(shown, 1) if said and said in document), None)
        quotes.append(Quote(words, source is not None, source))
    return tuple(quotes)
