"""A model with something to compute, for what pocket is too small to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raft_core.models import resolve_base
from raft_core.settings import POCKET


def make_larger_model(folder: Path) -> Path:
    """Save a Llama of 88 million random weights (BERT's depth and width) with pocket's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    pocket = resolve_base(POCKET, Path())
    config = LlamaConfig.from_pretrained(pocket)
    config.update({"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12})
    config.update({"num_attention_heads": 12, "num_key_value_heads": 12, "head_dim": 64})
    torch.manual_seed(0)
    make: Any = LlamaForCausalLM
    make(config).to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(pocket).save_pretrained(folder)
    return folder
