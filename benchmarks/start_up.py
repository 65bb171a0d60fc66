"""How long until the command line and the bot's package are there, in fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 5


def seconds(*command: str) -> float:
    """Return the median time of a command over a few runs, the first one thrown away."""
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own commands
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def measure() -> dict[str, float | str]:
    """Return seconds of `raftbot --help` (target 0.5), of `import bot`, and of a bare interpreter."""
    return {
        "raftbot --help, seconds (at most 0.5)": seconds(
            sys.executable, "-m", "raft_core.cli.main", "--help"
        ),
        "import bot, seconds": seconds(sys.executable, "-c", "import bot"),
        "python -c pass, seconds": seconds(sys.executable, "-c", "pass"),
    }
