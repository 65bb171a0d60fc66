"""How models are computed here: in which numbers, and with an allocator that keeps its memory."""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

CPU_INFO = Path("/proc/cpuinfo")
_BF16_FLAGS = ("amx_bf16", "avx512_bf16", "bf16")
"""What the kernel calls processors that multiply bfloat16; the last is ARM's."""

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
"""The parameters of `mallopt` in glibc's malloc.h."""
_NEVER = 2**31 - 1
_TOP_PAD = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Precision:
    """The type that a model's weights and activations are computed in, and why."""

    name: Literal["bfloat16", "float32"]
    reason: str


def cpu_precision(cpu_info: Path = CPU_INFO) -> Precision:
    """Return bfloat16 for a processor that multiplies it, float32 elsewhere. Imports no torch.

    A processor without such instructions converts every number to float32 and back, which is slower than float32.
    """
    try:
        text = cpu_info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Precision(
            "float32", f"this system has no {cpu_info} to read the processor's instructions from"
        )
    flags = {
        flag for line in text.splitlines() if line.startswith(("flags", "Features")) for flag in line.split()
    }
    found = next((flag for flag in _BF16_FLAGS if flag in flags), None)
    if found is None:
        return Precision("float32", "this processor has no bfloat16 instructions (avx512_bf16, amx_bf16)")
    return Precision("bfloat16", f"this processor computes in it ({found})")


def precision() -> Precision:
    """Return what models are computed in here: on the GPU where torch finds one, else on the processor."""
    import torch

    if not torch.cuda.is_available():
        return cpu_precision()
    name = torch.cuda.get_device_name()
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision("bfloat16", f"the GPU computes in it ({name})")
    return Precision("float32", f"the GPU has no bfloat16 instructions ({name})")


def compute_dtype() -> torch.dtype:
    """Return `precision()` as torch's type."""
    import torch

    return torch.bfloat16 if precision().name == "bfloat16" else torch.float32


def keep_memory() -> bool:
    """Have this process keep the memory that it frees; return False where its allocator is not glibc's.

    glibc maps large blocks afresh each time and gives them back at once, so that every forward pass pays for its
    memory in page faults: 62 % of the processor time of the embedded engine with SmolLM2-135M. Call it before
    threads are started: one arena for all of them, as others cannot hold blocks beyond 64 MB.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_TOP_PAD, _TOP_PAD)
    return bool(mallopt(_M_MMAP_THRESHOLD, _NEVER) and mallopt(_M_TRIM_THRESHOLD, _NEVER))
