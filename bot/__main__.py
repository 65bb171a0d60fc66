"""Run the bot: `python -m bot`, or `raftbot bot`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import discord

from bot.client import RaftBot
from bot.services import Services
from raft_core.errors import RaftError, SettingsError
from raft_core.settings import Settings, load_settings

log = logging.getLogger("bot")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def run(settings: Settings, token: str) -> None:
    """Connect to Discord and serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: Discord refuses the token.
        RegistryError: the registry's database cannot be used.
    """
    with Services(settings) as services:
        bot = RaftBot(services)
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(bot.start(token))
        # discord.py's own run() leaves SIGTERM to Python, which ends without closing anything.
        for each in STOP_SIGNALS:
            loop.add_signal_handler(each, serving.cancel)
        try:
            await serving
        except asyncio.CancelledError:
            log.info("stopping")
        except discord.LoginFailure as error:
            raise SettingsError(
                "Discord refuses the bot's token", remedy="set RAFTBOT_DISCORD_TOKEN to a new one"
            ) from error
        finally:
            await bot.close()


def main() -> int:
    """Return the exit code of the bot's process: 0 when it was told to stop, 1 when it cannot run."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for name in ("bot", "raft_core"):
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        settings = load_settings()
        if settings.discord_token is None or not settings.discord_token.get_secret_value():
            raise SettingsError(
                "RAFTBOT_DISCORD_TOKEN is not set",
                remedy="make a bot in Discord's developer portal and set it to the bot's token",
            )
        asyncio.run(run(settings, settings.discord_token.get_secret_value()))
    except RaftError as error:
        log.error("%s%s", error, f" → {error.remedy}" if error.remedy else "")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
