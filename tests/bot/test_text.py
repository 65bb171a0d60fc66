"""Untrusted text cannot ping, format, link or break out of its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies.text import (
    CHOICE_LIMIT,
    choice_name,
    code_block,
    count,
    cut,
    cut_front,
    escape,
    inline,
    size,
    split,
    visible,
)

HOSTILE = st.text(
    st.sampled_from("@everyhr<>#:&!`*_~|\\[]()/-.1 \n\u200b\u202e\u2066https:discord.gg"), max_size=80
)
PING = re.compile(r"@everyone|@here|<@[!&]?\d+>|<#\d+>|<a?:\w+:\d+>|<t:-?\d+|<id:|</\w")


@given(HOSTILE | st.text(max_size=80))
def test_escaped_text_cannot_ping_or_link(text: str) -> None:
    """Nothing in it is read as a mention, a time stamp, a link, or a control that reorders text."""
    shown = escape(text)
    assert not PING.search(shown)
    assert not re.search(r"https?://\S", shown)
    assert not re.search(
        "[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08]|[a-z@<][\u200c\u200d]", shown
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** _it_ `code`", r"\*\*bold\*\* \_it\_ \`code\`"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("@everyone", "@\u2060everyone"),
        ("@\u200beveryone", "@\u2060everyone"),
        ("<@123>", "<\u2060@123>"),
        ("https://evil.example", "https:\u2060//evil.example"),
        ("discord.gg/abc", "discord\u2060.gg/abc"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("||spoiler||", r"\|\|spoiler\|\|"),
        ("[a](b) **bold** ||s|| (c)", r"\[a](b) \*\*bold\*\* \|\|s\|\| (c)"),
        ("[1] is no link", "[1] is no link"),
        ("@\u200deveryone", "@\u2060everyone"),
        ("*️⃣ 👩‍👩‍👧‍👦", "*️⃣ 👩‍👩‍👧‍👦"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    """Each trick stays readable and does nothing."""
    assert escape(text) == shown


@given(HOSTILE | st.text(max_size=80))
def test_a_code_block_cannot_be_left(text: str) -> None:
    """There are exactly two fences, ours."""
    assert code_block(text).count("```") == 2


@given(HOSTILE | st.text(max_size=80))
def test_inline_code_cannot_be_left(text: str) -> None:
    """It is one line between two backticks, ours, and never empty: that would show the backticks."""
    shown = inline(text)
    assert shown.count("`") == 2
    assert "\n" not in shown
    assert len(shown) > 2


@given(st.text(max_size=300))
def test_names_of_choices(text: str) -> None:
    """They are one line of 1 to 100 characters, whatever a document is called."""
    name = choice_name(text)
    assert 1 <= len(name) <= CHOICE_LIMIT
    assert "\n" not in name
    assert name.strip()


@given(st.text(max_size=300), st.integers(10, 100))
def test_split_loses_nothing_but_white_space(text: str, limit: int) -> None:
    """No part is over the limit, and all parts together say the same."""
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


JOINED = [
    "👩‍👩‍👧‍👦",
    "🇳🇴",
    "👍🏽",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "*️⃣",
    "e\u0301\u0302",
    "हिन्दी",
    "می‌خواهم",
    "한국",
]
"""A family, a flag, a skin tone, England, a keycap, combining marks, and words of scripts that need joiners."""


@pytest.mark.parametrize("word", JOINED)
def test_joined_characters_stay_whole(word: str) -> None:
    """Through escaping, and wherever a text is cut: in front, behind, into pages, by characters or bytes."""
    assert visible(word) == word
    from regex import findall

    whole = set(findall(r"\X", word)) | {"…", " "}
    text = word * 40
    for limit in range(1, 60):
        parts = [
            cut(text, limit),
            cut_front(text, limit),
            cut(text, 999, limit + 3),
            *split(text, limit + 20),
        ]
        assert len(parts[0]) <= limit and len(parts[1]) <= limit and size(parts[2]) <= limit + 3
        for part in parts:
            assert set(findall(r"\X", part)) <= whole, (limit, part)


def test_a_character_larger_than_its_room() -> None:
    """A letter with thousands of accents cannot be shown whole: it is left out, or split where all is to be shown."""
    huge = "e" + "\u0301" * 500
    assert cut(huge, 100) == "…"
    assert "".join(split(huge, 100)) == huge


@given(st.text(max_size=200), st.integers(1, 100))
def test_cut_text_fits(text: str, limit: int) -> None:
    """In characters and in bytes, from both ends, and is the text itself where that fits."""
    for shown in (cut(text, limit, 2 * limit + 1), cut_front(text, limit, 2 * limit + 1)):
        assert len(shown) <= limit and size(shown) <= max(2 * limit + 1, 3)
    if len(text) <= limit:
        assert cut(text, limit) == text


def test_counts() -> None:
    """One is one, and thousands are set apart."""
    assert [count(number, "row") for number in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]


def test_cut_shows_that_something_is_missing() -> None:
    """Short text stays; long text ends in an ellipsis, and never in half an escape."""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut(r"ab\*cd", 4) == "ab…"
