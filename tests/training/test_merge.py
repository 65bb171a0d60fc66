"""A merged model is a plain folder that answers as base and adapter do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raft_core.errors import ModelError, StorageError
from raft_core.records import AdapterInfo
from raft_core.training.merge import merge
from tests.serving.adapters import make_adapter
from tests.serving.conftest import info
from tests.tiny_model import small_base

PROMPTS = ("Who founded the tower?", "The harbour of Ost was built in", "Given the context information")


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> AdapterInfo:
    """An adapter of the small base that changes its answers."""
    folder = tmp_path_factory.mktemp("adapter")
    make_adapter(folder, small_base(), seed=3, scale=0.05, use_rslora=True)
    return replace(info("raft-1", folder), base=str(small_base()))


def greedy(model: Any, tokenizer: Any) -> list[str]:
    import torch

    said = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=ids.new_ones(ids.shape), max_new_tokens=12, do_sample=False
            )
        said.append(tokenizer.decode(out[0, ids.shape[1] :]))
    return said


def test_it_answers_as_the_adapter_does(adapter: AdapterInfo, tmp_path: Path):
    """Transformers alone loads the folder: 16 bits, the same answers as the adapter's, and not the base's."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = merge(adapter, tmp_path / "merged", tmp_path)
    merged = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    assert {weight.dtype for weight in merged.parameters()} == {torch.bfloat16}
    assert not (out / "adapter_config.json").exists()
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.chat_template
    base = AutoModelForCausalLM.from_pretrained(small_base(), dtype=torch.float32)
    plain = greedy(base, tokenizer)
    tuned = greedy(PeftModel.from_pretrained(base, adapter.path), tokenizer)
    assert greedy(merged.float(), tokenizer) == tuned != plain


def test_what_cannot_be_merged(adapter: AdapterInfo, tiny_model: Path, tmp_path: Path):
    """Another base is named, a folder in use is kept, and nothing half is left behind."""
    with pytest.raises(ModelError, match="cannot be merged"):
        merge(replace(adapter, base=str(tiny_model)), tmp_path / "merged", tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(StorageError, match="not empty"):
        merge(adapter, tmp_path, tmp_path)
