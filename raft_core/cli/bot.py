"""`raftbot bot`: the Discord front."""

from __future__ import annotations

import os
import sys


def bot() -> None:
    """Connect to Discord with RAFTBOT_DISCORD_TOKEN and serve until interrupted; prints `ready`."""
    # A process of its own program: the bot is built on this package, not the other way round.
    os.execv(sys.executable, [sys.executable, "-m", "bot"])  # noqa: S606  # our own package
