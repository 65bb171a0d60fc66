"""LoRA adapters made on the spot by PEFT, with random weights that change what a tiny model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def make_adapter(
    folder: Path, base: Path, *, seed: int, rank: int = 4, scale: float = 0.5, **options: Any
) -> Path:
    """Save an adapter on all linear layers with random A and B; `options` go to LoraConfig."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM", **options
    )
    tuned = get_peft_model(model, config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=random) * scale)
    tuned.save_pretrained(folder)
    return folder
