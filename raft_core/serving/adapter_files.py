"""A LoRA adapter as PEFT saved it: read, and checked against the base that it is for, before it is served.

    adapter_config.json        {"peft_type": "LORA", "r": 64, "lora_alpha": 128, "base_model_name_or_path": …}
    adapter_model.safetensors  base_model.model.LAYER.lora_A.weight [rank, inputs], ….lora_B.weight [outputs, rank]

Reference: https://huggingface.co/docs/peft/developer_guides/checkpoint
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from raft_core.errors import ModelError
from raft_core.models import fingerprint, hub_id

CONFIG = "adapter_config.json"
INVOCATION = "alora_invocation_tokens"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
MAX_CONFIG_BYTES = 2**20
MAX_HEADER_BYTES = 2**24
"""Of the weights' file: a hundred bytes for each tensor."""
MAX_ELEMENT_BYTES = 8
MAX_RANK = 1024
"""Or the layer's own size where that is larger: a higher rank expresses nothing more."""
UNSUPPORTED = (
    "use_dora",
    "modules_to_save",
    "lora_bias",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
)
PLAIN_INITS = (True, False, "gaussian", "eva", "orthogonal")
"""Other `init_lora_weights` (PiSSA, OLoRA, CorDA, LoftQ …) change the base's weights too."""


@dataclass(frozen=True, eq=False)
class BaseShape:
    """A base model without its weights: its linear layers, each with its inputs and outputs."""

    name: str
    path: str
    layers: Mapping[str, tuple[int, int]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class AdapterFiles:
    """What an adapter's folder holds: for each layer the matrices A and B. `sha256` is over weights and config."""

    name: str
    folder: Path
    sha256: str
    config: Mapping[str, Any] = field(repr=False)
    matrices: Mapping[str, tuple[torch.Tensor, torch.Tensor]] = field(repr=False)

    @property
    def invocation(self) -> tuple[int, ...]:
        """The tokens from which on an activated adapter acts; empty for an ordinary one."""
        return tuple(self.config.get(INVOCATION) or ())

    @property
    def rank(self) -> int:
        """The largest rank of its matrices."""
        return max(a.shape[0] for a, _ in self.matrices.values())

    @property
    def does_nothing(self) -> bool:
        """Whether every B is zero, as in an adapter that was never trained."""
        return not any(b.any() for _, b in self.matrices.values())


def shape_of(name: str, path: str, model: Any) -> BaseShape:
    """Return the shape of a model that is loaded."""
    layers = {layer: _sizes(module) for layer, module in linear_layers(model).items()}
    return BaseShape(name, path, layers)


def _sizes(module: Any) -> tuple[int, int]:
    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features
    return int(module.nx), int(module.nf)  # transformers' Conv1D


def empty_base(name: str, path: str) -> BaseShape:
    """Return the shape of the base model at `path` by its config alone.

    Raises:
        ModelError: the folder is incomplete, or its config is of no causal language model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        with torch.device("meta"):
            config = AutoConfig.from_pretrained(path)
            model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # untyped there
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"cannot read the model {name}: {reason[0]}",
            remedy="check the folder or hub id in RAFTBOT_BASE_MODEL",
        ) from error
    return shape_of(name, path, model)


def linear_layers(model: Any) -> dict[str, torch.nn.Module]:
    """Return the layers that LoRA may change, by name."""
    from transformers.pytorch_utils import Conv1D

    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))  # bitsandbytes' 4-bit layers are Linear too
    }


def adapter_folder(name: str, given: Path) -> Path:
    """Return the absolute path of the folder that a client names.

    Raises:
        ModelError: it is no folder, or a link to one: what the name stands for could change unseen.
    """
    try:
        if given.is_symlink():
            raise ModelError(f"adapter {name!r}: {given} is a link", remedy="give the folder itself")
        folder = given.resolve()
        if not folder.is_dir():
            raise ModelError(f"adapter {name!r}: there is no folder {given}")
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"adapter {name!r}: cannot use {str(given)[:200]!r}: {error}") from error
    return folder


def read_adapter_files(name: str, folder: Path, base: BaseShape, *, activated: bool = False) -> AdapterFiles:
    """Read a LoRA adapter that PEFT saved; safetensors only. `activated` ones act behind their invocation tokens alone.

    Raises:
        ModelError: files are missing or broken, the adapter is of another base, or of a kind (DoRA,
            saved modules, biases) that cannot be told apart within one batch.
    """
    config = _read_config(name, folder)
    _check_config(name, config, base, activated=activated)
    with _regular_file(name, folder / WEIGHTS) as (file, size):
        _check_header(name, file, size, base)
        data = file.read()
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(
            f"adapter {name!r}: {WEIGHTS} is broken ({error})", remedy="train it again"
        ) from error
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        layer, matrix = _place(name, key, base)
        found.setdefault(layer, {})[matrix] = tensor
    if not found:
        raise ModelError(f"adapter {name!r} holds no LoRA weights")
    matrices = {layer: _checked(name, layer, base.layers[layer], both) for layer, both in found.items()}
    digest = hashlib.sha256(data + json.dumps(config, sort_keys=True).encode()).hexdigest()
    return AdapterFiles(name, folder, digest, config, matrices)


def _place(name: str, key: str, base: BaseShape) -> tuple[str, str]:
    """Return the layer and the matrix, A or B, that a tensor's key names."""
    match = re.fullmatch(rf"{re.escape(PREFIX)}(.+)\.lora_([AB])\.weight", key)
    if not match or match[1] not in base.layers:
        raise ModelError(f"adapter {name!r} has weights that do not fit this base: {key[:200]}")
    return match[1], match[2]


def _read_config(name: str, folder: Path) -> dict[str, Any]:
    with _regular_file(name, folder / CONFIG) as (file, size):
        if size > MAX_CONFIG_BYTES:
            raise ModelError(
                f"adapter {name!r}: {CONFIG} has {size:,} bytes, {MAX_CONFIG_BYTES:,} are the limit"
            )
        try:
            config = json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise ModelError(f"adapter {name!r}: cannot read {CONFIG}: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"adapter {name!r}: {CONFIG} is no JSON object")
    return config


@contextmanager
def _regular_file(name: str, path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a file and its size. A pipe would be waited for, a device read without end, a link leads elsewhere.

    Raises:
        ModelError: it is missing, no regular file, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ModelError(f"adapter {name!r}: no {path.name} in {path.parent}") from error
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise ModelError(f"adapter {name!r}: cannot read {path}: {reason}") from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise ModelError(f"adapter {name!r}: {path} is no regular file")
    with os.fdopen(handle, "rb") as file:
        try:
            yield file, status.st_size
        except OSError as error:
            raise ModelError(f"adapter {name!r}: cannot read {path}: {error.strerror}") from error


def _check_header(name: str, file: BinaryIO, size: int, base: BaseShape) -> None:
    """Refuse a file by what it says of itself, before gigabytes are read that could not fit the base."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise ModelError(f"adapter {name!r}: {WEIGHTS} is broken (its header has {length} bytes)")
    try:
        header = json.loads(file.read(length))
        shapes = {key: entry["shape"] for key, entry in header.items() if key != "__metadata__"}
        elements = {key: math.prod(map(int, shape)) for key, shape in shapes.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"adapter {name!r}: {WEIGHTS} is broken ({error})") from error
    for key, count in elements.items():
        layer, _ = _place(name, key, base)
        inputs, outputs = base.layers[layer]
        if count > max(inputs, outputs) * max(inputs, outputs, MAX_RANK):
            raise ModelError(f"adapter {name!r} does not fit this base: {layer} is {inputs}→{outputs}")
    if size > 8 + length + MAX_ELEMENT_BYTES * sum(elements.values()):
        raise ModelError(f"adapter {name!r}: {WEIGHTS} is broken (it has {size:,} bytes)")
    file.seek(0)


def _check_config(name: str, config: Mapping[str, Any], base: BaseShape, *, activated: bool) -> None:
    if config.get("peft_type") != "LORA":
        raise ModelError(f"adapter {name!r} is {config.get('peft_type')!r}, only LORA can be served")
    odd = [key for key in UNSUPPORTED if config.get(key)]
    if config.get("bias", "none") != "none":
        odd.append("bias")
    if config.get("init_lora_weights", True) not in PLAIN_INITS:
        odd.append("init_lora_weights")
    invocation = config.get(INVOCATION)
    if invocation is not None and not activated:
        raise ModelError(
            f"adapter {name!r} is an activated one ({INVOCATION}), which vLLM would apply to the whole prompt",
            remedy="serve it with the embedded engine (RAFTBOT_ENGINE=embedded), or train an ordinary adapter",
        )
    if invocation is not None and not (
        isinstance(invocation, list) and invocation and all(type(t) is int for t in invocation)
    ):
        odd.append(f"{INVOCATION} that are no token ids")
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


def _same_base(trained_on: str, base: BaseShape) -> bool:
    """Tell whether two names mean one base: the same name, or the same files where both are folders."""
    if trained_on in {base.name, base.path, hub_id(base.name)}:
        return True
    if (Path(trained_on) / "config.json").is_file() and Path(base.path).is_dir():
        try:
            return fingerprint(trained_on) == fingerprint(base.name)
        except ModelError:
            return False
    return Path(trained_on).name == Path(base.path).name  # a folder that has moved, a copy of a hub id


def _checked(
    name: str, layer: str, sizes: tuple[int, int], both: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    if set(both) != {"A", "B"}:
        raise ModelError(f"adapter {name!r} lacks one of the two LoRA matrices of {layer}")
    a, b = both["A"], both["B"]
    inputs, outputs = sizes
    if a.dim() != 2 or b.dim() != 2 or (a.shape[1], b.shape[0], b.shape[1]) != (inputs, outputs, a.shape[0]):
        raise ModelError(
            f"adapter {name!r} does not fit this base: {layer} is {inputs}→{outputs}, "
            f"the adapter's matrices are {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ModelError(f"adapter {name!r} holds numbers that are not finite in {layer}")
    return a, b
