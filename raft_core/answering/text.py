"""Makes untrusted text fit for a terminal, a log or a chat."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"
_INVISIBLE = {"Cc", "Cs", "Co", "Cn"}
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's bidirectional controls, with which text can be made to look like other text."""


def printable(text: str) -> str:
    """Drop control characters, escape sequences' starts and half surrogates; keep lines and tabs."""
    return "".join(
        character
        for character in text
        if character in _KEPT
        or (unicodedata.category(character) not in _INVISIBLE and character not in _REORDERING)
    )
