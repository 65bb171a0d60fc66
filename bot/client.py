"""The connection to Discord: which events we want, which cogs answer, and what commands Discord knows of us."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

import bot.cogs
from bot.asking import Asking
from bot.delivery import Delivery
from bot.errors import CannotHere, handle, tell
from bot.livecards import Cards
from bot.replies.errors import error_text
from bot.services import Services
from bot.views.confirm import ended_text
from bot.views.standing import button_of, walk
from raft_core.files import content_hash, read_json, write_json

log = logging.getLogger(__name__)

Interaction = discord.Interaction["RaftBot"]

FROM_MESSAGES = (discord.InteractionType.component, discord.InteractionType.modal_submit)
UNANSWERED_S = 2.4
"""A click that is not answered by then will be too late for Discord, which waits for three seconds."""
SYNCED = "discord-commands.json"
"""In the home: the hash of the commands that Discord was told last, so that a start need not tell them again."""


class Tree(app_commands.CommandTree["RaftBot"]):
    """The slash commands and context menus, all of them with one handler of errors."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        """Tell the member what went wrong."""
        await handle(interaction, error)

    async def interaction_check(self, interaction: Interaction) -> bool:
        """Turn away commands in direct messages, where there is no community; but for /help."""
        if interaction.guild_id is not None or (interaction.command and interaction.command.name == "help"):
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            await tell(interaction, error_text(CannotHere()))
        return False


class RaftBot(commands.Bot):
    """raftbot in Discord. Holds nothing that a restart would lose."""

    def __init__(self, services: Services) -> None:
        # No privileged intent: slash commands, buttons and mentions of the bot bring all that is needed.
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            tree_cls=Tree,
            allowed_mentions=discord.AllowedMentions.none(),
            # Documents and models belong to a community: no command is offered in direct messages, but /help.
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
        )
        self.services = services
        self.cards = Cards(self)
        self.asking = Asking(services)
        self.hinted: OrderedDict[int, None] = OrderedDict()
        """Threads in which members were told how to go on."""

    async def setup_hook(self) -> None:
        """Load every cog, and tell Discord the commands where they have changed."""
        Delivery().install()
        self.cards.begin()
        for module in iter_modules(bot.cogs.__path__):
            await import_module(f"bot.cogs.{module.name}").setup(self)
        await self._sync()

    async def on_connect(self) -> None:
        """Say so on stdout, from where members are answered: `raftbot up` waits for it."""
        log.info("connected as %s to %d servers", self.user, len(self.guilds))
        print("ready", flush=True)  # noqa: T201  # the sign to the supervisor

    async def on_ready(self) -> None:
        """Go on with the cards, once no further guild has arrived for two seconds."""
        await self.cards.recover()

    async def close(self) -> None:
        """Stop following jobs, and leave Discord."""
        await self.cards.close()
        await super().close()

    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer clicks and forms that discord.py finds no view for: a second click, or one after a restart."""
        if interaction.type not in FROM_MESSAGES:
            return
        if interaction.type is discord.InteractionType.component and await self._answer_again(interaction):
            return
        await asyncio.sleep(UNANSWERED_S)
        if not interaction.response.is_done():
            with suppress(discord.InteractionResponded):
                await tell(
                    interaction, "⌛ This is from before I was restarted; please use the command again."
                )

    async def _answer_again(self, interaction: Interaction) -> bool:
        """Answer a click on a button that is gone from its message since; False where there is no such."""
        data: Mapping[str, Any] = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        if said := ended_text(interaction, custom_id):
            await tell(interaction, said)
            return True
        parts = walk(interaction.message.components if interaction.message else ())
        shown = {getattr(part, "custom_id", None) for part in parts}
        button = None if custom_id in shown else button_of(custom_id)
        if button is not None:
            await button.callback(interaction)
        return button is not None

    async def on_command_error(self, _: commands.Context[Any], error: commands.CommandError) -> None:
        """Pass over messages that look like text commands: the only ones are for the bot's owner."""
        if not isinstance(error, (commands.CommandNotFound, commands.CheckFailure)):
            log.error("a text command failed", exc_info=error)

    async def sync(self) -> int:
        """Tell Discord all commands and return how many they are."""
        told = await self.tree.sync()
        write_json(self.services.settings.home / SYNCED, {"hash": self._hash()})
        return len(told)

    async def _sync(self) -> None:
        path = self.services.settings.home / SYNCED
        known = read_json(path).get("hash") if path.is_file() else None
        if known != self._hash():
            log.info("told Discord %d commands", await self.sync())

    def _hash(self) -> str:
        told = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        return content_hash(str(self.application_id), json.dumps(told, sort_keys=True), length=16)
