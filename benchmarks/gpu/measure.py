"""One measurement in a process of its own, so that its memory is its own: seconds, peak memory, MFU."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.shape import Size, make_rows

EPOCHS = 3
RANK = 64
PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0}
"""bfloat16, dense, as the maker says; a card that is not here gets no MFU."""
ANSWERS = 64
NEW_TOKENS = 128


def train(folder: Path, size: Size, *, bits: int, batch: int, checkpointing: bool) -> dict[str, Any]:
    """Train LoRA of rank 64 on all linear layers for three epochs, by the code that `raftbot train` runs."""
    from transformers import AutoConfig

    from raft_core.progress import Progress
    from raft_core.training.base import load_tokenizer
    from raft_core.training.callback import Clock
    from raft_core.training.lora import train_lora
    from raft_core.training.recipe import Recipe

    recipe = Recipe(
        base=str(folder),
        bits=4 if bits == 4 else 16,
        r=RANK,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=batch,
        gradient_checkpointing=checkpointing,
        checkpoint_s=1e9,
    )
    rows = make_rows(size, AutoConfig.from_pretrained(folder).vocab_size)
    steps_began: list[float] = []

    def hear(_: Progress) -> None:
        steps_began.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        clock = Clock(Path(name) / "spent.json")
        curve = train_lora(rows, load_tokenizer(recipe.base), recipe, Path(name), clock=clock, report=hear)
    ended = time.perf_counter()
    tokens = sum(len(row.ids) for row in rows) * EPOCHS
    steps_s = steps_began[-1] - steps_began[0]
    return {
        "tokens": tokens,
        "updates": len(curve),
        "loading_s": round(steps_began[0] - began, 1),
        "steps_s": round(steps_s, 1),
        "total_s": round(ended - began, 1),
        "tokens_per_s": round(tokens / steps_s, 1),
        "mfu": _mfu(folder, 4, tokens / steps_s),
        **_memory(),
    }


def answer(folder: Path, size: Size, *, bits: int) -> dict[str, Any]:
    """Have prompts answered by transformers' continuous batching."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        ContinuousBatchingConfig,
        GenerationConfig,
    )

    from raft_core.training.base import load_model
    from raft_core.training.recipe import Recipe

    if bits == 4:
        model: Any = load_model(Recipe(base=str(folder), bits=4))
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    model.eval()
    weights_gb = model.get_memory_footprint() / 1e9
    rows = make_rows(size, AutoConfig.from_pretrained(folder).vocab_size)
    prompts = [rows[number % len(rows)].ids for number in range(min(ANSWERS, 4 * len(rows)))]
    new = min(NEW_TOKENS, size.answer)
    config = GenerationConfig(max_new_tokens=new, do_sample=False, eos_token_id=-1, pad_token_id=0)
    began = time.perf_counter()
    # A GPU's memory is its own to fill; of a machine's the cache would take all there is.
    cache = None if torch.cuda.is_available() else ContinuousBatchingConfig(num_blocks=8, max_batch_tokens=64)
    found = model.generate_batch(prompts, generation_config=config, continuous_batching_config=cache)
    seconds = time.perf_counter() - began
    said = sum(len(one.generated_tokens) for one in found.values())
    read = sum(len(prompt) for prompt in prompts)
    return {
        "answers": len(found),
        "seconds": round(seconds, 1),
        "new_tokens_per_s": round(said / seconds, 1),
        "tokens_per_s": round((said + read) / seconds, 1),
        "mfu": _mfu(folder, 2, (said + read) / seconds),
        "weights_gb": round(weights_gb, 3),
        **_memory(),
    }


def device() -> str:
    """Return the name of what computes."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"


def _mfu(folder: Path, flops_a_weight: int, tokens_per_s: float) -> float | None:
    """Return the share of the card's peak that the model's own multiplications take.

    A token takes 2 operations a weight to read, and 2 more for the gradient of what flows through; frozen weights need
    none of their own. Attention and what checkpointing computes twice are left out: the share is a lower bound.
    """
    peak = next((value for name, value in PEAK_TFLOPS.items() if name in device()), None)
    if peak is None:
        return None
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    weights = (
        model.num_parameters() - model.get_input_embeddings().weight.numel()
    )  # looked up, not multiplied
    return round(flops_a_weight * weights * tokens_per_s / (peak * 1e12), 3)


def _memory() -> dict[str, float]:
    import torch

    if not torch.cuda.is_available():
        return {}
    return {"peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2)}
