"""Errors → what a member reads: what happened, and what to do about it in Discord rather than in a shell."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from discord import app_commands

from bot.replies.text import cut, escape, inline
from raft_core import errors
from raft_core.errors import RaftError

MESSAGE_LIMIT = 2000
"""Characters of a message's content: https://discord.com/developers/docs/resources/message"""
SOON = "it may be back in a minute: try again, or see `/status`"
ASK_OPERATOR = "if it stays, tell whoever runs this bot"
DIRECT = ("I work in servers only: documents and models belong to a community", "ask me there")

_FOR_SHELLS = re.compile(r"raftbot |RAFTBOT_|--\w|pip install|`chroma run`")
"""Advice for whoever runs the bot, not for a member."""

Told = tuple[str, str]
"""What happened, and what to do."""


def error_text(error: BaseException, error_id: str = "") -> str:
    """Return what happened and what to do, never a raw exception; `error_id` finds it in the log."""
    what, remedy = _told(error)
    begins_with_a_word = what.split(" ", 1)[0].isalpha()  # a file's name stays as it is
    lines = [f"❌ {what[:1].upper()}{what[1:]}" if begins_with_a_word else f"❌ {what}"]
    if remedy:
        lines.append(f"→ {remedy}")
    if error_id:
        lines.append(f"-# error `{error_id}`: whoever runs this bot finds it in its log")
    return cut("\n".join(lines), MESSAGE_LIMIT)


def is_outage(error: BaseException) -> bool:
    """Return whether an error is of a server behind the bot: members are told little, so the log needs it."""
    return isinstance(
        error, (errors.RegistryError, errors.StorageError, errors.StoreError, errors.EndpointError)
    )


def _told(error: BaseException) -> Told:
    for kind, tell in _IN_DISCORD:
        if isinstance(error, kind):
            return tell(error)
    if isinstance(error, RaftError):
        return escape(str(error)), _remedy(error)
    return "something went wrong that should not have", "try again; if it stays, report it"


def _remedy(error: RaftError) -> str:
    # Mentions of roles and time stamps are our own and must stay whole.
    return ASK_OPERATOR if _FOR_SHELLS.search(error.remedy) else error.remedy


def _budget(error: Any) -> Told:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (
        escape(str(error)),
        f"make it smaller, wait until <t:{round(midnight.timestamp())}:R>, or have an admin look at `/settings show`",
    )


def _missing_permission(_: Any) -> Told:
    return "Discord does not let me do this here", "check my permissions in this channel"


_IN_DISCORD: tuple[tuple[type[BaseException], Callable[[Any], Told]], ...] = (
    (errors.UnknownDocument, lambda e: (f"there is no document {inline(e.document_id)} here", "see `/docs list`")),
    (errors.UnknownDataset, lambda e: (f"there is no data set {inline(e.dataset_id)} here", "see `/raft list`")),
    (errors.UnknownModel, lambda e: (f"there is no model {inline(e.name)} here", "see `/models list`")),
    (errors.UnknownJob, lambda e: (f"there is no job {inline(e.job_id)} here", "see `/jobs list`")),
    (errors.QueueFull, lambda e: (f"{e.limit} jobs are waiting already, and more are not taken", "wait until one is done, or stop one with `/jobs cancel`")),
    (errors.OverBudget, _budget),
    (errors.RegistryError, lambda _: ("my database does not answer", f"try again in a minute; {ASK_OPERATOR}")),
    (errors.StorageError, lambda _: ("my disk is full or cannot be written", ASK_OPERATOR)),
    (errors.StoreError, lambda _: ("the document store is down or failed", SOON)),
    (errors.EndpointError, lambda _: ("the model server is down or failed", SOON)),
    (errors.TooFewChunks, lambda e: (f"{e.chunks} passages are too few: a row needs its own and {e.distractors} distractors", "add documents with `/docs add`, or ask for fewer distractors")),
    (app_commands.NoPrivateMessage, lambda _: DIRECT),
    (app_commands.CommandSignatureMismatch, lambda _: ("this command has changed since Discord was told", "wait a moment and try again")),
    (app_commands.CommandNotFound, lambda _: ("this command is no longer there", "see `/help`")),
    (app_commands.TransformerError, lambda _: ("one of the options makes no sense", "choose from what is offered")),
    (discord.Forbidden, _missing_permission),
    (discord.DiscordServerError, lambda _: ("Discord has trouble at the moment", "try again in a minute")),
)  # fmt: skip
