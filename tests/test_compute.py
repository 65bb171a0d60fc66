"""What models are computed in, and an allocator that keeps its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from raft_core.compute import cpu_precision


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("processor : 0\nflags\t\t: fpu sse avx512f avx512_bf16 vaes\n", "bfloat16", "avx512_bf16"),
        ("flags : avx512_bf16 amx_bf16 amx_tile\n", "bfloat16", "amx_bf16"),
        ("Features\t: fp asimd bf16 i8mm\n", "bfloat16", "bf16"),
        (
            "model name : avx512_bf16 of words\nflags : fpu avx512f avx2\n",
            "float32",
            "no bfloat16 instructions",
        ),
        ("", "float32", "no bfloat16 instructions"),
    ],
)
def test_bf16_where_the_processor_computes_in_it(tmp_path: Path, text: str, name: str, reason: str):
    """The flags decide, not other lines, and the reason names them."""
    (tmp_path / "cpuinfo").write_text(text)
    found = cpu_precision(tmp_path / "cpuinfo")
    assert found.name == name
    assert reason in found.reason


def test_no_cpuinfo(tmp_path: Path):
    """A system without /proc computes in float32, and says why."""
    found = cpu_precision(tmp_path / "none")
    assert (found.name, "no " in found.reason) == ("float32", True)


_FAULTS = """
import resource, sys, threading
from raft_core.compute import keep_memory
if sys.argv[1] == "keep" and not keep_memory():
    print("not glibc"); sys.exit()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    before = faults()
    for _ in range(20):
        blocks = [bytearray(size << 20) for size in (5, 80)]  # beyond what another arena could hold
        del blocks
    print(faults() - before)
thread = threading.Thread(target=work); thread.start(); thread.join()
"""


def test_freed_memory_is_kept():
    """Twenty times 85 MB, in a thread of its own, cost a tenth of the page faults that they cost without it."""

    def faults(how: str) -> int:
        command = [sys.executable, "-c", _FAULTS, how]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  # our own
        if not said.isdigit():
            pytest.skip(f"the allocator here is {said}")
        return int(said)

    assert faults("keep") < 0.1 * faults("leave")
