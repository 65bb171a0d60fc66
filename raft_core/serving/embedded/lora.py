"""LoRA adapters for batches in which every row may have its own.

PEFT's mixed batch (`adapter_names=`) gathers and scatters rows by index in each layer. Here rows with
the same adapter stand side by side, so that each adapter works on a slice, in place, and rows of the
base cost nothing. Adapters are read from PEFT's files, safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from raft_core.errors import ModelError
from raft_core.models import fingerprint
from raft_core.serving.embedded.model import BaseModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
UNSUPPORTED = (
    "use_dora",
    "modules_to_save",
    "lora_bias",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
)
PLAIN_INITS = (True, False, "gaussian", "eva", "orthogonal")
"""Other `init_lora_weights` (PiSSA, OLoRA, CorDA, LoftQ …) change the base's weights too."""

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter's weights: for each linear layer A transposed and B transposed times the scaling."""

    name: str
    path: str
    sha256: str
    pairs: dict[str, Pair] = field(repr=False)


def read_adapter(name: str, folder: Path, base: BaseModel) -> Adapter:
    """Read a LoRA adapter that PEFT saved.

    Raises:
        ModelError: files are missing or broken, the adapter is of another base, or of a kind (DoRA,
            saved modules, biases) that cannot be told apart within one batch.
    """
    config, data = _read_files(name, folder)
    _check_config(name, config, base)
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(
            f"adapter {name!r}: {WEIGHTS} is broken ({error})", remedy="train it again"
        ) from error
    layers = _linear_layers(base.model)
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        match = re.fullmatch(rf"{re.escape(PREFIX)}(.+)\.lora_([AB])\.weight", key)
        if not match or match[1] not in layers:
            raise ModelError(f"adapter {name!r} has weights that do not fit this base: {key}")
        found.setdefault(match[1], {})[match[2]] = tensor
    pairs = {layer: _pair(name, layer, layers[layer], both, config, base) for layer, both in found.items()}
    if not pairs:
        raise ModelError(f"adapter {name!r} holds no LoRA weights")
    digest = hashlib.sha256(data + json.dumps(config, sort_keys=True).encode()).hexdigest()
    return Adapter(name, str(folder), digest, pairs)


def _read_files(name: str, folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        data = (folder / WEIGHTS).read_bytes()
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise ModelError(f"adapter {name!r}: no {missing} in {folder}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"adapter {name!r}: cannot read {folder}: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"adapter {name!r}: {CONFIG} is no JSON object")
    return config, data


def _check_config(name: str, config: dict[str, Any], base: BaseModel) -> None:
    if config.get("peft_type") != "LORA":
        raise ModelError(f"adapter {name!r} is {config.get('peft_type')!r}, only LORA can be served")
    odd = [key for key in UNSUPPORTED if config.get(key)]
    if config.get("bias", "none") != "none":
        odd.append("bias")
    if config.get("init_lora_weights", True) not in PLAIN_INITS:
        odd.append("init_lora_weights")
    if odd:
        raise ModelError(
            f"adapter {name!r} uses {', '.join(odd)}, which cannot be served beside other adapters",
            remedy="train a plain LoRA adapter (rsLoRA is fine)",
        )
    trained_on = str(config.get("base_model_name_or_path") or "")
    if trained_on and not _same_base(trained_on, base):
        raise ModelError(
            f"adapter {name!r} was trained on {trained_on}, this server holds {base.name}",
            remedy="serve its own base, or train it on this one",
        )


def _same_base(trained_on: str, base: BaseModel) -> bool:
    """Tell whether two names mean one base: the same name, or the same files where both are folders."""
    if trained_on in {base.name, base.path}:
        return True
    if (Path(trained_on) / "config.json").is_file() and Path(base.path).is_dir():
        try:
            return fingerprint(trained_on) == fingerprint(base.name)
        except ModelError:
            return False
    return Path(trained_on).name == Path(base.path).name  # a folder that has moved, a copy of a hub id


def _linear_layers(model: Any) -> dict[str, torch.nn.Module]:
    from transformers.pytorch_utils import Conv1D

    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))  # bitsandbytes' 4-bit layers are Linear too
    }


def _pair(
    name: str,
    layer: str,
    module: Any,
    both: dict[str, torch.Tensor],
    config: dict[str, Any],
    base: BaseModel,
) -> Pair:
    if set(both) != {"A", "B"}:
        raise ModelError(f"adapter {name!r} lacks one of the two LoRA matrices of {layer}")
    a, b = both["A"], both["B"]
    inputs = getattr(module, "in_features", None) or module.nx
    outputs = getattr(module, "out_features", None) or module.nf
    if a.dim() != 2 or b.dim() != 2 or (a.shape[1], b.shape[0], b.shape[1]) != (inputs, outputs, a.shape[0]):
        raise ModelError(
            f"adapter {name!r} does not fit this base: {layer} is {inputs}→{outputs}, "
            f"the adapter's matrices are {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ModelError(f"adapter {name!r} holds numbers that are not finite in {layer}")
    scaled = b.float() * _scaling(layer, a.shape[0], config)
    weight = module.weight.dtype
    dtype = weight if weight.is_floating_point else base.dtype  # 4-bit weights are packed in bytes
    return a.t().contiguous().to(base.device, dtype), scaled.t().contiguous().to(base.device, dtype)


def _scaling(layer: str, rank: int, config: dict[str, Any]) -> float:
    """Return alpha / r (alpha / √r for rsLoRA) with PEFT's per-layer patterns (`get_pattern_key`)."""
    patterns = config.get("alpha_pattern") or {}
    key = next((key for key in patterns if re.match(rf"(.*\.)?({key})$", layer)), None)
    alpha = patterns[key] if key is not None else config.get("lora_alpha", 8)
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)


@dataclass(frozen=True)
class _Run:
    rows: slice
    pairs: dict[str, Pair]


class LoraRows:
    """Adds each row's own adapter to what the linear layers of a model return.

    The layers' `forward` is replaced rather than hooked: PyTorch's path through hooks costs as much as
    the small matrices do.
    """

    def __init__(self, model: Any) -> None:
        self._runs: list[_Run] = []
        for name, module in _linear_layers(model).items():
            module.forward = self._with_adapters(name, module.forward)

    @contextmanager
    def applied(self, adapters: Sequence[Adapter | None]) -> Iterator[None]:
        """Give row i `adapters[i]` (None: the base) in the forward passes within; equal ones adjoin."""
        start = 0
        for adapter, rows in groupby(adapters):
            stop = start + sum(1 for _ in rows)
            if adapter is not None:
                self._runs.append(_Run(slice(start, stop), adapter.pairs))
            start = stop
        try:
            yield
        finally:
            self._runs.clear()

    def _with_adapters(
        self, layer: str, plain: Callable[[torch.Tensor], torch.Tensor]
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def forward(x: torch.Tensor) -> torch.Tensor:
            output = plain(x)
            for run in self._runs:
                pair = run.pairs.get(layer)
                if pair is not None:
                    a, b = pair
                    output[run.rows].flatten(0, 1).addmm_(x[run.rows].flatten(0, 1) @ a, b)
            return output

        return forward
