"""What runs, and how to begin → embeds."""

from __future__ import annotations

import discord

from bot.health import Holds, Seen
from bot.replies.colours import AMBER, BLUE, GREEN
from bot.replies.text import count

UP, DOWN = "🟢 up", "🔴 down"
STEPS = (
    (
        "1 · Drop documents",
        "`/docs add`, or the context menu **Add to knowledge base** on a message with files",
    ),
    ("2 · Ask", "`/ask` · `/compare` · mention me, or reply to me"),
    ("3 · Teach", "`/pipeline`, or step by step: `/raft build` → `/raft preview` → `/train start`"),
    ("4 · See whether it learnt", "`/eval run` → `/eval summary` · `/eval history`"),
    ("Manage", "`/docs list` · `/models list` · `/jobs list` · `/status` · `/settings`"),
)


def help_embed() -> discord.Embed:
    """Return what the bot does, in the order in which it is done."""
    embed = discord.Embed(
        title="raftbot",
        description="I read this community's documents, answer from them, and learn them by RAFT: "
        "you see base and tuned model side by side, with honest scores.",
        colour=BLUE,
    )
    for name, value in STEPS:
        embed.add_field(name=name, value=value, inline=False)
    embed.set_footer(text="I learn from files that were handed over for it, never from chat.")
    return embed


def status_embed(seen: Seen) -> discord.Embed:
    """Return what is up and what the server has."""
    holds = seen.holds
    well = seen.chroma and seen.models and holds is not None and holds.workers
    embed = discord.Embed(title="Status", colour=GREEN if well else AMBER)
    embed.add_field(name="Document store", value=UP if seen.chroma else DOWN)
    embed.add_field(name="Model server", value=UP if seen.models else DOWN)
    embed.add_field(name="Database", value=UP if holds is not None else DOWN)
    if holds is not None:
        workers = f"🟢 {count(holds.workers, 'worker')}" if holds.workers else DOWN
        embed.add_field(name="Workers", value=workers)
        embed.add_field(name="This server has", value=_has(holds), inline=False)
        jobs = ", ".join(f"{number} {state}" for state, number in sorted(holds.jobs.items())) or "none yet"
        embed.add_field(name="Jobs", value=jobs, inline=False)
    embed.add_field(name="Disk", value=f"{seen.free_bytes / 1e9:.1f} GB free", inline=False)
    if not well:
        embed.set_footer(text="What is down may come back by itself; if not, tell whoever runs this bot.")
    return embed


def _has(holds: Holds) -> str:
    return " · ".join(
        [
            count(holds.documents, "document"),
            count(holds.datasets, "data set"),
            count(holds.adapters, "adapter"),
        ]
    )
