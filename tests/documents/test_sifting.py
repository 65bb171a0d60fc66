"""Which passages are stored: one of those that are the same, none without words."""

from __future__ import annotations

import random

import pytest

from raft_core.documents.sifting import says_nothing, sift
from raft_core.documents.splitting import Splitter
from raft_core.records import Chunk, Document, Page


def chunk(index: int, text: str) -> Chunk:
    return Chunk(f"c{index}", "d", "T", text, None, index, 0, 9)


def passage(seed: int, words: int = 300) -> list[str]:
    return [f"w{number}" for number in random.Random(seed).sample(range(9999), words)]


def test_the_same_passage_is_stored_once() -> None:
    """Also where case, white space and signs differ; those that stay are numbered from 0."""
    text = "The gate of Tarn opens at six."
    sifted = sift(
        [chunk(0, text), chunk(1, "Other."), chunk(2, "THE GATE of\nTarn — opens at six!"), chunk(3, "Last.")]
    )
    assert [(each.id, each.index) for each in sifted.chunks] == [("c0", 0), ("c1", 1), ("c3", 2)]
    assert sifted.left_out == ("1 repeated passage",)


@pytest.mark.parametrize(("changed", "stored"), [(1, 1), (3, 1), (5, 2), (30, 2)])
def test_one_word_in_a_hundred_makes_no_other_passage(changed: int, stored: int) -> None:
    """Of 300 words three may differ, not five."""
    words = passage(1)
    other = [f"x{place}" if place % (300 // changed) == 5 else word for place, word in enumerate(words)]
    assert sum(a != b for a, b in zip(words, other, strict=True)) == changed
    assert len(sift([chunk(0, " ".join(words)), chunk(1, " ".join(other))]).chunks) == stored


@pytest.mark.parametrize(
    "texts",
    [
        ("The fee is 5 crowns.", "The fee is 6 crowns."),
        ("dog bites man", "man bites dog"),
        ("Yes", "No"),
        ("1", "2"),
        ("門は六時に開く", "門は七時に開く"),
        tuple(" ".join(f"row {row} costs {row * step}" for row in range(80)) for step in (3, 7)),
    ],
)
def test_other_facts_are_kept(texts: tuple[str, str]) -> None:
    """Short passages that differ in one word or in order, and tables that differ in their numbers."""
    assert len(sift([chunk(0, texts[0]), chunk(1, texts[1])]).chunks) == 2


def test_a_sentence_repeated_for_ever_is_a_few_chunks() -> None:
    """Wherever the cuts fall in it."""
    text = "The quick brown fox jumps over the lazy dog near the old stone bridge of Harrow. " * 3000
    chunks = Splitter(128).split(Document("d", "T", "s", "text/plain", "h", (Page(text),)))
    assert len(chunks) > 400
    sifted = sift(chunks)
    assert len(sifted.chunks) == 1
    assert sifted.repeated == len(chunks) - 1


@pytest.mark.parametrize(
    "text",
    ["", "…", "* * *", "-" * 5000, "a" * 5000, "ha " * 500, "abab" * 500, "哈" * 500, "0 | 1 | " * 200, "🎉🎉", "QUJDREVGR0hJSktM" * 200],
)  # fmt: skip
def test_text_without_words_says_nothing(text: str) -> None:
    """Signs, the same on and on, encoded data."""
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "OK",
        "42",
        "是",
        "The gate opens at six.",
        "門は六時に開く。" * 3,
        "see https://example.org/" + "a" * 90,
        "ACME 0 | 1 | 1 | 0 | 7 | 9 | total",
        "hash " + "0123456789abcdef" * 4,
    ],
)
def test_short_and_odd_texts_say_something(text: str) -> None:
    """A word is enough."""
    assert not says_nothing(text)


def test_many_passages_are_compared_soon() -> None:
    """Thousands of different ones, which share a header of fifty words, are all kept."""
    header = passage(0, 50)
    chunks = [chunk(number, " ".join(header + passage(number, 100))) for number in range(1, 2000)]
    assert len(sift(chunks).chunks) == 1999
