from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.markup import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext é 漢 👩‍🚀", "plain\n\ttext é 漢 👩‍🚀"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "]8;;http://evillink]8;;"),
        ("\x9b2Jcleared\x08\x7f\r\0", "2Jcleared"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("half \ud800 pair", "half  pair"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
    ],
)
def test_known_texts(text: str, shown: str) -> None:
    """Escape sequences lose their power, everything that can be read stays."""
    assert printable(text) == shown


@given(st.text(alphabet=st.characters()))
def test_nothing_controls_the_terminal(text: str) -> None:
    """Whatever the text: no control characters but newline and tab, and it can be encoded."""
    shown = printable(text)
    assert not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in shown)
    shown.encode()
    assert printable(shown) == shown
