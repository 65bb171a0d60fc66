"""What runs, and how to begin → embeds."""

from __future__ import annotations

import discord

from bot.health import Seen
from bot.replies.colours import AMBER, BLUE, GREEN

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
    well = seen.chroma and seen.models and seen.workers
    embed = discord.Embed(title="Status", colour=GREEN if well else AMBER)
    lamps = (("Document store", seen.chroma), ("Model server", seen.models), ("Worker", bool(seen.workers)))
    for name, up in lamps:
        embed.add_field(name=name, value="🟢 up" if up else "🔴 down")
    has = f"{seen.documents} documents · {seen.datasets} data sets · {seen.adapters} adapters"
    embed.add_field(name="This server has", value=has, inline=False)
    jobs = ", ".join(f"{count} {state}" for state, count in sorted(seen.jobs.items())) or "none yet"
    embed.add_field(name="Jobs", value=jobs, inline=False)
    return embed
