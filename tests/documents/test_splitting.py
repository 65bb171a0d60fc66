"""Chunks of text made for it; the tokenizer is the real one."""

from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from raft_core.documents.splitting import Splitter, load_tokenizer
from raft_core.errors import SettingsError
from raft_core.records import Chunk, Document, Page


@cache
def real_tokenizer() -> Tokenizer:
    return load_tokenizer()


@cache
def splitter(chunk_tokens: int, overlap: int = 0) -> Splitter:
    return Splitter(chunk_tokens, overlap)


def split(text: str, chunk_tokens: int = 16, overlap: int = 0) -> list[Chunk]:
    document = Document("d", "T", "s", "text/plain", "d", (Page(text),))
    return splitter(chunk_tokens, overlap).split(document)


SENTENCES = " ".join(f"Sentence number {number} is here." for number in range(40))
WORDS = st.text(st.sampled_from("ab é.\n\t!?漢字각\ufffd\x00x'-"), max_size=400)
ANY = st.text(max_size=200)


@given(st.one_of(WORDS, ANY), st.sampled_from([16, 20, 64]))
@settings(max_examples=150, deadline=None)
def test_no_text_is_lost(text: str, chunk_tokens: int) -> None:
    """Without overlap the chunks lie one after another, and only white space is between them."""
    position, gaps = 0, []
    for chunk in split(text, chunk_tokens):
        assert chunk.start >= position
        assert text[chunk.start : chunk.start + len(chunk.text)] == chunk.text
        gaps.append(text[position : chunk.start])
        position = chunk.start + len(chunk.text)
    gaps.append(text[position:])
    assert not "".join(gaps).strip()


@given(st.one_of(WORDS, ANY), st.sampled_from([(16, 0), (16, 8), (33, 5)]))
@settings(max_examples=150, deadline=None)
def test_no_chunk_is_too_long(text: str, size: tuple[int, int]) -> None:
    """With the two special tokens that the embedding adds, a chunk has at most `chunk_tokens` tokens."""
    tokenizer = real_tokenizer()
    for chunk in split(text, *size):
        assert len(tokenizer.encode(chunk.text).ids) == chunk.tokens + 2 <= size[0]


@given(
    st.lists(st.sampled_from(["word", "wonderful", "x.", "tokenization"]), max_size=200), st.integers(1, 16)
)
@settings(max_examples=50, deadline=None)
def test_overlap_repeats_but_loses_nothing(words: list[str], overlap: int) -> None:
    """Every word is in some chunk, chunks go forward, and neighbours share at most `overlap` tokens."""
    text = " ".join(words)
    chunks = split(text, 32, overlap)
    tokenizer = real_tokenizer()
    covered = 0
    for before, chunk in zip([None, *chunks], chunks, strict=False):
        assert not text[covered : chunk.start].strip()
        if before is not None:
            assert chunk.start > before.start
            shared = text[chunk.start : before.start + len(before.text)]
            assert len(tokenizer.encode(shared, add_special_tokens=False).ids) <= overlap
        covered = chunk.start + len(chunk.text)
    assert not text[covered:].strip()


def test_paragraphs_then_sentences_then_words() -> None:
    """A chunk ends at the last paragraph that fits, else sentence, else line, else word."""
    assert [
        chunk.text for chunk in split("One two three four.\n\nFive six. Seven eight nine ten eleven twelve.")
    ] == [
        "One two three four.",
        "Five six. Seven eight nine ten eleven twelve.",
    ]
    assert all(chunk.text.endswith(".") for chunk in split(SENTENCES))
    assert (
        split("one two three four five six\nseven eight nine ten eleven twelve thirteen fourteen fifteen")[
            0
        ].text
        == "one two three four five six"
    )
    assert split("word " * 20)[0].text == " ".join(["word"] * 14)


def test_chunks_are_filled() -> None:
    """Sentences are packed: no chunk but the last is under half full where each sentence is short."""
    chunks = split(SENTENCES, 64)
    assert all(chunk.tokens > 31 for chunk in chunks[:-1])


def test_chunks_know_their_page_and_index() -> None:
    """Indexes count through the document, starts through the page; ids differ and are stable."""
    document = Document("d", "T", "s", "application/pdf", "d", (Page("same", 1), Page(" same", 3)))
    chunks = splitter(16).split(document)
    assert [(chunk.page, chunk.index, chunk.start, chunk.text) for chunk in chunks] == [
        (1, 0, 0, "same"),
        (3, 1, 1, "same"),
    ]
    assert chunks[0].id != chunks[1].id
    assert chunks == splitter(16).split(document)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "\ufffd" * 1_000_000, "漢" * 300_000, "ab " * 330_000])
def test_long_runs_take_seconds(text: str) -> None:
    """A megabyte without spaces, without tokens, or of ordinary words is split in linear time."""
    began = time.monotonic()
    chunks = split(text, 512)
    assert sum(len("".join(chunk.text.split())) for chunk in chunks) == len(text.replace(" ", ""))
    assert max(len(chunk.text) for chunk in chunks) < 10_000
    assert time.monotonic() - began < 30


def test_white_space_gives_no_chunk() -> None:
    """Nothing to embed, nothing to keep."""
    assert split("") == split(" \n\n\t" * 1000) == []


@pytest.mark.parametrize(("chunk_tokens", "overlap"), [(15, 0), (64, 33), (64, -1)])
def test_impossible_sizes_are_refused(chunk_tokens: int, overlap: int) -> None:
    """Too small a chunk or too large an overlap is an error that says what is possible."""
    with pytest.raises(SettingsError, match="cannot be made"):
        Splitter(chunk_tokens, overlap)
