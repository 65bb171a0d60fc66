"""Which roles have which level: one menu a level, each change kept at once."""

from __future__ import annotations

from typing import Any

import discord

from bot.access import guild_of, require
from bot.settings import LEVELS, GuildSettings, Level, change_role_levels
from bot.views.confirm import OwnView

ROLES_S = 300.0
MOST_ROLES = 25
"""https://discord.com/developers/docs/components/reference#role-select"""


class RoleLevels(OwnView):
    """A menu of roles for each level."""

    def __init__(self, owner: discord.abc.User, settings: GuildSettings) -> None:
        super().__init__(owner, ROLES_S)
        for level in LEVELS:
            self.add_item(_Menu(level, settings.roles.get(level, [])))


class _Menu(discord.ui.RoleSelect[Any]):
    def __init__(self, level: Level, roles: list[int]) -> None:
        super().__init__(
            placeholder=f"{level.capitalize()}: choose roles",
            min_values=0,
            max_values=MOST_ROLES,
            default_values=[discord.Object(role, type=discord.Role) for role in roles[:MOST_ROLES]],
        )
        self._level = level

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the chosen roles, for a member who still is an admin."""
        await interaction.response.defer()
        await require(interaction, "admin")
        services = interaction.client.services
        roles = [role.id for role in self.values]
        await services.look(
            change_role_levels, services.registry.guilds, guild_of(interaction), self._level, roles
        )
        named = " ".join(f"<@&{role}>" for role in roles) or "nobody by role"
        await interaction.followup.send(f"✅ {self._level.capitalize()}: {named}", ephemeral=True)
