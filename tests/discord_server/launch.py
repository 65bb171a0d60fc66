"""Runs the bot against a local Discord: `python -m tests.discord_server.launch URL [MODULE]`.

discord.py's two addresses are set before the bot starts, so that the bot itself needs no hook for tests.
"""

from __future__ import annotations

import runpy
import sys


def point_to(url: str) -> None:
    """Let discord.py in this process talk to the server at `url`."""
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

    Route.BASE = f"{url}/api/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url.replace("http", "ws", 1) + "/gateway")


if __name__ == "__main__":
    point_to(sys.argv[1])
    module = sys.argv[2] if len(sys.argv) > 2 else "bot"
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
