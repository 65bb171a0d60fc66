"""Data sets and their rows → embeds and files."""

from __future__ import annotations

from datetime import datetime

import discord

from bot.datasets import Exported, Listed, Sample
from bot.replies.colours import BLUE, GREEN, RED
from bot.replies.text import cut, escape, inline, visible
from raft_core.markup import beside_answer, find_quotes, pieces, without_marks
from raft_core.records import DatasetInfo, RaftExample

PER_PAGE = 8
SHOWN = 10
"""Documents of a row that fit on a page; the full row has all."""
ROOM = 3600
"""Characters for the documents of a row: a message's embeds hold 6000."""
QUESTION, ANSWER, SHORT = 600, 1400, 200
REASON = "##Reason:"


def pages(count: int) -> int:
    """Return how many pages so many data sets need; at least one."""
    return max(-(-count // PER_PAGE), 1)


def list_embed(listed: Listed, number: int) -> discord.Embed:
    """Return a page of all data sets, the newest first; pages count from 0."""
    embed = discord.Embed(title=f"Data sets ({len(listed.infos):,})", colour=BLUE)
    if not listed.infos:
        embed.description = "None yet: build one with `/raft build`."
        return embed
    newest = listed.infos[::-1][number * PER_PAGE : (number + 1) * PER_PAGE]
    embed.description = "\n".join(_line(info, listed) for info in newest)
    return embed.set_footer(text="look at one with /raft preview, learn it with /train start")


def _line(info: DatasetInfo, listed: Listed) -> str:
    parent = info.settings.get("derived_from")
    marks = [
        f"{info.rejected:,} rejected",
        f"by {escape(cut(info.generator, 60))}",
        f"${info.cost_usd:.2f}",
        f"<t:{_unix(info.created_at)}:d>",
        *([f"curated from {inline(str(parent))}"] if parent else []),
        *([f"✂️ {listed.dropped[info.id]} dropped"] if info.id in listed.dropped else []),
        *(["⚠️ learnt from removed documents"] if info.id in listed.stale else []),
    ]
    return f"**{inline(info.id)}** {info.rows:,} rows\n-# {' · '.join(marks)}"


def sample_embed(sample: Sample) -> discord.Embed:
    """Return a row: question, answer with its quotes marked, and the documents shown, the oracle marked."""
    row, dropped = sample.row, sample.verdict is not None and not sample.verdict.keep
    quotes = find_quotes(row.cot_answer, [row.oracle_context])
    embed = discord.Embed(
        title=f"{'✂️ ' if dropped else ''}Row {sample.number + 1:,} of {sample.info.rows:,}",
        description=f"**Q: {escape(cut(row.question, QUESTION))}**\n\n{cut(answer_text(row), ANSWER)}",
        colour=RED if dropped else GREEN if sample.verdict else BLUE,
    )
    each = ROOM // max(min(len(row.documents), SHOWN), 1)
    for title, text in list(zip(row.titles or ("",) * len(row.documents), row.documents, strict=True))[
        :SHOWN
    ]:
        oracle = text == row.oracle_context
        name = f"{'🎯 oracle' if oracle else 'distractor'} · {escape(cut(title, 100)) or 'untitled'}"
        around = quotes[0].text if oracle and quotes else ""
        embed.add_field(name=cut(name, 256), value=_excerpt(text, min(each, 1000), around), inline=False)
    if not row.has_oracle:
        embed.add_field(name="🎯 oracle", value="left out of this row on purpose (p < 1)", inline=False)
    return embed.set_footer(text=cut(" · ".join(_footer(sample)), 2048))


def _footer(sample: Sample) -> list[str]:
    shown = len(sample.row.documents)
    footer = [sample.info.id]
    if shown > SHOWN:
        footer.append(f"{SHOWN} of {shown} documents shown: Full row has all")
    if sample.verdict is not None:
        footer.append("kept by a curator" if sample.verdict.keep else "dropped: trainings leave it out")
    if sample.dropped:
        footer.append(f"{sample.dropped} rows dropped")
    return footer


def answer_text(row: RaftExample) -> str:
    """Return a row's answer; what it quotes stands in quote marks, with a mark whether the oracle has it."""
    quotes = iter(find_quotes(row.cot_answer, [row.oracle_context]))
    shown = []
    for piece, is_quote in pieces(beside_answer(row.cot_answer)):
        if not is_quote:
            shown.append(escape(without_marks(" ".join(visible(piece).replace(REASON, "").split()))))
            continue
        quote = next(quotes)
        mark = "✓" if quote.verified else "✗" if quote.source is None else "•"
        shown.append(f"{mark} “*{escape(without_marks(visible(quote.text)))}*”")
    return "\n".join(part for part in [*shown, f"**A: {escape(cut(row.answer, SHORT))}**"] if part)


def _excerpt(text: str, limit: int, around: str) -> str:
    """Return a part of a document, about a passage of it where one is given; what is cut shows it."""
    flat = " ".join(text.split())
    at = flat.find(around) if around else 0
    start = max(min(at - limit // 4, len(flat) - limit), 0)
    part = f"{'…' if start else ''}{flat[start:]}"
    return cut(escape(part), limit) or "(empty)"


def full_row(sample: Sample) -> str:
    """Return everything of a row as a text file."""
    row = sample.row
    parts = [
        f"{sample.info.id}, row {sample.number + 1} of {sample.info.rows} ({row.id})",
        f"QUESTION\n{row.question}",
        f"ANSWER\n{row.cot_answer}",
        *(
            f"{'ORACLE' if text == row.oracle_context else 'DISTRACTOR'}: {title}\n{text}"
            for title, text in zip(row.titles or ("",) * len(row.documents), row.documents, strict=True)
        ),
        *([] if row.has_oracle else [f"ORACLE, left out of this row\n{row.oracle_context}"]),
    ]
    return "\n\n".join(parts) + "\n"


def export_text(exported: Exported, guild: str, form: str, file_type: str) -> str:
    """Return what is said with an exported file, or how to fetch it where it is too large for a message."""
    lines = [f"{inline(exported.info.id)}: **{exported.info.rows:,} rows**, {size(exported.size)}"]
    if exported.dropped:
        lines.append(
            f"✂️ {exported.dropped} rows that curators dropped are in it: a data set never changes. A training leaves "
            "them out and makes a data set of its own, which can be exported, too."
        )
    if exported.data is not None:
        return "\n".join(lines)
    if exported.address.startswith(("https://", "http://")):
        return "\n".join([*lines, f"Too large for a message: [fetch it here](<{exported.address}>)"])
    if exported.address:
        return "\n".join([*lines, f"Too large for a message. It lies at {inline(exported.address)}"])
    command = f"raftbot dataset export {exported.info.id} --guild {guild} --format {form} --type {file_type}"
    told = "Too large for a message, also compressed. Whoever runs this bot gets it with:"
    return "\n".join([*lines, told, f"```\n{command} --out {exported.name}\n```"])


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    if count < 1 << 20:
        return f"{max(count >> 10, 1)} KB"
    return f"{count / (1 << 20):.1f} MB"


def drops_note(dropped: int) -> str:
    """Return what a training is told of dropped rows; empty where there are none."""
    rows = "row" if dropped == 1 else f"{dropped:,} rows"
    return f"✂️ Without the {rows} that curators dropped." if dropped else ""


def _unix(when: str) -> int:
    return round(datetime.fromisoformat(when).timestamp())
