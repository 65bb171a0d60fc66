"""Jobs → their list, and the end of their logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot.replies.cards import STATE_MARKS, bar, title_of
from bot.replies.colours import BLUE
from bot.replies.documents import member
from bot.replies.text import code_block, cut, escape, inline, span

if TYPE_CHECKING:
    from raft_core.records import JobInfo

PER_PAGE = 6
TAIL = 1500
"""Characters of a log that are shown beside the file that holds it: a message has room for 2000."""
TAIL_LINES = 20
HIDDEN = "[hidden]"
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_KEYS = re.compile(r"\b(?:sk-|hf_|gsk_|ghp_)[A-Za-z0-9_-]{12,}|(?<=Bearer )\S+")
"""What keys of well-known services look like, in case a library prints one."""


def pages(count: int) -> int:
    """Return how many pages so many jobs need; at least one."""
    return max(-(-count // PER_PAGE), 1)


def list_page(jobs: Sequence[JobInfo], number: int) -> discord.Embed:
    """Return a page of jobs, the newest first; pages count from 0."""
    embed = discord.Embed(title=f"Jobs ({len(jobs)})", colour=BLUE)
    if not jobs:
        embed.description = "None yet: `/docs add`, `/pipeline` and `/eval run` ask for some."
    for job in jobs[number * PER_PAGE : (number + 1) * PER_PAGE]:
        name = f"{STATE_MARKS[job.state]} {title_of(job.kind)} · {job.state}"
        embed.add_field(name=name, value=_about(job), inline=False)
    return embed


def _about(job: JobInfo) -> str:
    lines = [f"{inline(job.id)} · {member(job.requester)} · <t:{round(job.created_at)}:R>"]
    if not job.is_over:
        lines.append(bar(job.percent) + _when(job))
    elif job.reason:
        lines.append(escape(cut(job.reason, 200)))
    took = ""
    if job.started_at and job.finished_at:
        took = f" · {span(job.finished_at - job.started_at)}"
    lines.append(f"-# {job.tokens:,} tokens · ${job.cost_usd:.2f}{took}")
    return "\n".join(lines)


def _when(job: JobInfo) -> str:
    if job.eta_s is not None:
        return f" · {span(job.eta_s)} left"
    return f" · place {job.place} in the queue" if job.place else ""


def log_text(job: JobInfo, log: str) -> str:
    """Return the newest end of a job's log."""
    head = f"{STATE_MARKS[job.state]} {inline(job.id)} · {title_of(job.kind)} · {job.state}"
    tail = log[-TAIL:]
    if len(log) > TAIL:
        tail = tail.partition("\n")[2] or tail
    tail = "\n".join(tail.splitlines()[-TAIL_LINES:])
    if not tail.strip():
        return f"{head}\nIt has written nothing yet."
    return f"{head}, the end of its log:\n{code_block(tail.rstrip())}"


def redact(text: str, secrets: Sequence[str], home: str) -> str:
    """Return a log without secrets, and without where the bot's home is."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _KEYS.sub(HIDDEN, _URL_PASSWORD.sub(HIDDEN, text))
    return text.replace(home, "$RAFTBOT_HOME")
