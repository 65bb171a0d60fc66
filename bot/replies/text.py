"""Untrusted text → text that cannot ping, format, link, or break out of its place in Discord."""

from __future__ import annotations

import re

import regex  # type: ignore[import-untyped]  # knows what a reader takes for one character; `re` does not

from raft_core.markup import printable

ELLIPSIS = "…"
CHOICE_LIMIT = 100
_CLUSTER = regex.compile(r"\X")
"""One character to a reader: a letter with its accents, a flag, a family of emoji. Text is never cut inside one."""
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|:|a:|t:|id:|/)", re.IGNORECASE)
_LINK = re.compile(r"(https?)://", re.IGNORECASE)
_INVITE = re.compile(r"(discord)\.(gg|com)/", re.IGNORECASE)
_MARKDOWN = re.compile(r"[\\`_~|]|\*(?!\ufe0f?\u20e3)|\[(?=[^\n]{0,300}?\]\()")
"""Each character by itself: discord.py's own takes all from the first [ to the last ) for one, and leaves it alive."""
_LINE_START = re.compile(r"^(\s*)(#{1,3} |-# |>>> |> |[-*] |\d+\. )", re.MULTILINE)
_JOINED = r"\p{Arabic}\p{Syriac}\p{Nko}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}"
_INVISIBLE = regex.compile(
    # Joiners hide in Latin words, but they make families of emoji and letters of some scripts: those stay.
    r"(?:(?<=[\p{Extended_Pictographic}\ufe0f\U0001f3fb-\U0001f3ff])\u200d(?=\p{Extended_Pictographic})"
    rf"|(?<=[{_JOINED}\p{{Kannada}}\p{{Malayalam}}\p{{Sinhala}}])[\u200c\u200d])(*SKIP)(*FAIL)"
    r"|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0]"
)
_NO_BREAK = "\u2060"
"""Word joiner: invisible, and enough to keep Discord from reading a mention or a link."""


def visible(text: str) -> str:
    """Return untrusted text without control characters and without what a reader cannot see."""
    shown: str = _INVISIBLE.sub("", printable(text))
    return shown


def escape(text: str) -> str:
    """Return untrusted text as plain text: no markdown, mention, link, time stamp or control character in it."""
    plain = _MARKDOWN.sub(lambda match: f"\\{match[0]}", visible(text))
    plain = _LINE_START.sub(lambda match: f"{match[1]}\\{match[2]}", plain)
    plain = _MENTION.sub(lambda match: match[0] + _NO_BREAK, plain)
    plain = _LINK.sub(lambda match: f"{match[1]}:{_NO_BREAK}//", plain)
    return _INVITE.sub(lambda match: f"{match[1]}{_NO_BREAK}.{match[2]}/", plain)


def code_block(text: str, language: str = "") -> str:
    """Return untrusted text as a block of code that it cannot leave."""
    inside = printable(text).replace("```", f"`{_NO_BREAK}`{_NO_BREAK}`")
    return f"```{language}\n{inside}\n```"


def inline(text: str) -> str:
    """Return untrusted text, an id or a name, as inline code."""
    return "`" + (" ".join(printable(text).split()).replace("`", "\u02cb") or "-") + "`"


def choice_name(text: str) -> str:
    """Return untrusted text as the name of a choice in autocomplete: one line of at most 100 characters, never empty."""
    return cut(" ".join(visible(text).split()) or "untitled", CHOICE_LIMIT)


def count(number: int, noun: str) -> str:
    """Return a number of things: "1 row", "2,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def fits(text: str, limit: int, limit_bytes: int | None = None) -> bool:
    """Return whether text has at most `limit` characters and, in UTF-8, at most `limit_bytes` bytes."""
    return len(text) <= limit and (limit_bytes is None or size(text) <= limit_bytes)


def size(text: str) -> int:
    """Return the bytes of text in UTF-8; half of a surrogate pair counts as the mark that stands for it."""
    return len(text.encode(errors="replace"))


def cut(text: str, limit: int, limit_bytes: int | None = None) -> str:
    """Return the beginning of text within limits, ending in an ellipsis where something was cut.

    Only for what can be read in full elsewhere.
    """
    if fits(text, limit, limit_bytes):
        return text
    return head(text, limit - len(ELLIPSIS), _less_ellipsis(limit_bytes)).rstrip("\\") + ELLIPSIS


def cut_front(text: str, limit: int, limit_bytes: int | None = None) -> str:
    """Return the end of text within limits, beginning with an ellipsis where something was cut."""
    if fits(text, limit, limit_bytes):
        return text
    return ELLIPSIS + tail(text, limit - len(ELLIPSIS), _less_ellipsis(limit_bytes))


def head(text: str, limit: int, limit_bytes: int | None = None) -> str:
    """Return as much of the beginning of text as fits, in whole characters as a reader sees them."""
    return "".join(_fitting(_CLUSTER.findall(text), limit, limit_bytes))


def tail(text: str, limit: int, limit_bytes: int | None = None) -> str:
    """Return as much of the end of text as fits, in whole characters as a reader sees them."""
    return "".join(_fitting(_CLUSTER.findall(text)[::-1], limit, limit_bytes)[::-1])


def split(text: str, limit: int) -> list[str]:
    """Return text in parts of at most `limit` characters, at ends of lines or words where there are any."""
    parts = []
    while len(text) > limit:
        at = max(text.rfind("\n", 0, limit), text.rfind(" ", 0, limit))
        if at <= limit // 2:
            at = len(head(text[: 2 * limit], limit)) or limit
        parts.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*parts, text] if text or not parts else parts


def span(seconds: float) -> str:
    """Return a length of time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _less_ellipsis(limit_bytes: int | None) -> int | None:
    return None if limit_bytes is None else limit_bytes - size(ELLIPSIS)


def _fitting(clusters: list[str], limit: int, limit_bytes: int | None) -> list[str]:
    """Return the first clusters that together fit."""
    characters = length = 0
    for number, cluster in enumerate(clusters):
        characters += len(cluster)
        length += size(cluster) if limit_bytes is not None else 0
        if characters > limit or (limit_bytes is not None and length > limit_bytes):
            return clusters[:number]
    return clusters
