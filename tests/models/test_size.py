from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.models import parameters_of


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("smollm2-135m", 134_515_008),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008),
        ("SmolLM2-135M-Instruct", 134_515_008),
        ("Qwen/Qwen2.5-7B-Instruct", 7_000_000_000),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", 1_100_000_000),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 56_000_000_000),
        ("llama-3.2-1b-instruct.Q4_K_M.gguf", 1_000_000_000),
        ("gpt-4o-mini", None),
        ("teacher", None),
        ("v1.0-20b5e", None),
    ],
)
def test_sizes_by_name(name: str, parameters: int | None) -> None:
    """A name that says its size is believed; a version or a date is no size."""
    assert parameters_of(name) == parameters


def test_the_weights_of_a_folder_are_counted(tiny_model: Path, tmp_path: Path) -> None:
    """A folder is what its files hold, whatever it is called; broken files say nothing."""
    import json

    config = json.loads((tiny_model / "config.json").read_text())
    counted = parameters_of(str(tiny_model))
    assert counted is not None and counted >= config["vocab_size"] * config["hidden_size"]
    broken = tmp_path / "some-model"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"\xff" * 64)
    assert parameters_of(str(broken)) is None
