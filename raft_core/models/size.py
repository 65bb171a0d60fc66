"""How many weights a base model has, from what is known without loading it."""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path

from raft_core.models.known import KNOWN

_SIZE = re.compile(
    r"(?<![\w.])(?:(?P<experts>\d{1,2})x)?(?P<number>\d+(?:\.\d+)?)(?P<unit>[BbMm])(?![A-Za-z0-9])"
)
"""The size in a model's name: 7B, 1.7b, 8x7B, 135M."""
_LONGEST_HEADER = 100_000_000


def parameters_of(name: str) -> int | None:
    """Return how many weights a base has: of a name, a hub id, a folder or a GGUF file; None where nothing says it."""
    for base in KNOWN.values():
        if name.lower() in {base.name, base.hub_id.lower(), base.hub_id.rpartition("/")[2].lower()}:
            return base.parameters
    folder = Path(name).expanduser()
    if folder.is_dir() and (counted := _in_folder(folder)):
        return counted
    return _in_name(folder.name)


def _in_name(name: str) -> int | None:
    found = list(_SIZE.finditer(name.replace("_", "-")))
    if not found:
        return None
    last = found[-1]
    each = float(last["number"]) * (1e9 if last["unit"] in "Bb" else 1e6)
    return round(each * int(last["experts"] or 1))


def _in_folder(folder: Path) -> int:
    """Return the weights in a folder's safetensors files, 0 where they cannot be read or are packed into bytes."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length < _LONGEST_HEADER:
                return 0
            try:
                header = json.loads(file.read(length))
                tensors = [tensor for key, tensor in header.items() if key != "__metadata__"]
                if any(tensor["dtype"] in {"U8", "I8", "I32"} for tensor in tensors):
                    return 0
                total += sum(prod(tensor["shape"]) for tensor in tensors)
            except (ValueError, KeyError, TypeError, AttributeError):
                return 0
    return total
