"""Random Llamas with a real tokenizer and chat template, made on the spot: a tiny one, and a small base for whole jobs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

TEXT = [
    "Context information is below: Given the context information and not prior knowledge, answer the query.",
    "Answer the question from the documents. First quote the sentence that you rely on, then write a short answer.",
    "The quick brown fox jumps over the lazy dog. Query: Question: Answer: 0123456789 documents question",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ '<|assistant|>' + message['content'] + '<|end|>' }}{% else %}{{ '<|user|>' + message['content'] }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def make_tiny_model(folder: Path, *, seed: int = 0, chat_template: bool = True) -> Path:
    """Save a tiny random Llama and its tokenizer in `folder`, as any Hugging Face model folder looks."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=["<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>", bos_token=None
    )
    if chat_template:
        fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def small_base() -> Path:
    """Return a folder with a random Llama that reads long prompts, made once a machine; needs no torch.

    Its tokenizer knows English words, so that prompts have about as many tokens as a real model's.
    """
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"raftbot-tests-{os.getuid()}-{version}" / "small-base"
    if not folder.is_dir():
        partial = folder.with_name(f"partial-{os.getpid()}")
        _write_small_base(partial)
        try:
            partial.rename(folder)
        except OSError:  # another test process was first
            shutil.rmtree(partial)
    return folder


def _write_small_base(folder: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from raft_core.sample import documents_folder

    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=["<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [path.read_text(encoding="utf-8") for path in sorted(documents_folder().glob("*.md"))]
    tokenizer.train_from_iterator(TEXT + texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<|pad|>", "eos_token": "<|end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "chat_template": CHAT_TEMPLATE}))
    hidden, middle, key, vocabulary = (
        128,
        256,
        64,
        tokenizer.get_vocab_size(),
    )  # heads of 32: vLLM takes none below
    shapes = {"model.embed_tokens": (vocabulary, hidden), "model.norm": (hidden,)}
    for layer in range(2):
        place = f"model.layers.{layer}"
        shapes |= {f"{place}.{norm}_layernorm": (hidden,) for norm in ("input", "post_attention")}
        shapes |= {f"{place}.self_attn.{name}_proj": (hidden, hidden) for name in "qo"}
        shapes |= {f"{place}.self_attn.{name}_proj": (key, hidden) for name in "kv"}
        shapes |= {f"{place}.mlp.{name}_proj": (middle, hidden) for name in ("gate", "up")}
        shapes |= {f"{place}.mlp.down_proj": (hidden, middle)}
    random = np.random.default_rng(0)
    weights = {
        f"{name}.weight": np.ones(shape, np.float32)
        if len(shape) == 1
        else random.normal(0, 0.05, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ends = {"pad_token_id": 0, "eos_token_id": 3, "bos_token_id": None}
    sizes = {"hidden_size": hidden, "intermediate_size": middle, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32768}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocabulary}
    config |= {"tie_word_embeddings": True, "dtype": "float32", **ends, **sizes, **heads}
    (folder / "config.json").write_text(json.dumps(config))
