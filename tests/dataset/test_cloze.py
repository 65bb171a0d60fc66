from __future__ import annotations

import pytest

from raft_core.dataset.generators.cloze import BLANK, cloze


def holes(sentence: str) -> dict[str, str]:
    return {made.question: made.answer for made in cloze(sentence)}


@pytest.mark.parametrize(
    ("sentence", "kind", "answer"),
    [
        ("We have cut the late fees of every card from $32 to eight.", "amount", "$32"),
        ("She came to the little town beside the river in 1873.", "year", "1873"),
        ("It took them 45 days to carry the stones across.", "number", "45"),
        ("My friends say that Arlo Venn never finished this mill.", "name", "Arlo Venn"),
        ("Our keepers never found the other half of the lantern.", "word", "lantern"),
    ],
)
def test_holes_of_each_kind(sentence: str, kind: str, answer: str) -> None:
    """A hole says what is missing, and the sentence around it is left as it stands."""
    shown = sentence.replace(answer, BLANK)
    assert holes(sentence)[f'Which {kind} completes the sentence "{shown}"?'] == answer


@pytest.mark.parametrize(
    "sentence",
    [
        "We left in 1873.",  # too short to be told from others
        "As shown in Figure 3.",
        "Arlo Venn, Mira Solt, Ida Kern, Tom Reed, Una Bell, and Jo Dane.",  # a list of authors
        "It was so, and it was not so, and that is how it was.",
    ],
)
def test_nothing_to_leave_out(sentence: str) -> None:
    """A hole needs enough of a sentence around it."""
    assert holes(sentence) == {}


def test_what_stands_twice_is_no_hole() -> None:
    """The rest of the sentence does not give the answer away."""
    answers = holes("The lantern of Belmo hangs above the other lantern, which is older.").values()
    assert "lantern" not in answers


def test_pointers_into_the_document_are_no_holes() -> None:
    """Nobody asks for the number of a figure or the letter of an appendix."""
    answers = holes("The many examples in Appendix B are those of Figure 3 and of pages 4 to 9.").values()
    assert not {"Appendix B", "B", "3", "4"} & set(answers)


def test_references_are_left_out_of_the_question() -> None:
    """A sentence may hold [12] where its page has a footnote."""
    (question,) = (
        q for q, a in holes("She built another mill [12] beside the river in 1873.").items() if a == "1873"
    )
    assert (
        question
        == f'Which year completes the sentence "She built another mill beside the river in {BLANK}."?'
    )
