"""An evaluation's result, as `raftbot eval --json` prints it → embeds and plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import discord

from bot.replies.colours import AMBER, BLUE, GREEN, RED
from bot.replies.text import cut, escape, inline, span, visible
from bot.weekly import WEEKDAYS, Weekly
from raft_core.markup import without_marks
from raft_core.records import Quote
from raft_core.registry.evaluations import Change

Json = Mapping[str, Any]

SHOWN = 6
"""Tuned models that a summary has room for; the report has all."""
UNTAGGED_PROMPTS = ("rag", "closed")
"""They ask for no answer tag, so that a missing one is no fault."""
PER_PAGE = 8
FIELD = 1024
"""Characters of an embed's field: https://discord.com/developers/docs/resources/message#embed-object-embed-limits"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many questions a tuned model answered better and worse than the base."""

    fixed: int
    broken: int


def worst_first(result: Json) -> list[tuple[int, Json]]:
    """Return an evaluation's differences with their places, what got worse before what got better."""
    return sorted(enumerate(result["differences"]), key=lambda each: (each[1]["f1"], each[0]))


def verdict(difference: Json, n: int) -> str:
    """Say how a tuned model did against the base, and whether that may be chance."""
    name, gain = inline(difference["b"]), difference["f1"]
    interval = f"95 % interval {difference['low']:+.3f} to {difference['high']:+.3f}"
    figures = f"F1 {gain:+.3f} over the same {n} questions ({interval}, {_p(difference)})"
    if difference["significant"]:
        better = "better" if gain > 0 else "worse"
        return f"{'🟢' if gain > 0 else '🔴'} {name} is **{better}** than the base: {figures}. This is significant."
    told = "higher" if gain > 0 else "lower"
    advice = difference.get("needs")
    more = f" To see a gain of 3 points takes about {advice:,} questions." if advice and advice > n else ""
    if not gain:
        return f"🟡 {name} scored the same as the base, **no significant difference**: {figures}.{more}"
    return f"🟡 {name} scored {told}, but that is **not significant**, it may be chance: {figures}.{more}"


def summary_embed(result: Json, counts: Mapping[int, Counts], *, chart: str = "") -> discord.Embed:
    """Return an evaluation's summary; `counts` by the place of the difference, `chart` an attachment's name."""
    differences = worst_first(result)
    lines = [verdict(difference, result["n"]) for _, difference in differences[:SHOWN]]
    if len(differences) > SHOWN:
        lines.append(f"… and {len(differences) - SHOWN} more models in the report.")
    lines += _warnings(result)
    embed = discord.Embed(
        title=f"Evaluation on {cut(escape(result['data']), 100)}: {result['n']} questions",
        description="\n".join(lines) or "One model alone, so there is nothing to compare it with.",
        colour=_colour(result),
    )
    for name in (result["baseline"], *(difference["b"] for _, difference in differences[:SHOWN])):
        role = "Base" if name == "base" else "Tuned" if name != result["baseline"] else "Baseline"
        embed.add_field(name=f"{role} · {cut(escape(name), 60)}", value=score_text(result["models"][name]))
    for place, difference in differences[:SHOWN]:
        if place in counts:
            embed.add_field(
                name=f"Questions · {cut(escape(difference['b']), 60)}",
                value=_counted(counts[place], result["n"]),
            )
    embed.add_field(name="It took", value=_took(result))
    if chart:
        embed.set_image(url=f"attachment://{chart}")
    return embed.set_footer(text=cut(_footer(result), 2048))


def score_text(score: Json) -> str:
    """Return one model's F1 and EM with intervals, and what went wrong how often."""
    lines = [
        f"**F1 {score['f1']:.3f}** ({score['f1_low']:.3f} to {score['f1_high']:.3f})",
        f"EM {score['em']:.3f} ({score['em_low']:.3f} to {score['em_high']:.3f})",
        f"{inline(score['prompt'])} prompt",
        f"{score['truncated']:.1%} cut off",
    ]
    if score["prompt"] in UNTAGGED_PROMPTS:
        lines.append("no answer tag asked for")
    else:
        lines.append(f"{score['untagged']:.1%} without answer tag")
    for prompt, other in score.get("prompts", {}).items():
        if prompt != score["prompt"]:
            lines.append(f"-# under {inline(prompt)}: F1 {other['f1']:.3f}, EM {other['em']:.3f}")
    return cut("\n".join(lines), FIELD)


def change_embed(
    change: Change, names: tuple[str, str], texts: tuple[str, str], page: int, count: int, *, fixed: bool
) -> discord.Embed:
    """Return one question that the tuned model fixed or broke, with both answers and what they quote.

    `texts` are each model's answer as `quotes_text` shows it.
    """
    embed = discord.Embed(
        title="✅ Fixed by training" if fixed else "❌ Broken by training",
        description=f"**{cut(escape(change.question), 1000)}**",
        colour=GREEN if fixed else RED,
    )
    embed.add_field(name="Gold answer", value=inline(cut(change.gold, 500)), inline=False)
    for name, answer, f1, text in zip(
        names, (change.a, change.b), (change.a_f1, change.b_f1), texts, strict=True
    ):
        said = inline(cut(without_marks(visible(answer)), 300)) if answer.strip() else "*nothing*"
        value = cut(f"{said} · F1 {f1:.2f}\n{text}".rstrip(), FIELD)
        embed.add_field(name=cut(escape(name), 100), value=value, inline=False)
    return embed.set_footer(text=f"{page + 1} of {count} · question {cut(change.id, 100)}")


def quotes_text(quotes: Sequence[Quote], checked: bool) -> str:
    """Return what a model quoted from its documents, and whether it stands there where that can be told."""
    if not quotes:
        return "-# quotes nothing"
    lines = []
    for quote in quotes[:2]:
        mark = "" if not checked or quote.source is not None else "✗ *in no source:* "
        mark = "✓ " if checked and quote.verified else mark
        words = without_marks(visible(" ".join(quote.text.split())))
        lines.append(f"> {mark}{cut(escape(words), 300)}")
    return "\n".join(lines)


def history_pages(results: Sequence[Json]) -> list[str]:
    """Return all scores of tuned models, the newest evaluation first, as pages of a list."""
    lines = [
        f"<t:{_unix(result)}:d> {inline(name)} **{score['f1']:.3f}** ({score['f1_low']:.3f} to "
        f"{score['f1_high']:.3f}){_against(result, name)}\n-# {inline(result['id'])} · "
        f"{cut(escape(result['data']), 60)}, n = {result['n']}, seed {result['seed']}"
        for result in results
        for name, score in result["models"].items()
        if name != "base" or len(result["models"]) == 1
    ]
    starts = range(0, len(lines), PER_PAGE)
    return ["\n".join(lines[start : start + PER_PAGE]) for start in starts]


def history_embed(text: str, *, chart: str = "", note: str = "") -> discord.Embed:
    """Return one page of the history; the chart stands below it."""
    embed = discord.Embed(title="F1 over adapters", description=text, colour=BLUE)
    if chart:
        embed.set_image(url=f"attachment://{chart}")
    return embed.set_footer(text=note or "F1 with 95 % intervals; scores on other data do not compare")


def schedule_text(plan: Weekly | None, following: datetime | None) -> str:
    """Say when the weekly evaluation is posted next, and where."""
    if plan is None or following is None:
        return "📅 No weekly evaluation. `/eval schedule` with a weekday begins one."
    under_way = "\nOne is under way." if plan.job else ""
    return (
        f"📅 Every {WEEKDAYS[plan.weekday]} at {plan.hour:02}:00 UTC I evaluate the default adapter on "
        f"{inline(plan.split)} and post the summary in <#{plan.channel}>.\n"
        f"Next: <t:{round(following.timestamp())}:F>, <t:{round(following.timestamp())}:R>{under_way}"
    )


def _p(difference: Json) -> str:
    corrected = difference.get("p_holm")
    if corrected is None or difference.get("comparisons", 1) < 2:
        return f"p = {difference['p']:.4f}"
    return f"p = {corrected:.4f}, corrected for {difference['comparisons']} comparisons"


def _against(result: Json, name: str) -> str:
    found = next((each for each in result["differences"] if each["b"] == name), None)
    if found is None:
        return ""
    word = "significant" if found["significant"] else "not significant"
    return f" · {found['f1']:+.3f} to base, {word}"


def _warnings(result: Json) -> list[str]:
    leaks = result.get("leaks") or {}
    questions = len({leak["id"] for leak in leaks.get("leaks", ())})
    lines = []
    if questions and leaks.get("kept"):
        lines.append(f"⚠️ {questions} questions stand in the training data, and **were asked all the same**.")
    elif questions:
        lines.append(f"-# {questions} questions that stand in the training data were left out.")
    if leaks.get("unknown"):
        lines.append("-# What some of the models learnt is not known here; leaks from it cannot be seen.")
    return lines


def _counted(counts: Counts, n: int) -> str:
    return (
        f"✅ {counts.fixed} fixed\n❌ {counts.broken} broken\n▫️ {n - counts.fixed - counts.broken} the same"
    )


def _took(result: Json) -> str:
    scores = [each for score in result["models"].values() for each in score.get("prompts", {}).values()]
    tokens = sum(score["tokens"] for score in scores)
    return f"{tokens:,} tokens\n{span(result['seconds'])}\n${result['cost_usd']:.4f}"


def _footer(result: Json) -> str:
    parts = [
        result["id"],
        f"n = {result['n']} of {result['available']}",
        f"seed {result['seed']}",
        f"at most {result['max_new_tokens']} new tokens",
        f"data {result['data_hash']}",
    ]
    if result.get("setting", "distractor") != "distractor":
        parts.append(str(result["setting"]))
    return " · ".join(parts)


def _colour(result: Json) -> int:
    differences = result["differences"]
    if not differences:
        return BLUE
    if any(each["significant"] and each["f1"] < 0 for each in differences):
        return RED
    return GREEN if all(each["significant"] for each in differences) else AMBER


def _unix(result: Json) -> int:
    return round(datetime.fromisoformat(result["created_at"]).timestamp())
