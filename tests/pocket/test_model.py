"""Pocket as shipped, and the script that makes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402  # after the skip

from raft_core import prompts  # noqa: E402
from raft_core.models import resolve_base  # noqa: E402
from raft_core.pocket import heldout  # noqa: E402
from raft_core.pocket.curriculum import DOCUMENT_WEIGHT, batches, encode  # noqa: E402
from raft_core.pocket.pretrain import pretrain, rate, read  # noqa: E402
from raft_core.pocket.world import World  # noqa: E402

FOLDER = Path(resolve_base("pocket", Path()))
TOKENIZER = AutoTokenizer.from_pretrained(FOLDER)


def test_package_carries_at_most_8_mb_in_16_bit():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 8_000_000
    assert json.loads((FOLDER / "config.json").read_text())["dtype"] == "bfloat16"


def test_pocket_reads_one_passage_is_confused_by_four_and_new_to_the_game():
    """The shipped weights really read, greedily and exactly, articles of pretraining's kind that no run has made."""
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
    one, four = (read(model, TOKENIZER, passages, 24, split="pretraining", seed=99) for passages in (1, 4))
    assert one >= 0.7
    assert four < one - 0.1
    assert read(model, TOKENIZER, 1, 24) < one - 0.2


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc", "Co", "Cn"))))
def test_any_text_can_be_encoded_and_read_back(text: str):
    """No character is lost: what the vocabulary lacks goes byte by byte."""
    ids = TOKENIZER(text, add_special_tokens=False).input_ids
    assert TOKENIZER.decode(ids, skip_special_tokens=True).replace(" ", "") == text


def test_a_name_reads_the_same_everywhere():
    """At a document's start, in a sentence, in a quote and as an answer a name has the same tokens."""
    name = TOKENIZER("Dozoustai Prelimar", add_special_tokens=False).input_ids
    for text in (
        "<DOCUMENT>{}</DOCUMENT>",
        "so {}, then",
        "##begin_quote## {} is",
        "<ANSWER>: {}",
        "Question: {}?",
    ):
        ids = TOKENIZER(text.format("Dozoustai Prelimar"), add_special_tokens=False).input_ids
        assert any(ids[i : i + len(name)] == name for i in range(len(ids)))


def test_markup_is_one_token_each_and_survives_decoding():
    for tag in ("<DOCUMENT>", "</DOCUMENT>", "##begin_quote##", "##end_quote##", "<ANSWER>:", "##Reason:"):
        ids = TOKENIZER(tag, add_special_tokens=False).input_ids
        assert len(ids) == 1
        assert TOKENIZER.decode(ids, skip_special_tokens=True) == tag


def test_training_rows_are_what_a_server_renders():
    """Each branch of a row, put behind the shared part, is the chat template's own tokens."""
    row = encode(TOKENIZER, World(4, "pretraining"), 2)
    shared = row.branches.count(0)
    for branch in sorted(set(row.branches) - {0}):
        ids = row.ids[:shared] + [i for i, b in zip(row.ids, row.branches, strict=True) if b == branch]
        text = TOKENIZER.decode(ids)
        user, assistant = text.removeprefix("<|user|>").removesuffix("<|end|>").split("<|assistant|>")
        assert user.rstrip()
        answer = [w for w, b in zip(row.weights, row.branches, strict=True) if b == branch and w == 1.0]
        assert len(answer) == len(TOKENIZER(assistant, add_special_tokens=False).input_ids) + 1
    assert set(row.weights) == {0.0, DOCUMENT_WEIGHT, 1.0}


def test_branches_do_not_see_each_other():
    """A branch's logits are those of its dialogue alone: sharing the documents changes nothing."""
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
    batch = next(batches(TOKENIZER, 0, (1, 2), 1500))
    weights = batch.pop("weights")
    with torch.inference_mode():
        logits = model(**batch, use_cache=False).logits[0]
    positions = batch["position_ids"][0]
    starts = (positions[1:] <= positions[:-1]).nonzero().flatten() + 1
    shared = int(positions[starts[0]])
    end = int(starts[1]) if len(starts) > 1 else int((weights[0] != 0).nonzero().max()) + 1
    alone = torch.cat([batch["input_ids"][0, :shared], batch["input_ids"][0, starts[0] : end]])
    with torch.inference_mode():
        expected = model(input_ids=alone[None], use_cache=False).logits[0]
    torch.testing.assert_close(logits[starts[0] : end], expected[shared:], rtol=1e-3, atol=1e-3)


def test_learning_rate_warms_up_and_decays_to_nothing():
    assert rate(0, 1000) == pytest.approx(0.01)
    assert rate(500, 1000) == 1.0
    assert rate(825, 1000) == pytest.approx(0.5)
    assert rate(999, 1000) == pytest.approx(1 / 350)


def test_the_pretraining_script_runs_and_repeats_itself(tmp_path: Path):
    """Two steps twice with one seed: the same weights, and a folder that loads."""
    for name in ("a", "b"):
        pretrain(tmp_path / name, steps=2, tokens=600, seed=3, check_every=100, questions=2)
    first, second = (
        AutoModelForCausalLM.from_pretrained(tmp_path / name).state_dict() for name in ("a", "b")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    shown = prompts.render("raft", "Who?", ["One."])
    assert tokenizer.decode(tokenizer(shown).input_ids).startswith("<DOCUMENT> One.")
    assert heldout.questions(2, 1, 0, "development") != heldout.questions(2, 1, 0, "heldout")
