"""An adapter merged into its base: a plain 16-bit model folder, for programs that know no adapters.

Merging is computed in float32 and rounded once, in the end. Imports torch.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from raft_core.errors import MissingExtra, ModelError, StorageError
from raft_core.files import translated_os_errors, write_text
from raft_core.models import resolve_base
from raft_core.records import AdapterInfo

CARD = """\
---
library_name: transformers
tags: [raft]
---
# {base} with {adapter} merged in

`{base}` after RAFT on the data set `{dataset}` ({rows} rows): the weights of the LoRA adapter `{adapter}` were added
to the base's in float32 and rounded to {dtype}. The adapter's own card is in `adapter.md`.
"""


def merge(adapter: AdapterInfo, out: Path, home: Path) -> Path:
    """Write the base with an adapter merged in to a new folder that transformers loads; return it. `home` holds converted bases.

    A base of N parameters takes 4 N bytes of memory, whatever it was trained in.

    Raises:
        ModelError: base or adapter cannot be loaded, or the sum is not finite.
        StorageError: the folder is not empty, or the disk is full.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{out} exists and is not empty", remedy="give a new folder")
    temporary = out.with_name(f".{out.name}.{uuid4().hex[:8]}")
    with translated_os_errors(out):
        temporary.mkdir(parents=True)
        try:
            dtype = _write(adapter, temporary, home)
            card = CARD.format(
                base=adapter.base, adapter=adapter.id, dataset=adapter.dataset, rows=adapter.rows, dtype=dtype
            )
            write_text(temporary / "README.md", card)
            if (Path(adapter.path) / "README.md").is_file():
                shutil.copyfile(Path(adapter.path) / "README.md", temporary / "adapter.md")
            if out.exists():
                out.rmdir()
            temporary.rename(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return out


def _write(adapter: AdapterInfo, folder: Path, home: Path) -> str:
    try:
        import torch
        from peft import PeftModel
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise MissingExtra("worker", error.name or "peft") from error
    disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped there
    path = resolve_base(adapter.base, home)
    try:
        base = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, use_safetensors=True)
        merged = PeftModel.from_pretrained(base, adapter.path).merge_and_unload(safe_merge=True)
        dtype = AutoConfig.from_pretrained(path).get_text_config().dtype
        half = torch.float16 if dtype == torch.float16 else torch.bfloat16
        merged.to(half).save_pretrained(folder)
        AutoTokenizer.from_pretrained(path).save_pretrained(folder)
    except (ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"adapter {adapter.id} cannot be merged into {adapter.base}: {reason[0]}",
            remedy="is it the base that the adapter was trained on, and are both whole?",
        ) from error
    return str(half).removeprefix("torch.")
