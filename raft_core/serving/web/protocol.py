"""The OpenAI protocol: what may be asked, and the shape of answers and errors.

A field that is known and cannot be honoured is an error that names it, unless it asks for nothing.
Reference: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import time
import uuid
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

IGNORED = {"user", "metadata", "store", "safety_identifier", "prompt_cache_key", "service_tier"}
"""Book-keeping of OpenAI's own: without effect on an answer."""
DEFAULTS: dict[str, object] = {
    "n": 1,
    "best_of": 1,
    "response_format": {"type": "text"},
    "tool_choice": "none",
}
"""Unsupported fields whose default value is not an empty one."""

MAX_STOPS, MAX_STOP_CHARACTERS = 16, 256
"""Every new token is compared with all of them, while the other answers of the batch wait."""
MAX_MESSAGES = 4096
MAX_INPUTS = 2048
"""Texts in one request for embeddings, as OpenAI has it."""
MAX_INPUT_CHARACTERS = 100_000
"""Of one text to embed: several times what any embedding model reads."""

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
StopString = Annotated[str, StringConstraints(min_length=1, max_length=MAX_STOP_CHARACTERS)]


def _is_unicode(text: object) -> bool:
    return isinstance(text, str) and not any("\ud800" <= character <= "\udfff" for character in text)


def _texts(given: object) -> str | list[str]:
    """Return one text or several. Stops at the first that is none: pydantic would keep an error for each."""
    if _is_unicode(given):
        return given  # type: ignore[return-value]  # the check narrows no type
    if not isinstance(given, list) or not all(map(_is_unicode, given)):
        raise ValueError("a text or a list of texts is expected")
    return given


def _prompts(given: object) -> list[Any]:
    """Return prompts, each a text or token ids; stops at the first that is neither."""
    if not isinstance(given, list) or (given and _is_id(given[0])):
        given = [given]
    for prompt in given:
        if not (_is_unicode(prompt) or (isinstance(prompt, list) and all(map(_is_id, prompt)))):
            raise ValueError("a text, a list of texts, token ids or lists of token ids are expected")
    return given


def _is_id(token: object) -> bool:
    return type(token) is int


Texts = Annotated[Any, BeforeValidator(_texts)]
Prompts = Annotated[Any, BeforeValidator(_prompts)]


class ApiError(Exception):
    """An error as the protocol shows it: HTTP status and {"error": {message, type, param, code}}.

    A client that is told 503 may come back after `retry_after_s`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int = 1,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: ModelName

    @model_validator(mode="before")
    @classmethod
    def _drop_what_asks_for_nothing(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = {*cls.model_fields, "max_completion_tokens"}
        kept = {name: value for name, value in given.items() if name in known}
        for name, value in given.items():
            if not (
                name in known
                or name in IGNORED
                or _asks_for_nothing(value)
                or DEFAULTS.get(name, ...) == value
            ):
                return {**kept, name: value}  # one is named: pydantic would keep an error for each
        return kept


def _asks_for_nothing(value: object) -> bool:
    return value is None or value in (
        False,
        "",
        [],
        {},
    )  # 0 equals False: a penalty of 0, no log-probabilities


class StreamOptions(BaseModel):
    """Only `include_usage` is used."""

    include_usage: bool = False


class Sampling(_Request):
    """How to generate; `ignore_eos` and `skip_special_tokens` are vLLM's."""

    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    stop: StopString | Annotated[list[StopString], Field(max_length=MAX_STOPS)] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool = False
    stream_options: StreamOptions | None = None
    ignore_eos: bool = False
    skip_special_tokens: bool = True

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def include_usage(self) -> bool:
        """Whether the stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class TextPart(BaseModel):
    """A part of a message; images and sound are not taken."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(extra="ignore")  # names, refusals and the like of earlier turns

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(max_length=MAX_MESSAGES)]

    @property
    def text(self) -> str:
        """The parts' text as one."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class ChatRequest(Sampling):
    """POST /v1/chat/completions. Without `max_tokens` an answer may fill the context."""

    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    max_tokens: int | None = Field(
        default=None, ge=1, validation_alias=AliasChoices("max_completion_tokens", "max_tokens")
    )


class CompletionRequest(Sampling):
    """POST /v1/completions. A prompt is a text or token ids; several make several choices."""

    prompt: Prompts
    max_tokens: int = Field(default=16, ge=1)

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one a choice."""
        prompts: list[str | list[int]] = self.prompt
        return prompts


class EmbeddingsRequest(_Request):
    """POST /v1/embeddings."""

    input: Texts
    encoding_format: Literal["float", "base64"] = "float"


class LoadAdapter(BaseModel):
    """POST /v1/load_lora_adapter, as vLLM has it."""

    lora_name: str = Field(min_length=1, max_length=128)
    lora_path: str = Field(min_length=1, max_length=4096)


class UnloadAdapter(BaseModel):
    """POST /v1/unload_lora_adapter, as vLLM has it."""

    model_config = ConfigDict(extra="ignore")  # vLLM's clients may send lora_int_id

    lora_name: str = Field(min_length=1, max_length=128)


def shown_name(model: str) -> str:
    """Return a model's name as clients see it: a hub id, or the last part of a folder's path, which names users."""
    return model if model.count("/") == 1 and model[0].isalnum() else PurePath(model).name


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Return the usage object; an end token that was generated counts."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class Reply:
    """Builds what answers one request: the same id, time and model in every part."""

    def __init__(self, model: str, *, chat: bool) -> None:
        self._chat = chat
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, texts: list[str], reasons: list[str], used: dict[str, int]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        choices: list[dict[str, Any]] = []
        for index, (text, reason) in enumerate(zip(texts, reasons, strict=True)):
            said = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
            choices.append({"index": index, **said, "logprobs": None, "finish_reason": reason})
        kind = "chat.completion" if self._chat else "text_completion"
        return {**self._head, "object": kind, "choices": choices, "usage": used}

    def chunk(self, text: str, reason: str | None, *, first: bool = False) -> dict[str, Any]:
        """Return one event of a stream."""
        said: dict[str, Any] = {"text": text}
        if self._chat:
            said = {"delta": {**({"role": "assistant"} if first else {}), "content": text}}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        return {**self._head, "object": self._kind, "choices": [choice]}

    def usage_chunk(self, used: dict[str, int]) -> dict[str, Any]:
        """Return the event that closes a stream with its usage."""
        return {**self._head, "object": self._kind, "choices": [], "usage": used}

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self._chat else "text_completion"
