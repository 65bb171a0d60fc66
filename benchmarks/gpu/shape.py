"""A model in the shape of Llama-3-8B with random weights, and RAFT-like rows of random tokens.

Speed and memory depend on shapes alone, so that nothing has to be downloaded.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raft_core.training.rows import Row

LLAMA_3_8B: dict[str, Any] = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"},
}
"""https://huggingface.co/meta-llama/Meta-Llama-3-8B/blob/main/config.json"""
TINY: dict[str, Any] = {
    **LLAMA_3_8B,
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
SEED = 0


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows, how long they are in tokens, and how much of a row is its answer."""

    shape: str
    rows: int
    shortest: int
    longest: int
    answer: int


FULL = Size("Llama-3-8B", rows=100, shortest=1000, longest=2400, answer=120)
"""Four chunks of up to 512 tokens, the question, and an answer that quotes and reasons."""
SMALL = Size("tiny", rows=6, shortest=24, longest=48, answer=8)


def make_model(folder: Path, *, tiny: bool) -> Path:
    """Save the model in bfloat16 with some tokenizer, where it is not there yet; return its folder."""
    if (folder / "tokenizer.json").is_file():
        return folder
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = LlamaConfig(**(TINY if tiny else LLAMA_3_8B), bos_token_id=1, eos_token_id=2, pad_token_id=0)
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    _tokenizer(PreTrainedTokenizerFast).save_pretrained(folder)
    return folder


def make_rows(size: Size, vocabulary: int) -> list[Row]:
    """Return rows of random tokens, their lengths evenly spread."""
    drawn = random.Random(SEED)
    lengths = [drawn.randint(size.shortest, size.longest) for _ in range(size.rows)]
    return [
        Row([drawn.randrange(3, vocabulary) for _ in range(length)], length - size.answer)
        for length in lengths
    ]


def _tokenizer(kind: Any) -> Any:
    from tokenizers import Tokenizer, models

    words = {"<pad>": 0, "<bos>": 1, "<end>": 2}
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<end>"}
    return kind(tokenizer_object=Tokenizer(models.WordLevel(words, special["pad_token"])), **special)
