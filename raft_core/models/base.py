"""Resolves the name of a base model: the packaged one, another known by name, a folder, a GGUF file, or a hub id."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from raft_core.errors import MissingExtra, ModelError
from raft_core.files import content_hash
from raft_core.models.known import KNOWN, hub_id
from raft_core.models.packaged import (
    GGUF_SHA256,
    INSTALL,
    convert,
    convert_packaged,
    is_converted,
    packaged_file,
)
from raft_core.progress import Progress, Report, silent
from raft_core.settings import DEFAULT_BASE

_BLOCK = 1 << 16
_BLOCKS = 256
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def resolve_base(name: str, home: Path, report: Report = silent) -> str:
    """Return what `from_pretrained` takes for a base model: a checked folder, or a hub id.

    The packaged model is converted into `home` the first time; where its package is absent, its hub id is returned.

    Raises:
        ModelError: a folder lacks its config, weights or tokenizer; or the packaged file is not the expected one.
        StorageError: the home has no space for converted weights.
    """
    if name == DEFAULT_BASE and (is_converted(home) or packaged_file()):
        return str(convert_packaged(home, report))
    if name in KNOWN:
        return hub_id(name)
    path = Path(name).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        stamp = content_hash(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns, length=12)
        return str(convert(path, home / "models" / f"{path.stem}-{stamp}", hub_id=path.stem, report=report))
    if path.is_dir():
        return str(_check(path))
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(
            f"no model folder {name}",
            remedy=f"give a Hugging Face folder, a hub id, or a name that `raftbot models list` shows ({', '.join(KNOWN)})",
        )
    return name


def fetch(name: str, home: Path, report: Report = silent) -> str:
    """Return the folder of a base model, downloading it from the hub where it is not on this machine.

    Raises:
        ModelError: the hub cannot be reached or has no such model; or as `resolve_base`.
        MissingExtra: the hub's client is not installed.
    """
    found = resolve_base(name, home, report)
    if Path(found).is_dir():
        return found
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtra("worker", "huggingface_hub") from error
    report(Progress("download", 0, 0, found))
    try:
        return str(
            snapshot_download(
                found, allow_patterns=["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
            )
        )
    except (OSError, ValueError) as error:  # the hub's own errors derive from these
        raise ModelError(
            f"{found} cannot be downloaded: {' '.join(str(error).split())[:200]}", remedy=_offline()
        ) from error


def _offline() -> str:
    if os.environ.get("HF_HUB_OFFLINE", "") not in {"", "0"}:
        return "unset HF_HUB_OFFLINE to download it, or give a Hugging Face folder"
    return f"check the name and the connection; the packaged model needs none: {INSTALL}"


def describe(name: str, home: Path) -> str:
    """Return where a base model is, in a few words; converts and downloads nothing.

    Raises:
        ModelError: a folder lacks its config, weights or tokenizer.
    """
    if name == DEFAULT_BASE and (is_converted(home) or packaged_file()):
        return "ready" if is_converted(home) else "packaged, converted at first use"
    if is_local(name):
        if Path(name).expanduser().is_dir():
            _check(Path(name).expanduser())
        return "on this machine"
    resolve_base(name, home)
    return "in the hub's cache" if _is_cached(hub_id(name)) else "downloaded at first use"


def _is_cached(repository: str) -> bool:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return False
    try:
        return isinstance(try_to_load_from_cache(repository, "config.json"), str)
    except HFValidationError:
        return False


def is_local(name: str) -> bool:
    """Return whether a base is a folder or a file of this machine."""
    return name not in KNOWN and Path(name).expanduser().exists()


def fingerprint(name: str) -> str:
    """Return a hash that changes when a base model does: over a folder's files, its card aside; over other names."""
    folder = _folder(name)
    if folder is None:
        return _named(name)
    stamps = [
        (path.name, path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix != ".md"
    ]
    config = (folder / "config.json").read_text(encoding="utf-8")
    return content_hash(stamps, config)


def weights_hash(name: str) -> str:
    """Return a hash over the bytes of a base model's folder, its card aside; over other names.

    Of a large file 256 blocks are read, evenly spread: other weights differ in all of them.
    """
    folder = _folder(name)
    if folder is None:
        return _named(name)
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix != ".md":
            size = path.stat().st_size
            digest.update(f"{path.name} {size}\n".encode())
            with path.open("rb") as file:
                for offset in range(0, size, max(_BLOCK, size // _BLOCKS)):
                    file.seek(offset)
                    digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def _folder(name: str) -> Path | None:
    """Return the folder whose files stand for a base; None for a name that stands for itself."""
    path = Path(name).expanduser()
    return _check(path) if name not in KNOWN and path.is_dir() else None


def _named(name: str) -> str:
    """Return the hash of a base by its name; of the packaged one by its file, wherever it was converted."""
    if name == DEFAULT_BASE and packaged_file():
        return GGUF_SHA256[:16]
    path = Path(name).expanduser()
    return content_hash(hub_id(name), path.stat().st_size if path.is_file() else 0)


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
