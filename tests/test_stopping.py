"""Where an answer ends, whatever pieces it arrives in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.stopping import StopRules, end_of

SENTENCE = "The tower was finished in March 1889 by Gustave Eiffel. "
PARAGRAPH = "".join(f"Sentence {chr(97 + n)} says something else about a{n * 7}b. " for n in range(9))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("##Reason: so. <ANSWER>: Oslo\nQuestion: more?", "##Reason: so. <ANSWER>: Oslo"),
        ("##Answer: Oslo\n\nmore", "##Answer: Oslo"),
        ("<ANSWER>:\n\n  Oslo \nmore", "<ANSWER>:\n\n  Oslo"),
        ("<ANSWER>: Oslo. The capital", "<ANSWER>: Oslo."),
        ("<ANSWER>: in 1889. It was", "<ANSWER>: in 1889."),
        ('<ANSWER>: "Hello." She', '<ANSWER>: "Hello."'),
        ("<ANSWER>: Oslo <ANSWER>: Oslo", "<ANSWER>: Oslo"),
        ("<ANSWER>: Oslo ##Reason: because", "<ANSWER>: Oslo"),
    ],
)
def test_the_answer_line_ends_the_answer(text, kept):
    """A new line, a next sentence or more markup behind the short answer ends it, and is left out."""
    assert end_of(text) == (kept, "stop")


@pytest.mark.parametrize(
    "text",
    [
        "Oslo.\nIt is the capital. It lies by the sea.\n",
        "<ANSWER>: ",
        "<ANSWER>:\n\n",
        "<ANSWER>: J. R. R. Tolkien of St. Louis and Prof. Smith, approx. 300, No. 5, 1. FC Nowhere, U.S. Army",
        "<ANSWER>: Jeopardy! host? Alex Trebek",
        "<ANSWER>: version 2.11. ",
        "<ANSWER>: 3.5 # of things ## 4",
    ],
)
def test_what_does_not_end_an_answer(text):
    """Text without a tag, an answer that has not begun, initials, abbreviations and titles go on."""
    assert end_of(text) == (text, "")


@pytest.mark.parametrize(
    ("unit", "before"),
    [("ooch ", "It is "), ("!", ""), ("\n", "Oslo"), (SENTENCE, "Well. "), (PARAGRAPH, "So: "), ("哈哈", "")],
)
def test_a_loop_ends_the_answer_and_leaves_one_copy(unit, before):
    """Words, marks, sentences and paragraphs said again and again end the answer soon; the first copy stays."""
    rules = StopRules()
    text = before + unit * (4000 // len(unit))
    taken = next(size for size, character in enumerate(text, 1) if rules.push(character))
    assert (rules.text.rstrip(" "), rules.reason) == ((before + unit).rstrip(" "), "repetition")
    assert taken <= len(before) + max(120, min(3 * len(unit), 400 + len(unit)))


@pytest.mark.parametrize("line", ["{n}. The answer is Oslo.\n", "{n}, ", "In {n} it was built. "])
def test_counting_on_is_a_loop(line):
    """Lines that differ in their numbers alone end the answer within a third of the token limit."""
    text = "".join(line.format(n=n) for n in range(1, 400))
    kept, reason = end_of(text)
    assert reason == "repetition"
    assert text.startswith(kept) and len(kept) < 600


@pytest.mark.parametrize(
    "text",
    [
        "-" * 80 + "\n| a | b |\n" + "| --- " * 12 + "|\n",
        "no, " * 20,
        SENTENCE * 2 + "Then it was opened.",
        "".join(f"{day}: 10:00 to 12:0{n}\n" for n, day in enumerate(("Monday", "Tuesday", "Sunday"))),
        "".join(f"Room {n}: {n * 7} euros\n" for n in range(1, 13)),
        ", ".join(str(year) for year in range(1990, 2020)),
    ],
)
def test_lists_rulers_and_emphasis_are_no_loops(text):
    """What people write with repetition in it goes on."""
    assert end_of(text) == (text, "")


@given(
    st.lists(st.sampled_from(["<ANSWER>:", " Oslo", ". T", "\n", "ooch ", "7", SENTENCE]), max_size=40),
    st.integers(1, 40),
)
def test_pieces_of_any_size_end_alike(parts, size):
    """The same text ends at the same place, whether it comes whole or in pieces."""
    text = "".join(parts)
    rules = StopRules()
    for start in range(0, len(text), size):
        if rules.push(text[start : start + size]):
            break
    assert (rules.text, rules.reason) == end_of(text)


def test_a_long_answer_is_read_quickly():
    """The rules cost less than 0.1 ms a token of processor time, far below any model's."""
    text = " ".join(f"{chr(97 + n % 26)}ord{chr(97 + n // 26)}" for n in range(800))
    started = time.process_time()
    assert end_of(text)[1] == ""
    assert time.process_time() - started < 0.3
