"""URLs and what is secret in them, taken apart so that a URL can be shown and stored.

https://user:password@host/v1     →  https://host/v1 and the key "Basic dXNlcjpwYXNzd29yZA=="
https://host/v1?api_key=abc       →  https://host/v1 and the key "abc"
"""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

BASIC = "Basic "
UNCLEAR = "it is not clear where the password ends; write its special characters as %XX"
_TOKEN = re.compile(r"key|token|secret|pass|auth|sig|credential", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Return whether a setting names a server rather than a folder or one of our own names."""
    return "://" in text


def split_secret(url: str) -> tuple[str, str | None]:
    """Return a URL as it may be shown, and the key that was in it.

    Raises:
        ValueError: it is not clear where the secret ends, or it has a query that no request could carry.
    """
    check_clear(url)
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if "@" in parts.path or (at and not host):
        raise ValueError(UNCLEAR)
    key = BASIC + base64.b64encode(_plain(userinfo).encode()).decode() if at else None
    for name, value in parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True):
        if value and not _TOKEN.search(name):
            raise ValueError("a query is not supported; a key belongs into the setting for it")
        key = key or value or unquote(name)  # a bare ?token has no name
    return urlunsplit((parts.scheme, host, parts.path, "", "")), key


def check_clear(url: str) -> None:
    """Refuse a URL whose password would be taken for a part of something else.

    Raises:
        ValueError: where a password ends is not clear.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("the port is no number; write special characters of a password as %XX") from error
    if "@" in parts.query + parts.fragment or (port is not None and "@" in parts.path):
        raise ValueError(UNCLEAR)


def _plain(userinfo: str) -> str:
    user, _, password = userinfo.partition(":")
    return f"{unquote(user)}:{unquote(password)}"


def shown_url(url: str) -> str:
    """Return any URL as it may be shown: no user, no password, no query, which often holds a signature."""
    return re.sub(r"(?<=://)[^/?#\s]*@", "", url).partition("?")[0].partition("#")[0]


def authorization(key: str | None) -> dict[str, str]:
    """Return the header that carries a server's key."""
    if not key:
        return {}
    return {"Authorization": key if key.startswith(BASIC) else f"Bearer {key}"}
