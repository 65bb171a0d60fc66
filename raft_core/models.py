"""Base models by name: the embedded pocket, a Hugging Face folder, or a hub id."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from raft_core.errors import ModelError
from raft_core.files import content_hash
from raft_core.settings import POCKET

_BLOCK = 1 << 16
_BLOCKS = 256
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def resolve_base(name: str) -> str:
    """Return what `from_pretrained` takes for a base model: a checked folder, or a hub id as it is.

    Raises:
        ModelError: a folder that lacks its config, weights or tokenizer; names what is missing.
    """
    if name == POCKET:
        return str(_check(Path(str(files("raft_core.pocket") / "model"))))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(_check(folder))
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"no model folder {name}", remedy="give a Hugging Face folder, a hub id, or pocket")
    return name


def fingerprint(name: str) -> str:
    """Return a hash that changes when a base model's folder does, its card aside; a hub id stands for itself."""
    resolved = Path(resolve_base(name))
    if not resolved.is_dir():
        return content_hash(name)
    stamps = [
        (path.name, path.stat().st_size)
        for path in sorted(resolved.iterdir())
        if path.is_file() and path.suffix != ".md"
    ]
    config = (resolved / "config.json").read_text(encoding="utf-8")
    return content_hash(stamps, config)


def weights_hash(name: str) -> str:
    """Return a hash over the bytes of a base model's folder, its card aside; a hub id stands for itself.

    Of a large file 256 blocks are read, evenly spread: other weights differ in all of them.
    """
    resolved = Path(resolve_base(name))
    if not resolved.is_dir():
        return content_hash(name)
    digest = hashlib.sha256()
    for path in sorted(resolved.iterdir()):
        if path.is_file() and path.suffix != ".md":
            size = path.stat().st_size
            digest.update(f"{path.name} {size}\n".encode())
            with path.open("rb") as file:
                for offset in range(0, size, max(_BLOCK, size // _BLOCKS)):
                    file.seek(offset)
                    digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def _check(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json", remedy="give a folder saved by save_pretrained")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has no .safetensors weights", remedy="save the model as safetensors first"
        )
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            f"{folder} has no tokenizer", remedy="save the model's tokenizer into the same folder"
        )
    return folder
