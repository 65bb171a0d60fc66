"""A reasoning model's thoughts, apart from its answer.

    <think>Is it Oslo?</think>Oslo is the capital.       → "Oslo is the capital.", "Is it Oslo?"

Models mark them in many ways: tags (<think>, [THINK], <seed:think>), tokens (<|begin_of_thought|>), channels
(Harmony: <|channel|>analysis<|message|>), or a closing tag alone where the chat template wrote the opening one.
Thoughts that were cut off are thoughts to the end. What comes behind an end token is no part of the answer.
"""

from __future__ import annotations

import re
from enum import Enum

from raft_core.markup import THOUGHT_NAME

_BAR = r"[|\uff5c]"
_SQUARE = r"(?:think(?:ing)?|thoughts?|reasoning)"
_MARK = re.compile(
    "|".join(
        f"(?P<{group}>{pattern})"
        for group, pattern in {
            "empty": rf"<(?:{THOUGHT_NAME})\s?/>",
            "open": rf"<\s?(?:{THOUGHT_NAME})(?:\s[^<>\n]{{0,80}})?>|\[{_SQUARE}\]|\u25c1think\u25b7|<unused94>(?:thought)?"
            rf"|<{_BAR}(?:(?:begin|start)_(?:of_)?)?(?:{THOUGHT_NAME}){_BAR}>|<\|channel>\s?(?:thought|analysis)\b",
            "close": rf"<\s?/\s?(?:{THOUGHT_NAME})\s?>|\[/{_SQUARE}\]|\u25c1/think\u25b7|<unused95>|<channel\|>"
            rf"|<{_BAR}(?:end_(?:of_)?|/)(?:{THOUGHT_NAME}){_BAR}>|</{_BAR}(?:{THOUGHT_NAME}){_BAR}>"
            rf"|<{_BAR}(?:begin|start)_(?:of_)?(?:solution|response|answer){_BAR}>|\[BEGIN FINAL RESPONSE\]",
            "wrapper": rf"<{_BAR}(?:begin_of_(?:box|text)|begin[_\u2581]of[_\u2581]sentence|end_(?:of_)?(?:box|solution|response|answer)){_BAR}>|\[END FINAL RESPONSE\]|<bos>",
            "channel": rf"<{_BAR}channel{_BAR}>",
            "message": rf"<{_BAR}message{_BAR}>",
            "turn": rf"<{_BAR}(?:start|im_start|start_header_id){_BAR}>|<start_of_turn>",
            "header_end": rf"<{_BAR}end_header_id{_BAR}>",
            "end": rf"<{_BAR}(?:end|return|call|eot_id|eom_id|im_end|endoftext|end_of_text|end_of_turn|END_OF_TURN_TOKEN"
            rf"|user|assistant|system|observation"
            rf"|end[_\u2581]of[_\u2581]sentence){_BAR}>|<(?:end_of_turn|eos)>",
        }.items()
    ),
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"(?:<[^<>\n]{0,90}|\[[A-Za-z /]{0,22}|\u25c1/?[a-z]{0,5}|<\|channel>\s?[a-z]{0,8})\Z"
)
"""What may be the beginning of a mark at the end of a piece."""
_ENDS = re.compile(r"\A\s*<s>|(?:\s{0,9}(?:</?s>|<STOP>))+\s{0,9}\Z")
_PREFACE = re.compile(
    r"\A\s*Here(?: is|'s) my thought process:(?P<thoughts>.*?)(?:^[ \t]*Here(?: is|'s) my response:(?P<text>.*))?\Z"
    # Harmony whose special tokens the server left out: "analysisWe need …assistantfinalOslo"
    r"|\A\s*analysis(?=[A-Z\"'(])(?P<thoughts2>.*?)(?:assistant\s?final(?P<text2>.*))?\Z"
    r"|\A\s*Here are my reasoning steps:(?P<thoughts3>.*)\Z",
    re.DOTALL | re.MULTILINE,
)
_QUOTES = ("`", "'", '"', "\u201c")
"""Right before a mark: the text speaks of that mark."""
_HIDDEN_CHANNELS = ("analysis", "commentary", "thought", "thinking", "reasoning")


class _In(Enum):
    TEXT = "text"
    THOUGHTS = "thoughts"
    HEADER = "header"
    ENDED = "ended"


class ThoughtSplitter:
    """Split a text that arrives in pieces; `text` is the answer so far, which a late closing mark may take back."""

    def __init__(self) -> None:
        self.text = ""
        self.thoughts = ""
        self._rest = ""
        self._header = ""
        self._where = _In.TEXT
        self._marked = False
        self._taken_back = ""

    def feed(self, piece: str) -> None:
        """Take the next piece; what may be half a mark waits for the piece behind it."""
        self._rest += piece
        held = _UNFINISHED.search(self._rest)
        self._read(held.start() if held else len(self._rest))

    def finish(self) -> tuple[str, str]:
        """Return the answer and the thoughts, each as a whole."""
        self._read(len(self._rest))
        if not self.text.strip() and self._taken_back.strip():
            self.text, self._taken_back = self._taken_back, ""  # a closing mark again, behind the answer
        elif self._taken_back:
            self.thoughts += self._taken_back
        found = None if self.thoughts.strip() else _PREFACE.match(self.text)
        if found:
            groups = found.groupdict()
            self.thoughts = groups["thoughts"] or groups["thoughts2"] or groups["thoughts3"] or ""
            self.text, self._marked = groups["text"] or groups["text2"] or "", True
        text = _ENDS.sub("", self.text)
        return (text.strip() if self._marked else text), self.thoughts.strip()

    def _read(self, end: int) -> None:
        """Read the rest up to `end`; a mark that reaches beyond it is read as a whole."""
        at = 0
        for mark in _MARK.finditer(self._rest):
            if mark.start() >= end:
                break
            before = self._rest[at : mark.start()]
            spoken_of = self._where is _In.TEXT and (self.text + before)[-1:] in _QUOTES
            if spoken_of and mark.lastgroup in {"open", "close"}:
                continue
            self._add(before)
            at = mark.end()
            self._turn(mark.lastgroup or "")
        self._add(self._rest[at : max(at, end)])
        self._rest = self._rest[max(at, end) :]

    def _add(self, piece: str) -> None:
        if self._where is _In.TEXT:
            if self._taken_back and piece.strip():
                self.thoughts, self._taken_back = f"{self.thoughts}{self._taken_back}\n", ""
            self.text += piece
        elif self._where is _In.THOUGHTS:
            self.thoughts += piece
        elif self._where is _In.HEADER:
            header, line_break, text = piece.partition("\n")
            self._header += header
            if line_break:
                self._where = _In.TEXT
                self.text += text

    def _turn(self, kind: str) -> None:
        self._marked = True
        where = self._where
        if kind == "open" and where is _In.TEXT:
            self._where = _In.THOUGHTS
        elif kind == "close":
            self._close()
        elif kind == "channel" and where is not _In.ENDED:
            self._where, self._header = _In.HEADER, ""
        elif kind == "message":
            self._message()
        elif kind == "turn" and where is not _In.ENDED:
            self._where = _In.ENDED if self.text.strip() else _In.HEADER
            self._header = ""
        elif kind == "header_end" and where is _In.HEADER:
            self._where = _In.TEXT
        elif kind == "end" and where is not _In.THOUGHTS:
            self._where = _In.ENDED if self.text.strip() else where
        elif kind == "end" and self._header:
            self._where = _In.TEXT  # the end of Harmony's analysis; a turn's header follows

    def _close(self) -> None:
        if self._where is _In.TEXT and self.text.strip():  # the opening mark stood in the prompt
            if self.thoughts.strip():
                self._taken_back = self.text
            else:
                self.thoughts = f"{self.text}\n"
            self.text = ""
        elif self._where is _In.THOUGHTS:
            self.thoughts += "\n"
        if self._where is not _In.ENDED:
            self._where = _In.TEXT

    def _message(self) -> None:
        if self._where is _In.TEXT:  # the channel's mark stood in the prompt: "analysis<|message|>"
            self._header, self.text = self.text, ""
        hidden = self._header.strip().lower().startswith(_HIDDEN_CHANNELS)
        if self._where is not _In.ENDED:
            self._where = _In.THOUGHTS if hidden else _In.TEXT


def split_thoughts(text: str) -> tuple[str, str]:
    """Return the answer in a model's text, and its thoughts; a text without marks comes back unchanged."""
    splitter = ThoughtSplitter()
    splitter.feed(text)
    return splitter.finish()
