"""`make bench`: every benchmark as a ratio against what a user would pick instead, in one run.

Each module has `measure() -> dict[str, float | str]`; the targets are the design's. Nothing is
asserted: a ratio on a busy machine says so by its neighbours.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

MODULES = (
    "start_up",
    "generation",
    "ingestion",
    "mixed_batch",
    "jobs",
    "scoring",
    "evaluation",
    "discord",
    "vllm",
)


def main() -> None:
    """Run the benchmarks named on the command line, or all, and write out/bench.json."""
    results = {}
    for name in sys.argv[1:] or MODULES:
        print(f"{name} …", file=sys.stderr)
        results[name] = importlib.import_module(f"benchmarks.{name}").measure()
        for key, value in results[name].items():
            print(f"  {key:<58} {value:>10.3f}" if isinstance(value, float) else f"  {key:<58} {value!s:>10}")
    path = Path("out/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written: {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
