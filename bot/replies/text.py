"""Untrusted text → text that cannot ping, format, link, or break out of its place in Discord."""

from __future__ import annotations

import re

from raft_core.answering.text import printable

ELLIPSIS = "…"
CHOICE_LIMIT = 100
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|:|a:|t:|id:|/)", re.IGNORECASE)
_LINK = re.compile(r"(https?)://", re.IGNORECASE)
_INVITE = re.compile(r"(discord)\.(gg|com)/", re.IGNORECASE)
_MARKDOWN = re.compile(r"[\\`*_~|]|\[(?=[^\n]{0,300}?\]\()")
"""Each character by itself: discord.py's own takes all from the first [ to the last ) for one, and leaves it alive."""
_LINE_START = re.compile(r"^(\s*)(#{1,3} |-# |>>> |> |[-*] |\d+\. )", re.MULTILINE)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0]"
)
_NO_BREAK = "\u2060"
"""Word joiner: invisible, and enough to keep Discord from reading a mention or a link."""


def escape(text: str) -> str:
    """Return untrusted text as plain text: no markdown, mention, link, time stamp or control character in it."""
    plain = _INVISIBLE.sub("", printable(text))
    plain = _MARKDOWN.sub(lambda match: f"\\{match[0]}", plain)
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
    return cut(" ".join(_INVISIBLE.sub("", printable(text)).split()) or "untitled", CHOICE_LIMIT)


def cut(text: str, limit: int) -> str:
    """Return text of at most `limit` characters; what is cut shows it. Only for what is told in full elsewhere."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)].rstrip("\\") + ELLIPSIS


def split(text: str, limit: int) -> list[str]:
    """Return text in parts of at most `limit` characters, at ends of lines or words where there are any."""
    parts = []
    while len(text) > limit:
        at = max(text.rfind("\n", 0, limit), text.rfind(" ", 0, limit))
        at = at if at > limit // 2 else limit
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
