"""`@raftbot sync`: for the application's owner alone, as a mention so that nobody else is shown a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord.ext import commands

if TYPE_CHECKING:
    from bot.client import RaftBot


class Owner(commands.Cog):
    """What only whoever runs the bot may do."""

    @commands.command()
    @commands.is_owner()
    async def sync(self, context: commands.Context[RaftBot]) -> None:
        """Tell Discord all commands, also where it was told already."""
        told = await context.bot.sync()
        await context.reply(f"✅ Discord knows {told} commands.")


async def setup(bot: RaftBot) -> None:
    """Add the cog."""
    await bot.add_cog(Owner())
