"""A server's settings → what Discord shows of them."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.replies.colours import BLUE
from bot.replies.text import inline
from bot.settings import LEVELS, GuildSettings, Level, Quota

MAY: dict[Level, str] = {
    "contributor": "add documents, ask, and stop their own jobs",
    "curator": "also remove documents and judge rows",
    "trainer": "also build, train, evaluate, choose models, and stop any job",
    "admin": "also change these settings",
}
MOST_QUOTAS = 10
"""Quotas of roles that are shown: a field has room for 1024 characters."""


def settings_embed(settings: GuildSettings, model: str, budget: float | None) -> discord.Embed:
    """Return all settings; `model` answers by default, and `budget` holds for a day in US dollars."""
    embed = discord.Embed(title="Settings", colour=BLUE)
    for level in LEVELS:
        value = f"{roles_text(settings, level)}\n-# {MAY[level]}"
        embed.add_field(name=level.capitalize(), value=value, inline=False)
    embed.add_field(name="A member's day", value=quotas_text(settings), inline=False)
    embed.add_field(name="Cooldown", value=f"{settings.cooldown_s:g} s between questions")
    embed.add_field(name="Largest file", value=f"{settings.max_file_mb:g} MiB")
    embed.add_field(name="Budget of a day", value=budget_text(settings, budget))
    chosen = "chosen" if settings.default_model else "the newest; none was chosen"
    embed.add_field(name="Answers by default", value=f"{inline(model)} ({chosen})")
    channel = f"<#{settings.summary_channel}>" if settings.summary_channel else "wherever it is asked for"
    embed.add_field(name="Summaries go to", value=channel)
    return embed


def roles_text(settings: GuildSettings, level: Level) -> str:
    """Return who has a level by setting; whoever may manage the server has all."""
    roles = settings.roles.get(level, [])
    if roles:
        return " ".join(f"<@&{role}>" for role in roles)
    return "everyone" if level == "contributor" else "who may manage the server"


def quotas_text(settings: GuildSettings) -> str:
    """Return what a member may do in a day, and what roles may."""
    lines = [quota_text(settings.quota)]
    own = list(settings.role_quotas.items())
    lines += [f"<@&{role}>: {quota_text(quota)}" for role, quota in own[:MOST_QUOTAS]]
    if len(own) > MOST_QUOTAS:
        lines.append(f"… and {len(own) - MOST_QUOTAS} more roles")
    return "\n".join(lines)


def quota_text(quota: Quota) -> str:
    """Return a quota in words."""
    return f"{quota.asks} questions, {quota.documents} documents, {quota.jobs} jobs"


def budget_text(settings: GuildSettings, budget: float | None) -> str:
    """Return the budget that holds, and whose it is."""
    if budget is None:
        return "no limit"
    own = settings.daily_budget_usd
    whose = "" if own is not None and own <= budget else "; set by whoever runs this bot"
    return f"${budget:.2f} (UTC){whose}"


def changed_text(names: Sequence[str]) -> str:
    """Return that settings were changed."""
    return f"✅ Changed: {', '.join(names)}. All of them: `/settings show`"
