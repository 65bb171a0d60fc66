"""Reads what a server answers to a chat, whole or streamed, into one `Reply`.

    {"choices": [{"message": {"content": "Oslo"}, "finish_reason": "stop"}], "usage": {…}}
    data: {"choices": [{"delta": {"content": "Os"}}]}

Anything optional may be missing, null or of another shape: usage, content, the finish reason, the choices'
number. Content may be a list of parts. An error may stand in a body with status 200, or amid a stream.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import Any

from raft_core.openai.errors import NotACompletion, ServerError, error_in
from raft_core.openai.thoughts import ThoughtSplitter

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "thoughts", "reasoning_details")
_THOUGHT_PARTS = ("thinking", "reasoning", "thought", "redacted_thinking")
_LINE_END = re.compile(r"\r\n|\n|\r")
CHARACTERS_A_TOKEN = 4
"""Where a server does not count, so many characters are taken for a token."""


class BrokenOff(Exception):
    """A stream that ended without a finish reason and without [DONE]."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer without its thoughts, and how it ended: `finish` is "stop", "length", "repetition" or the server's own.

    Counts are None where the server gives none. `refusal` says that `text` explains why there is no answer;
    `calls` names the tools that the model would have called.
    """

    text: str
    thoughts: str = ""
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    refusal: bool = False
    calls: tuple[str, ...] = ()

    @property
    def cut_off(self) -> bool:
        """Whether it hit the token limit."""
        return self.finish == "length"

    @property
    def repeated(self) -> bool:
        """Whether it was ended because it repeated itself."""
        return self.finish == "repetition"

    @property
    def tokens(self) -> int:
        """The tokens that were generated, thoughts included; estimated where the server does not count."""
        if self.completion_tokens is not None:
            return self.completion_tokens
        if self.total_tokens is not None and self.prompt_tokens is not None:
            return max(0, self.total_tokens - self.prompt_tokens)
        return estimated_tokens(self.text + self.thoughts)

    def all_tokens(self, prompt: str) -> int:
        """Return the tokens of prompt and answer together; estimated where the server does not count."""
        if self.total_tokens is not None:
            return self.total_tokens
        asked = self.prompt_tokens if self.prompt_tokens is not None else estimated_tokens(prompt)
        return asked + self.tokens

    @property
    def fault(self) -> str:
        """Why this is no answer, as a sentence about the server goes on; empty where it is one."""
        if self.refusal:
            return f"refuses to answer: {self.text}"
        if self.finish == "content_filter":
            return "holds the answer back: its content filter stopped it"
        if self.text.strip():
            return ""
        if self.calls:
            return f"answered with a call of the tool {self.calls[0]!r} and no text"
        if self.thoughts or (self.cut_off and self.tokens):
            used = f"all {self.tokens} tokens" if self.cut_off else f"{self.tokens} tokens"
            return f"used {used} for thinking and wrote no answer"
        return "answered with nothing"


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text is, at least one where there is text."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


class ReplyReader:
    """Reads a response's body as it arrives; `text` is the answer so far.

    Raises, in `feed` and `finish`:
        ServerError: the body, or an event of the stream, holds an error.
        NotACompletion: it holds neither an answer nor an error.
        BrokenOff: the stream ended in the middle.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._is_stream: bool | None = None
        self._event: list[str] = []
        self._splitter = ThoughtSplitter()
        self._thoughts = ""
        self._refusal = ""
        self._calls: dict[str, None] = {}
        self._finish = ""
        self._usage: dict[str, Any] = {}
        self._done = self._seen = False

    @property
    def text(self) -> str:
        """The answer so far, without thoughts, where any was streamed."""
        return self._splitter.text

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._rest += self._decoder.decode(data)
        if self._is_stream is None and (start := self._rest.lstrip()):
            self._is_stream = re.match(r"data:|event:|id:|retry:|:", start) is not None
        if self._is_stream:
            *lines, self._rest = _LINE_END.split(self._rest)
            if self._rest == "" and lines and data.endswith(b"\r"):
                self._rest = lines.pop() + "\r"  # half of a line's end, perhaps
            for line in lines:
                self._line(line)

    def finish(self) -> Reply:
        """Return the reply."""
        self._rest += self._decoder.decode(b"", final=True)
        if self._is_stream:
            for line in (*_LINE_END.split(self._rest), ""):
                self._line(line)
        else:
            self._whole(self._rest)
        if not (self._done or self._finish or not self._is_stream):
            raise BrokenOff
        text, thoughts = self._splitter.finish()
        thoughts = "\n".join(part.strip() for part in (self._thoughts, thoughts) if part.strip())
        refused = bool(self._refusal.strip()) and not text.strip()
        return Reply(
            text=self._refusal.strip() if refused else text,
            thoughts=thoughts,
            finish=_FINISH.get(self._finish, self._finish) or "stop",
            prompt_tokens=count(self._usage, "prompt_tokens", "input_tokens"),
            completion_tokens=count(self._usage, "completion_tokens", "output_tokens"),
            total_tokens=count(self._usage, "total_tokens"),
            refusal=refused,
            calls=tuple(self._calls),
        )

    def _line(self, line: str) -> None:
        """Take a line of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
        if line.startswith("data:"):
            self._event.append(line[5:].removeprefix(" "))
        elif line.startswith("{"):  # an error that a proxy writes into the stream as it is
            self._data(line)
        elif not line and self._event:
            data, self._event = "\n".join(self._event), []
            self._data(data)

    def _data(self, data: str) -> None:
        if data.strip() == "[DONE]":
            self._done = True
        elif data.strip():
            self._take(_parsed(data), data)

    def _whole(self, body: str) -> None:
        value = _parsed(body)
        self._take(value, body)
        if not self._seen:
            raise NotACompletion(body)

    def _take(self, value: Any, body: str) -> None:
        """Take a completion, or a chunk of one."""
        if error := error_in(value):
            raise error
        if not isinstance(value, dict):
            if value is None and self._is_stream:
                return
            raise NotACompletion(body)
        extra = value.get("x_groq")
        for usage in (value.get("usage"), extra.get("usage") if isinstance(extra, dict) else None):
            if isinstance(usage, dict):
                self._usage = {
                    **self._usage,
                    **{name: each for name, each in usage.items() if each is not None},
                }
        choices = value.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict) and choice.get("index") in {0, None}:
                self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> None:
        finish = choice.get("finish_reason")
        if error := choice.get("error") or (
            finish == "error" and {"message": "the answer ended in an error"}
        ):
            raise error_in({"error": error}) or ServerError("the answer ended in an error")
        self._seen = True
        self._finish = finish if isinstance(finish, str) and finish else self._finish
        said = choice["delta"] if isinstance(choice.get("delta"), dict) else choice.get("message")
        if not isinstance(said, dict):
            said = {"content": said if isinstance(said, str) else choice.get("text")}
        for name in _THOUGHT_FIELDS:
            if thought := _plain(said.get(name)):
                self._thoughts += thought
                break  # OpenRouter repeats `reasoning` in `reasoning_details`
        self._content(said.get("content"))
        self._refusal += _plain(said.get("refusal"))
        for call in [*_list(said.get("tool_calls")), *_list(said.get("function_call"))]:
            function = call.get("function", call) if isinstance(call, dict) else {}
            if isinstance(function, dict) and function.get("name"):
                self._calls[str(function["name"])] = None

    def _content(self, content: Any) -> None:
        for part in _list(content):
            kind = str(part.get("type", "")) if isinstance(part, dict) else ""
            if kind in _THOUGHT_PARTS:
                self._thoughts += _plain(part)
            elif kind == "refusal":
                self._refusal += _plain(part)
            else:
                self._splitter.feed(_plain(part))


_FINISH = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "MAX_TOKENS": "length",
    "model_length": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "STOP": "stop",
}


def read_reply(body: bytes) -> Reply:
    """Return the reply in a whole body.

    Raises:
        ServerError, NotACompletion, BrokenOff: as `ReplyReader`.
    """
    reader = ReplyReader()
    reader.feed(body)
    return reader.finish()


def count(usage: Any, *names: str) -> int | None:
    """Return a count of tokens in a usage object, under the first name that has one; None where none has."""
    for name in names:
        value = usage.get(name) if isinstance(usage, dict) else None
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
            return int(value)
    return None


def plain_text(content: Any) -> str:
    """Return the text of a message's content, which may be a list of parts."""
    return "".join(
        _plain(part)
        for part in _list(content)
        if not (isinstance(part, dict) and str(part.get("type", "")) in _THOUGHT_PARTS)
    )


def other_parts(content: Any) -> list[str]:
    """Return the types of the parts that are neither text nor thoughts: pictures, sound, files."""
    kinds = [str(part.get("type", "")) for part in _list(content) if isinstance(part, dict)]
    return [
        kind
        for kind in kinds
        if kind and not kind.endswith("text") and kind not in (*_THOUGHT_PARTS, "refusal")
    ]


def _plain(value: Any) -> str:
    """Return the text in a string, a part, or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_plain, value))
    if isinstance(value, dict):
        for name in ("text", "content", "thinking", "reasoning", "summary", "refusal", "value"):
            if text := _plain(value.get(name)):
                return text
    return ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotACompletion(body) from error
