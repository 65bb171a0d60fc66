"""What a server refuses or answers instead of a completion, in its own words, and what to do about it.

Servers write errors in many shapes, with any status, 200 among them:

    {"error": {"message": …, "code": …, "param": …}}    OpenAI, vLLM, OpenRouter
    {"error": "…"}    {"detail": "…"}    {"detail": [{"loc": […], "msg": …}]}    {"message": …}    [{"error": …}]
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from raft_core.errors import BadReply, EndpointError, PromptTooLong
from raft_core.urls import shown_url

LONGEST_MESSAGE = 300

_SECRETS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|nvapi|r8)[-_](?=[\w-]*\d)[\w*.-]{6,}"
    r"|(?<=\bBearer )[\w.~+/*=-]{6,}|(?<=://)[^/@\s]+(?=@)"
    r"|(?i:(?<=api_key=)|(?<=api-key=)|(?<=apikey=)|(?<=access_token=)|(?<=token=)|(?<=[?&]key=))[^&\s\"']+"
)
_ABOUT_LENGTH = re.compile(
    r"context|too long|too many tokens|maximum .{0,30}tokens|max_new_tokens|input tokens", re.IGNORECASE
)
_LIMIT = re.compile(
    r"maximum context length is (\d+)|context (?:holds|size|window|length)\D{0,20}(\d+)|> (\d+) maximum|must be <= (\d+)"
    r"|maximum (?:of )?(\d+) tokens",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    r"(\d+) in the messages|(\d+) in the (?:prompt|input)|(\d+) (?:`inputs`|input|prompt) tokens|prompt has (\d+) tokens"
    r"|messages resulted in (\d+)|prompt contains (?:at least )?(\d+)|request \((\d+) tokens\)|(\d+) tokens > ",
    re.IGNORECASE,
)


class ServerError(Exception):
    """An error as a server tells it; `status` is its HTTP status, or the code in a body with status 200."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        param: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__()
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.message

    @property
    def is_about_length(self) -> bool:
        """Whether the prompt does not fit into the model's context."""
        if "unsupported" in self.message.lower() or "not supported" in self.message.lower():
            return False
        told = self.code in {"context_length_exceeded", "exceed_context_size_error"}
        return self.is_refusal and (told or bool(_ABOUT_LENGTH.search(self.message)))

    @property
    def is_refusal(self) -> bool:
        """Whether the request is wrong, so that sending it again, or elsewhere, would not help."""
        if self.status is None:
            return self.code.startswith(("invalid", "unsupported", "unknown_param", "context_length"))
        return self.status in {400, 405, 411, 413, 414, 415, 422}


class NotACompletion(Exception):
    """A body that is neither a completion nor an error: `message` shows its beginning."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.message = redact(_line(_without_tags(body))) or "nothing"

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a failed request means: how often to try at all, how long to wait, and the error to raise in the end.

    `wait_s` holds for all requests to that server, not for this one alone; None leaves it to the client.
    """

    tries: int
    error: EndpointError
    wait_s: float | None = None


def error_in(value: Any, status: int | None = None) -> ServerError | None:
    """Return the error that a JSON value holds; None where it holds none."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), None)
    if not isinstance(value, dict):
        return None
    error = value.get("error") or value.get("errors")
    if not error and (_is_answer(value) or not (value.get("object") == "error" or _message(value))):
        return None
    inner = error if isinstance(error, dict) else value
    return ServerError(
        redact(_line(_message(error or value) or "an error without a message")),
        status=_status(inner.get("code"), inner.get("status"), value.get("code"), status),
        code=_text(inner.get("code")) or _text(inner.get("type")),
        param=_text(inner.get("param")) or _located(value.get("detail")),
    )


def read_error(status: int, headers: Mapping[str, str], body: bytes | str) -> ServerError:
    """Return the error of a response with an HTTP status that says so."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        error = error_in(json.loads(text), status)
    except ValueError:
        error = None
    if error is None:
        error = ServerError(redact(_line(_without_tags(text))) or "nothing was said")
    error.status = status
    error.retry_after_s = retry_after(headers)
    return error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None where it names none."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        said = headers.get("retry-after", "")
        if said and not re.fullmatch(r"[\d.]+", said.strip()):
            return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
        return float(said) if said else None
    except (ValueError, TypeError, OverflowError):
        return None


def redact(text: str, secrets: Collection[str | None] = ()) -> str:
    """Return a text without keys and passwords: `secrets` themselves, and what looks like one."""
    for secret in sorted((each for each in secrets if each and len(each) > 3), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _SECRETS.sub("***", text)


@dataclass(frozen=True, slots=True)
class Advice:
    """How patient to be with a server, and which settings to name when it fails."""

    url_setting: str = "RAFTBOT_MODEL_SERVER_URL"
    key_setting: str = "RAFTBOT_MODEL_SERVER_KEY"
    unreachable: str = "start it with: raftbot serve"
    again: str = "see the server's log, and try again"
    refused: str = "see the reason that the server gives"
    too_long: str = PromptTooLong.remedy
    most_tries: int = 8
    longest_wait_s: float = 120.0
    """A server that asks for more patience than this is as good as down."""


MODEL_SERVER = Advice()


def trouble_of(  # noqa: PLR0911  # a table of cases
    error: ServerError, url: str, model: str, advice: Advice
) -> Trouble:
    """Return what to do about an error that a server reports."""
    status, wait = error.status, error.retry_after_s
    said = f"{status}: {error.message}" if status else error.message

    def trouble(tries: int, reason: str, remedy: str, *, bad_reply: bool = False) -> Trouble:
        kind = BadReply if bad_reply else EndpointError
        passing = tries > 1 or error.code == "asleep"
        failure = kind(shown_url(url), reason, remedy=remedy, retryable=passing, status=status)
        return Trouble(min(tries, advice.most_tries), failure, wait)

    if error.code == "asleep":
        return trouble(1, f"sleeps: {error.message}", "ask again then")
    if status in {401, 403}:
        return trouble(1, f"refuses the key ({said})", f"set {advice.key_setting}")
    if status == 402 or error.code == "insufficient_quota":
        return trouble(1, f"says that the quota is used up ({said})", "see your account there")
    if status == 404:
        remedy = f"check that {advice.url_setting} ends in /v1, and the model's name"
        return trouble(1, f"has no model {model!r} or no such path ({said})", remedy)
    if error.is_about_length:
        limit, tokens = _number(_LIMIT, error.message), _number(_PROMPT, error.message)
        remedy = advice.too_long
        return Trouble(
            1,
            PromptTooLong(
                shown_url(url), error.message, limit=limit, tokens=tokens, remedy=remedy, status=status
            ),
        )
    if error.is_refusal:
        return trouble(1, f"refuses the request ({said})", advice.refused, bad_reply=True)
    if wait is not None and wait > advice.longest_wait_s:
        return replace(trouble(2, f"asks to wait {wait:g} s ({said})", advice.again), tries=1)
    if status == 429:
        return trouble(8, f"keeps limiting our rate ({said})", advice.again)
    return trouble(5, f"fails ({said})", advice.again)


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(next(group for group in found.groups() if group)) if found else None


def _is_answer(value: dict[str, Any]) -> bool:
    return "choices" in value or "data" in value or "embeddings" in value


def _message(error: Any) -> str:
    """Return the words of an error in whatever shape it comes."""
    if isinstance(error, str):
        return error
    if isinstance(error, list):
        return "; ".join(filter(None, map(_message, error)))
    if not isinstance(error, dict):
        return ""
    if "msg" in error:  # FastAPI's validation: where, and what
        where = ".".join(str(part) for part in error.get("loc", ()) if part != "body")
        return f"{where}: {error['msg']}" if where else str(error["msg"])
    for name in ("message", "detail", "error_description", "Message", "title", "reason", "error"):
        if said := _message(error.get(name)):
            raw = error.get("metadata", {}).get("raw") if isinstance(error.get("metadata"), dict) else None
            return f"{said}: {raw}" if isinstance(raw, str) and raw not in said else said
    return ""


def _located(detail: Any) -> str:
    """Return the field that FastAPI's validation names."""
    first = detail[0] if isinstance(detail, list) and detail and isinstance(detail[0], dict) else {}
    parts = [str(part) for part in first.get("loc", ()) if part != "body"]
    return parts[0] if parts else ""


def _status(*given: Any) -> int | None:
    """Return the first that is an HTTP status of an error."""
    for code in given:
        if str(code).isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return None


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _without_tags(body: str) -> str:
    """Return what a page of HTML says, its title alone where it has one."""
    title = re.search(r"<title[^>]*>([^<]*)</title>", body[:5000], re.IGNORECASE)
    return title[1] if title else re.sub(r"<[^<>]{1,200}>", " ", body[:5000])


def _line(text: str) -> str:
    words = " ".join(text[: 10 * LONGEST_MESSAGE].split())
    return words if len(words) <= LONGEST_MESSAGE else f"{words[: LONGEST_MESSAGE - 1]}…"
