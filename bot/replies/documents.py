"""Documents → what Discord shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

import discord

from bot.replies.colours import BLUE, GREY
from bot.replies.text import code_block, count, cut, escape, inline
from raft_core.records import Chunk, DocumentInfo, Hit
from raft_core.registry.documents import LearntFrom, Provenance

PER_PAGE = 10
FIRST_LINES = 900
"""Characters of a document that /docs show begins with: a field has room for 1024."""
PASSAGE = 350
"""Characters of a passage that /docs search shows: ten of them fit into the 6000 of a message's embeds."""
TITLE = 90
NAMED = 10
"""Data sets and adapters that are named; more are counted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one document; `first` is None where the document store cannot be asked."""

    info: DocumentInfo
    provenance: Provenance
    learnt: LearntFrom
    first: Sequence[Chunk] | None


def consent_text(names: Sequence[str], poster: str = "") -> str:
    """Return the question whether models may be trained on files; `poster` mentions who posted them, if another."""
    files = ", ".join(inline(cut(name, 60)) for name in names[:NAMED])
    lines = [f"Everyone here will be able to ask about {files}. **May models be trained on it, too?**"]
    if poster:
        lines.append(f"⚠️ {poster} posted it, not you: say yes only where they agreed.")
    lines.append("-# Say yes only to what is yours to share for that. Who gave consent, and when, is kept.")
    return "\n".join(lines)


def list_page(infos: Sequence[DocumentInfo], number: int) -> discord.Embed:
    """Return a page of all documents, the newest first; pages count from 0."""
    embed = discord.Embed(title=f"Documents ({len(infos):,})", colour=BLUE)
    if not infos:
        embed.description = "None yet: drop some with `/docs add`."
        return embed
    newest = infos[::-1][number * PER_PAGE : (number + 1) * PER_PAGE]
    embed.description = "\n".join(_line(info) for info in newest)
    return embed.set_footer(text="see one with /docs show, ask with /ask")


def pages(count: int) -> int:
    """Return how many pages so many documents need; at least one."""
    return max(-(-count // PER_PAGE), 1)


def _line(info: DocumentInfo) -> str:
    size = f"{count(info.pages, 'page')}, {count(info.chunks, 'chunk')}"
    return (
        f"**{escape(cut(info.title, TITLE))}**\n-# {size} · {_when(info.added_at, 'd')} · {inline(info.id)}"
    )


def document_embed(shown: Shown) -> discord.Embed:
    """Return what is known of a document, and its first lines."""
    info, provenance = shown.info, shown.provenance
    leaving = provenance.status == "removing"
    embed = discord.Embed(title=escape(cut(info.title, TITLE)), colour=GREY if leaving else BLUE)
    embed.description = f"{inline(PurePath(info.source).name)} · {escape(info.media_type)}"
    if leaving:
        embed.description += "\n⚠️ Its removal was cut off: use `/docs remove` again."
    embed.add_field(
        name="Size",
        value=f"{count(info.pages, 'page')}, {count(info.chunks, 'chunk')}, {count(info.tokens, 'token')}",
    )
    embed.add_field(name="Added", value=f"{member(provenance.added_by)}, {_when(info.added_at, 'f')}")
    embed.add_field(
        name="Consent", value="ask and train" if provenance.consent else "only ask: never trained on"
    )
    if info.unread:
        embed.add_field(name="Not read", value=escape(cut(", ".join(info.unread), 1000)), inline=False)
    embed.add_field(name="What learnt from it", value=learnt_text(shown.learnt), inline=False)
    embed.add_field(name="It begins", value=_beginning(shown.first), inline=False)
    return embed.set_footer(text=info.id)


def _beginning(first: Sequence[Chunk] | None) -> str:
    if first is None:
        return "The document store is down, so its text cannot be shown now."
    text = "\n".join(chunk.text for chunk in first).strip()
    return code_block(cut(text, FIRST_LINES)) if text else "nothing"


def learnt_text(learnt: LearntFrom) -> str:
    """Return which data sets and adapters learnt from a document."""
    parts = []
    for noun, ids in (("data set", learnt.datasets), ("adapter", learnt.adapters)):
        if ids:
            more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
            named = ", ".join(inline(each) for each in ids[:NAMED])
            parts.append(f"{count(len(ids), noun)}: {named}{more}")
    return "\n".join(parts) or "nothing yet"


def search_embed(query: str, hits: Sequence[Hit]) -> discord.Embed:
    """Return the passages nearest to a query, with their scores."""
    embed = discord.Embed(title=f"Nearest to: {escape(cut(query, TITLE))}", colour=BLUE)
    if not hits:
        embed.description = "There are no documents yet: drop some with `/docs add`."
    for number, hit in enumerate(hits, 1):
        chunk = hit.chunk
        page = "" if chunk.page is None else f" · page {chunk.page}"
        name = (
            f"{number}. {escape(cut(chunk.title, TITLE))}{page} · chunk {chunk.index + 1} · {hit.score:.2f}"
        )
        embed.add_field(name=name, value=code_block(cut(chunk.text.strip(), PASSAGE)), inline=False)
    return embed


def removal_text(info: DocumentInfo, learnt: LearntFrom) -> str:
    """Return the question before a document is removed."""
    lines = [f"Remove **{escape(cut(info.title, TITLE))}** ({count(info.chunks, 'chunk')}) for good?"]
    if learnt.datasets or learnt.adapters:
        lines += ["What learnt from it stays, is marked, and still knows it:", learnt_text(learnt)]
    return "\n".join(lines)


def removed_text(title: str, chunks: int, learnt: LearntFrom) -> str:
    """Return what was removed, and what still knows it."""
    lines = [f"🗑️ Removed **{escape(cut(title, TITLE))}** ({count(chunks, 'chunk')})."]
    if learnt.datasets or learnt.adapters:
        lines += ["To have it forgotten, build and train anew:", learnt_text(learnt)]
    return "\n".join(lines)


def member(name: str) -> str:
    """Return who did something: a member of Discord, or a user of the shell."""
    return f"<@{name}>" if name.isdigit() else inline(name) if name else "someone"


def _when(at: str, style: str) -> str:
    return f"<t:{round(datetime.fromisoformat(at).timestamp())}:{style}>"
