"""Thoughts in the forms that models write, whole and in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.openai.thoughts import ThoughtSplitter, split_thoughts

T = "Okay. Is it Oslo?\nMaybe Rome?"
A = "##Reason: it is. <ANSWER>: Oslo"

FORMS = {
    "tag": f"<think>{T}</think>{A}",
    "lines": f"<think>\n{T}\n</think>\n\n{A}",
    "closing tag alone": f"{T}\n</think>\n\n{A}",
    "thinking": f"<thinking>{T}</thinking>{A}",
    "upper case": f"<THINK>{T}</THINK>{A}",
    "thought": f"<thought>\n{T}\n</thought>\n{A}",
    "reasoning": f"<reasoning>{T}</reasoning>{A}",
    "reflection": f"<reflection>{T}</reflection>{A}",
    "attributes": f'<think time="3s">{T}</think>{A}',
    "seed": f"<seed:think>{T}</seed:think>{A}",
    "claude": f"<antThinking>{T}</antThinking>{A}",
    "scratch pad": f"<scratchpad>{T}</scratchpad>{A}",
    "square": f"[THINK]{T}[/THINK]\n{A}",
    "square closing alone": f"{T}[/THINK]{A}",
    "tokens": f"<|begin_of_thought|>{T}<|end_of_thought|><|begin_of_solution|>{A}<|end_of_solution|>",
    "solution alone": f"{T}\n<|begin_of_solution|>\n{A}<|end_of_solution|>",
    "command": f"<|START_THINKING|>{T}<|END_THINKING|><|START_RESPONSE|>{A}<|END_RESPONSE|>",
    "bar tags": f"<|think|>{T}<|/think|>{A}",
    "kimi": f"\u25c1think\u25b7{T}\u25c1/think\u25b7{A}",
    "medgemma": f"<unused94>thought\n{T}<unused95>{A}",
    "gemma": f"<|channel>thought\n{T}<channel|>{A}",
    "harmony": f"<|channel|>analysis<|message|>{T}<|end|><|start|>assistant<|channel|>final<|message|>{A}<|return|>",
    "harmony from a prompt": f"analysis<|message|>{T}<|end|><|start|>assistant<|channel|>final<|message|>{A}",
    "harmony without tokens": f"analysis{T}assistantfinal{A}",
    "harmony, commentary": f"<|channel|>commentary<|message|>{T}<|end|><|start|>assistant<|channel|>final<|message|>{A}",
    "granite": f"Here is my thought process:\n{T}\nHere is my response:\n{A}",
    "apriel": f"Here are my reasoning steps:\n{T}\n[BEGIN FINAL RESPONSE]\n{A}\n[END FINAL RESPONSE]",
    "two": f"<think>Okay.</think>\n<think>{T}</think>{A}",
    "nested": f"<think>Okay. <think>{T}</think> Rome? </think>{A}",
    "empty, then closed": f"<think/>{T}</think>{A}",
    "closed twice": f"<think>{T}</think>{A}\n</think>",
    "turn marks": f"<|im_start|>assistant\n<think>{T}</think>{A}<|im_end|>\n<|im_start|>user\nAnd?",
    "header marks": f"<|start_header_id|>assistant<|end_header_id|>\n\n<think>{T}</think>{A}<|eot_id|>",
    "deepseek": f"<think>{T}</think>{A}<\uff5cend\u2581of\u2581sentence\uff5c>",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_thoughts_are_kept_apart(form: str, size: int) -> None:
    """The answer holds no thought and no mark, and the thoughts are there, in pieces of any size."""
    splitter = ThoughtSplitter()
    for start in range(0, len(FORMS[form]), size):
        splitter.feed(FORMS[form][start : start + size])
    text, thoughts = splitter.finish()
    assert text == A
    assert "Maybe Rome?" in thoughts and "<ANSWER>" not in thoughts


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{T}",
        f"<think>\n{T}<|im_end|>",
        f"[THINK]{T}",
        f"<|channel|>analysis<|message|>{T}",
        f"analysis{T}",
        f"Here is my thought process:\n{T}",
        f"{T}</think>",
        "<think>",
    ],
)
def test_thoughts_that_were_cut_off_are_no_answer(text: str) -> None:
    """Where only thoughts came, the answer is empty."""
    assert split_thoughts(text)[0] == ""


@pytest.mark.parametrize(
    "text",
    [
        A,
        "  Oslo \n",
        "I think <b>Oslo</b> is [1] fine, a < b.",
        "The `<think>` tag opens thoughts and `</think>` closes them.",
        "The analysis shows Oslo. My thinking: Rome?",
        "Analysis of the text says Oslo.",
        "",
    ],
)
def test_a_text_without_thoughts_is_left_alone(text: str) -> None:
    """What holds no marks, or speaks of them in quotes, comes back as it is."""
    assert split_thoughts(text) == (text, "")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Oslo</s>", "Oslo"),
        ("Oslo<|eot_id|>", "Oslo"),
        ("Oslo<|im_end|>\n<|im_start|>user\nAnd Rome?", "Oslo"),
        ("Oslo<|endoftext|>Question: what?", "Oslo"),
        ("Oslo<end_of_turn>\n<start_of_turn>user", "Oslo"),
        ("<s> Oslo </s> <STOP>", " Oslo"),
        ("<|begin_of_text|>Oslo", "Oslo"),
        ("<|assistant|>\nOslo<|user|>And?", "Oslo"),
        ("<|begin_of_box|>Oslo<|end_of_box|>", "Oslo"),
        ("<|start|>assistant<|channel|>final<|message|>Oslo<|end|><|start|>user", "Oslo"),
    ],
)
def test_what_is_behind_an_end_token_is_no_answer(text: str, answer: str) -> None:
    """End tokens, turn marks and another turn made up by the model are left out."""
    assert split_thoughts(text) == (answer, "")


@given(st.lists(st.sampled_from(["<think>", "</think>", "a?", "<|channel|>", "<|message|>", "final", "<", "`", "\n", "<|end|>", "[/THINK]"])), st.integers(1, 9))  # fmt: skip
def test_pieces_make_no_difference(parts: list[str], size: int) -> None:
    """However a text is cut into pieces, the answer and the thoughts are the same."""
    text, splitter = "".join(parts), ThoughtSplitter()
    for start in range(0, len(text), size):
        splitter.feed(text[start : start + size])
    assert splitter.finish() == split_thoughts(text)
