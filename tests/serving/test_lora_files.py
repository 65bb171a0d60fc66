"""Adapters that cannot be served are refused, each with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from raft_core.errors import ModelError
from raft_core.serving.adapter_files import CONFIG, WEIGHTS
from raft_core.serving.embedded.lora import read_adapter
from raft_core.serving.embedded.model import BaseModel, load_base
from raft_core.settings import Settings
from tests.serving.adapters import make_adapter
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> BaseModel:
    return load_base(Settings(base_model=str(tiny_model), precision="float32"))


@pytest.fixture
def folder(adapter_folders: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter_folders[0], tmp_path / "adapter"))


def configure(folder: Path, **values: Any) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def reweigh(folder: Path, change: Any) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)


def test_good_adapter(base, folder):
    """A plain adapter gives a pair of matrices for each of its 14 linear layers."""
    assert len(read_adapter("a", folder, base).pairs) == 14


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"use_dora": True}, "uses use_dora"),
        ({"modules_to_save": ["lm_head"]}, "uses modules_to_save"),
        ({"bias": "all"}, "uses bias"),
        ({"init_lora_weights": "pissa"}, "uses init_lora_weights"),
        ({"peft_type": "IA3"}, "is 'IA3', only LORA"),
        ({"base_model_name_or_path": "meta-llama/Llama-2-7b-chat-hf"}, "was trained on meta-llama"),
    ],
)
def test_config_that_cannot_be_served(base, folder, values, reason):
    """Kinds of adapters that no mixed batch can hold, and other bases, are named."""
    configure(folder, **values)
    with pytest.raises(ModelError, match=reason):
        read_adapter("a", folder, base)


def test_base_in_another_place(base, folder, tmp_path):
    """A copy of the base in another folder is the same base."""
    configure(folder, base_model_name_or_path=str(shutil.copytree(base.path, tmp_path / "copy")))
    assert read_adapter("a", folder, base).pairs


def test_other_shapes(base, tmp_path):
    """An adapter of a base with other shapes says which layer does not fit."""
    other = make_tiny_model(tmp_path / Path(base.path).name)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig.from_pretrained(other)).save_pretrained(other)
    folder = make_adapter(tmp_path / "adapter", other, seed=1)
    configure(folder, base_model_name_or_path="")
    with pytest.raises(ModelError, match=r"does not fit this base: .*mlp\..* is "):
        read_adapter("a", folder, base)


@pytest.mark.parametrize("missing", [CONFIG, WEIGHTS])
def test_missing_file(base, folder, missing):
    """A missing file is named."""
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=f"no {missing}"):
        read_adapter("a", folder, base)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_cut_off_file(base, folder, name):
    """Files that were cut off are refused."""
    (folder / name).write_bytes((folder / name).read_bytes()[:100])
    with pytest.raises(ModelError):
        read_adapter("a", folder, base)


def test_numbers_that_are_not_finite(base, folder):
    """NaN in the weights is refused before it spoils an answer."""
    reweigh(folder, lambda weights: next(iter(weights.values())).fill_(torch.nan))
    with pytest.raises(ModelError, match="not finite"):
        read_adapter("a", folder, base)


def test_half_a_pair(base, folder):
    """A without B is refused."""
    reweigh(folder, lambda weights: weights.pop(next(key for key in weights if "lora_B" in key)))
    with pytest.raises(ModelError, match="lacks one of the two"):
        read_adapter("a", folder, base)


def test_real_dora(base, tmp_path, tiny_model):
    """An adapter that PEFT trained with DoRA is refused."""
    folder = make_adapter(tmp_path / "dora", tiny_model, seed=1, use_dora=True)
    with pytest.raises(ModelError, match="use_dora"):
        read_adapter("a", folder, base)
