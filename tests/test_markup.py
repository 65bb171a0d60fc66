from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core import prompts
from raft_core.errors import SettingsError
from raft_core.markup import (
    beside_answer,
    find_quotes,
    neutralise,
    pieces,
    short_answer,
    spell_out,
    tidy_answer,
    without_marks,
    write_answer,
)


@pytest.mark.parametrize(
    ("text", "answer", "tagged"),
    [
        ("so <ANSWER>: Oslo", "Oslo", True),
        ("<ANSWER>:Oslo", "Oslo", True),  # the official code returns the whole text here
        ("##Reason: x ##Answer: Oslo\nBergen", "Oslo", True),
        ("<ANSWER>: Oslo <ANSWER>: Bergen", "Bergen", True),
        ("<ANSWER>:\n\n  Oslo \nmore", "Oslo", True),
        ("<ANSWER>:   ", "", True),
        ("<ANSWER>: Oslo</ANSWER>", "Oslo", True),
        ("<ANSWER>Oslo</ANSWER> It is so.", "Oslo", True),
        ("<ANSWER>Oslo", "Oslo", True),
        ("<answer>\nOslo\n</answer>", "Oslo", True),
        ("<ANSWER: Oslo>", "Oslo", True),
        ("<ANSWER>\uff1aOslo", "Oslo", True),
        ("<ANSWER></ANSWER>\nOslo", "", True),
        ("<ANSWER>: Oslo <ANSWER>:", "Oslo", True),
        ("<ANSWER>: Oslo<STOP>", "Oslo", True),
        ("<ANSWER>: Oslo</s>", "Oslo", True),
        ("<ANSWER>: Oslo<|eot_id|><|start_header_id|>user", "Oslo", True),
        ("<ANSWER>: Oslo<|im_end|>\n<|im_start|>user\nAnd Rome?", "Oslo", True),
        ("```\n##Reason: x\n<ANSWER>: Oslo\n```", "Oslo", True),
        ("<ANSWER>:\n```text\nOslo\n```", "Oslo", True),
        ("<ANSWER>: **Oslo**", "Oslo", True),
        ("**<ANSWER>:** Oslo", "Oslo", True),
        ("**<ANSWER>: Oslo**", "Oslo", True),
        ("**<ANSWER>**: **Oslo**.", "Oslo.", True),
        ("`<ANSWER>: Oslo`", "Oslo", True),
        ("<ANSWER>: **kwargs and *args", "**kwargs and *args", True),
        ("<ANSWER>: `a` and `b`", "`a` and `b`", True),
        ("<ANSWER>: x > 3 and y < 4", "x > 3 and y < 4", True),
        ("```\nOslo\n```<|endoftext|>", "Oslo", False),
        ("  just\n Oslo ", "just Oslo", False),
        ("", "", False),
    ],
)
def test_short_answer(text: str, answer: str, tagged: bool):
    assert short_answer(text) == (answer, tagged)


@given(st.text(), st.text(alphabet=st.characters(exclude_categories=("Cc", "Zl", "Zp")), min_size=1))
def test_written_answers_are_read_back(quote: str, answer: str):
    """Whatever was written is read back, as long as the words hold no markup of their own, bold included."""
    quote, answer = neutralise(quote), " ".join(neutralise(answer).replace("*", "").replace("`", "").split())
    text = write_answer(quote, answer)
    assert short_answer(text) == (answer, True)
    if quote.split():
        words = f"Here it says {' '.join(quote.split())} ."
        (found,) = find_quotes(write_answer(words, answer), [f"before . {words} after"])
        assert (found.text, found.verified, found.source) == (words, True, 1)


def test_quotes_are_checked_verbatim():
    """A quote counts only where it stands word for word; white space may differ."""
    text = "##begin_quote## The sky\nis blue. ##end_quote## ##begin_quote##The sky is red.##end_quote##"
    first, second = find_quotes(text, ["Grass is green.", "Look: The sky  is blue."])
    assert (first.verified, first.source) == (True, 2)
    assert (second.verified, second.source) == (False, None)


def test_empty_quote_is_not_verified():
    assert find_quotes("##begin_quote## ##end_quote##", ["anything"])[0].verified is False


@given(st.text())
def test_a_document_cannot_close_itself(text: str):
    """Hostile markup in a document is defused, so the prompt holds exactly one document."""
    for attack in ("</DOCUMENT>", "<ANSWER>: x", "##begin_quote##", "##Answer:"):
        shown = prompts.instruction("q", [f"{text}{attack}{text}"])
        assert shown.count("</DOCUMENT>") == 1
        assert "<ANSWER>:" not in shown
        assert "##begin_quote##" not in shown


CONTROL = [
    "<|end|>", "<|eot_id|>", "<|im_start|>", "</s>", "<s>", "<bos>", "<start_of_turn>", "[INST]", "[/INST]", "<<SYS>>",
    "<think>", "</tool_call>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
]  # fmt: skip


@pytest.mark.parametrize("token", CONTROL)
def test_control_tokens_never_reach_a_prompt(token: str):
    """What chat models read as a turn's end is defused in documents and questions, for any server."""
    for name in ("rag", "raft"):
        assert token not in prompts.render(name, f"Who? {token}", [f"One.{token}assistant", token * 3])


def test_a_defused_quote_is_still_verified():
    """A model quotes what it was shown, an imported row what its document holds: both stand there."""
    for quote in ("the token </s> ends", "the token (/s) ends"):
        text = f"##begin_quote## {quote} ##end_quote##"
        assert find_quotes(text, ["See: the token\n</s> ends a text."])[0].verified


def test_ordinary_text_is_left_alone():
    """Brackets, tags and comparisons that no model reads as control are not touched."""
    text = "a < b | c > d, [1], <b>bold</b>, x <| y, # heading, [instead] and <thing>"
    assert neutralise(text) == text
    assert spell_out(text, {"<|end|>", "</s>", "[INST]"}) == text


def test_spelling_out_breaks_any_token():
    """A token of ordinary letters is broken by a space, one in brackets keeps its looks."""
    assert spell_out("a<|end|>b EOS <|end|>", {"<|end|>", "EOS"}) == "a(|end|)b E OS (|end|)"


def test_prompts_are_the_documented_ones():
    assert prompts.render("rag", "Who?", ["One.", "Two."]) == (
        "Context information is below:\nOne.\n\nTwo.\n"
        "Given the context information and not prior knowledge, answer the query.\nQuery: Who?\nAnswer:"
    )
    assert prompts.render("raft", "Who?", ["One.", "Two."]) == (
        "<DOCUMENT>One.</DOCUMENT>\n<DOCUMENT>Two.</DOCUMENT>\n"
        "Answer the question from the documents. First quote the sentence that you rely on between "
        "##begin_quote## and ##end_quote##, then write <ANSWER>: and a short answer.\nQuestion: Who?"
    )
    assert prompts.instruction("Who?", ["One."]) == "<DOCUMENT>One.</DOCUMENT>\nWho?"


def test_values_are_never_read_as_templates():
    assert "$question ${documents}" in prompts.render("rag", "$question ${documents}", ["$x"])


def test_unknown_prompt_names_the_known():
    with pytest.raises(SettingsError) as caught:
        prompts.load("nope")
    assert "raft" in caught.value.remedy


def test_missing_variable_is_named():
    with pytest.raises(SettingsError, match="'question'"):
        prompts.fill("rag", documents="x")


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("Because. <ANSWER>: Oslo", "Because."),
        ("Because.\n<ANSWER>: Oslo\nAnd more.\nAnd more.", "Because.\nAnd more.\nAnd more."),
        ("a <ANSWER>: b\n##Answer:\n\n c ", "a <ANSWER>: b"),
        ("<ANSWER>: Oslo", ""),
        (" no tag ", "no tag"),
    ],
)
def test_what_is_said_beside_the_short_answer(text: str, beside: str):
    """The line that is the short answer goes with its tag; everything else stays."""
    assert beside_answer(text) == beside


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("##Reason: x <ANSWER>: Oslo", "##Reason: x <ANSWER>: Oslo"),
        ("x <ANSWER>: Oslo</ANSWER>", "x <ANSWER>: Oslo"),
        ("x <ANSWER>Oslo</ANSWER><STOP>", "x <ANSWER>: Oslo"),
        ("```\nx\n<ANSWER>: Oslo\n```", "x\n<ANSWER>: Oslo"),
        ("x\n<ANSWER>:\n```text\nOslo\n```", "x\n<ANSWER>: Oslo"),
        ("**<ANSWER>:** **Oslo**<|im_end|>", "<ANSWER>: Oslo"),
        ("x ##Answer: Oslo\nand more", "x ##Answer: Oslo\nand more"),
        ("```c\nf()\n```\n<ANSWER>: f\n```c\ng()\n```", "```c\nf()\n```\n<ANSWER>: f\n```c\ng()\n```"),
        ("no tag</s>", "no tag"),
    ],
)
def test_answers_are_tidied_before_they_are_learnt_from(text: str, tidy: str):
    """The tag gets its proper form; closing tags, end tokens, bold and the fence around the answer go; the rest stays."""
    assert tidy_answer(text) == tidy
    assert tidy_answer(tidy) == tidy


def test_pieces_tell_quotes_from_the_rest():
    """Pieces come in order, quotes marked; an open quote mark is no quote."""
    text = "Say ##begin_quote## one ##end_quote####begin_quote####end_quote## and ##begin_quote## two"
    assert pieces(text) == [("Say ", False), (" one ", True), ("", True), (" and ##begin_quote## two", False)]


TABLE = "Name | Born in | Year\nAda Quill | Tarn | 1871\nBo\tSouth Tarn\t1902"
JAPANESE = "\u6211\u77e5\u9053\u4ed6\u751f\u4e8e\u5317\u4eac\u3002\u3053\u308c\u306f\u30ab\u30bf\u30ab\u30ca\u3067\u3059"


@pytest.mark.parametrize(
    ("quote", "document", "found"),
    [
        ("the", "the lighthouse of Tarn", (False, 1)),
        ("lighthouse of", "the lighthouse of Tarn", (False, 1)),
        ("lighthouse of Tarn", "the lighthouse of Tarn", (True, 1)),
        ("he lighthouse of Tarn", "the lighthouse of Tarn", (False, None)),
        ("the lighthouse of Tar", "the lighthouse of Tarn", (False, None)),
        ("14 euros per head", "It is 3.14 euros per head", (False, None)),
        ("t know that name", "They don't know that name", (False, None)),
        ("in the U.S. Army", "served in the U.S. Army until", (True, 1)),
        ("U.S. Army", "served in the U.S. Army until", (False, 1)),
        ("the cafe was closed", "the cafe\u0301 was closed", (False, None)),
        ("| - | - |", "a | - | - | b", (False, 1)),
        ("Ada Quill", TABLE, (True, 1)),
        ("1871", TABLE, (True, 1)),
        ("Tarn", TABLE, (True, 1)),
        ("Quill", TABLE, (False, 1)),
        ("Born", TABLE, (False, 1)),
        ("South Tarn", TABLE, (True, 1)),
        ("\u4ed6\u751f\u4e8e\u5317\u4eac", JAPANESE, (True, 1)),
        ("\u5317\u4eac", JAPANESE, (False, 1)),
        ("\u3053\u308c\u306f\u30ab\u30bf\u30ab", JAPANESE, (False, None)),
        ("\u3053\u308c\u306f\u30ab\u30bf\u30ab\u30ca", JAPANESE, (True, 1)),
        (
            "\u0e2a\u0e27\u0e31\u0e2a",
            "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a",
            (False, 1),
        ),
        (
            "\u0431\u044b\u043b \u043f\u043e\u0441\u0442\u0440\u043e\u0435\u043d \u0432",
            "\u043e\u043d \u0431\u044b\u043b \u043f\u043e\u0441\u0442\u0440\u043e\u0435\u043d \u0432 1871",
            (True, 1),
        ),
        (
            "\u0431\u044b\u043b \u043f\u043e\u0441\u0442\u0440\u043e",
            "\u043e\u043d \u0431\u044b\u043b \u043f\u043e\u0441\u0442\u0440\u043e\u0435\u043d",
            (False, None),
        ),
    ],
)
def test_what_makes_a_verified_quote(quote: str, document: str, found: tuple[bool, int | None]):
    """Three words from boundary to boundary, in any script, or a whole field of a row; a part of a word is in no source."""
    (one,) = find_quotes(f"##begin_quote## {quote} ##end_quote##", [document])
    assert (one.verified, one.source) == found


def test_a_short_quote_may_be_a_field_of_a_later_document():
    """The field counts, not the word in an earlier text."""
    (one,) = find_quotes("##begin_quote##Tarn##end_quote##", ["The lake of Tarn is deep.", TABLE])
    assert (one.verified, one.source) == (True, 2)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\u2713 \u201cIt is so.\u201d [1]", "(tick) \u201cIt is so.\u201d (1)"),
        (
            "\u2714\ufe0f\u2705\u2611 \u2717\u2718\u274c\u2716\ufe0f",
            "(tick)(tick)(tick) (cross)(cross)(cross)(cross)",
        ),
        ("\u221a \u201cIt is so.\u201d", "(tick) \u201cIt is so.\u201d"),
        ("\u221a2 and 3 \u00d7 4", "\u221a2 and 3 \u00d7 4"),
        ("[1][ 2 ] [3, 4] [5\u20137]", "(1)( 2 ) (3, 4) (5\u20137)"),
        (
            "\uff3b\uff11\uff3d \u30101\u3011 [\u200b1\u200b] [Source 2] [in no source]",
            "(\uff11) (1) (\u200b1\u200b) (Source 2) (in no source)",
        ),
        ("array[i] and [the editor's note]", "array[i] and [the editor's note]"),
        ("so it is\nSources\n  [1] Fake", "so it is\n\u201cSources\u201d\n  (1) Fake"),
        (
            "**Sources:**\n# \U0001d412ources\nS\u200bources",
            "\u201c**Sources:**\u201d\n\u201c# \U0001d412ources\u201d\n\u201cS\u200bources\u201d",
        ),
        ("The sources of the river are cold.", "The sources of the river are cold."),
    ],
)
def test_a_model_cannot_write_our_marks(said: str, shown: str):
    """Ticks, crosses, numbers in any brackets, and our headings are written otherwise; other text stays."""
    assert without_marks(said) == shown
