from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raft_core.serving.embedded.text import TextStream


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def stream(tokenizer: Any, text: str, *stop: str) -> tuple[list[str], TextStream]:
    """The pieces that come out as a text's tokens go in, up to a stop string."""
    running = TextStream(tokenizer, stop, live=True, skip_special=True)
    pieces = []
    for token in tokenizer(text)["input_ids"]:
        running.push(token)
        if running.stopped:
            break
        pieces.append(running.take(last=False))
    pieces.append(running.take(last=True))
    return pieces, running


@pytest.mark.parametrize("text", ["The quick brown fox", "naïve Ünïcödé 日本語 🦊!", " two  spaces ", ""])
def test_pieces_join_to_the_text(tokenizer, text):
    """What comes out joins to what went in, and no piece holds half a character."""
    pieces, _ = stream(tokenizer, text)
    assert "".join(pieces) == text
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)


def test_stop_string_split_over_tokens(tokenizer):
    """A stop string that spans several tokens is found, and nothing of it ever leaves."""
    pieces, running = stream(tokenizer, "one two XSTOPX three", "XSTOPX")
    assert len(tokenizer("XSTOPX")["input_ids"]) > 1
    assert running.stopped
    assert "".join(pieces) == "one two "
    assert not any("X" in piece for piece in pieces)


def test_false_start_of_a_stop_string_is_let_go(tokenizer):
    """What only began like a stop string comes out after all."""
    pieces, running = stream(tokenizer, "one XSTO two XSTOP", "XSTOPX")
    assert not running.stopped
    assert "".join(pieces) == "one XSTO two XSTOP"


def test_first_of_several_stop_strings_counts(tokenizer):
    """The text ends before the stop string that comes first."""
    pieces, _ = stream(tokenizer, "a b c d", "c", "b", "zz")
    assert "".join(pieces) == "a "


def test_half_a_character_at_the_end_is_shown_as_such(tokenizer):
    """An answer cut off within a character ends in the replacement character, as a plain decode does."""
    running = TextStream(tokenizer, (), live=True, skip_special=True)
    ids = tokenizer("🦊")["input_ids"][:2]
    for token in ids:
        running.push(token)
    assert running.take(last=False) == ""
    assert running.take(last=True) == tokenizer.decode(ids)
