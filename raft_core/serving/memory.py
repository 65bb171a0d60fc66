"""How much memory serving takes, in MB of a million bytes."""

from __future__ import annotations

import resource
import sys

import psutil  # type: ignore[import-untyped]  # it ships no types


def peak_mb() -> float:
    """Return the most memory that this process ever held; the unit of ru_maxrss is the system's."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def held_mb(pid: int) -> float | None:
    """Return what a process and all that it started hold of the main memory now; None where it has ended."""
    try:
        process = psutil.Process(pid)
        tree = (process, *process.children(recursive=True))
        held: int = sum(each.memory_info().rss for each in tree)
        return round(held / 1e6, 1)
    except psutil.Error:
        return None
