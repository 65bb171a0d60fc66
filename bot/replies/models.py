"""Models → what Discord shows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import discord

from bot.replies.colours import BLUE
from bot.replies.text import count, cut, escape, inline
from raft_core.records import BASE, AdapterInfo, DatasetInfo

if TYPE_CHECKING:
    from raft_core.registry.evaluations import LatestScore
    from raft_core.training.recipe import Recipe

PER_PAGE = 8
DEFAULT = "⭐"
UNSCORED = "not evaluated yet: `/eval run`"


@dataclass(frozen=True, slots=True)
class Listed:
    """A guild's adapters, the newest first, each model's latest score, and who answers by default."""

    adapters: Sequence[AdapterInfo]
    scores: Mapping[str, LatestScore]
    default: str


@dataclass(frozen=True)
class Taught:
    """The data set that an adapter learnt from; `titles` of the first documents that are still there."""

    dataset: DatasetInfo
    titles: Sequence[str]
    gone: int

    NAMED: ClassVar = 10


@dataclass(frozen=True, slots=True)
class Lineage:
    """An adapter and where it comes from; None for what is not known on this machine."""

    adapter: AdapterInfo
    taught: Taught | None
    score: LatestScore | None
    recipe: Recipe | None
    size_bytes: int


def pages(listed: Listed) -> int:
    """Return how many pages a list needs."""
    return max(-(-len(listed.adapters) // PER_PAGE), 1)


def list_page(listed: Listed, number: int) -> discord.Embed:
    """Return a page of the models, the base at the top of the first; pages count from 0."""
    page = listed.adapters[number * PER_PAGE : (number + 1) * PER_PAGE]
    lines = [_line(info, listed) for info in page]
    if number == 0:
        base = f"{_name(BASE, listed.default)}, as it came\n-# {score_text(listed.scores.get(BASE))}"
        lines.insert(0, base)
    if not listed.adapters:
        lines.append("No adapter yet: train one with `/pipeline`, or `/raft build` and `/train start`.")
    embed = discord.Embed(title="Models", description="\n".join(lines), colour=BLUE)
    return embed.set_footer(text=f"{DEFAULT} answers where no model is named; change it with /models use")


def base_embed(base: str, score: LatestScore | None, *, default: bool) -> discord.Embed:
    """Return what is known of the base model."""
    embed = discord.Embed(title="base", description=f"{inline(short(base))}, as it came", colour=BLUE)
    embed.add_field(name="Latest score", value=score_text(score), inline=False)
    return embed.set_footer(text=f"{DEFAULT} answers by default") if default else embed


def lineage_embed(lineage: Lineage, *, default: bool) -> discord.Embed:
    """Return where an adapter comes from, what it can, and what it took."""
    info = lineage.adapter
    embed = discord.Embed(title=escape(info.id), colour=BLUE)
    embed.description = f"Trained {_day(info.created_at)} on {inline(short(info.base))}"
    embed.add_field(name="Learnt from", value=_taught_text(info, lineage.taught), inline=False)
    embed.add_field(name="Latest score", value=score_text(lineage.score), inline=False)
    embed.add_field(name="Loss", value=f"{info.loss:.3f} in the last epoch")
    left_out = f", {info.left_out:,} too long and left out" if info.left_out else ""
    embed.add_field(name="Rows", value=f"{info.rows:,}{left_out}")
    size = f"rank {info.rank}" + (f", {lineage.size_bytes / 1e6:.1f} MB" if lineage.size_bytes else "")
    embed.add_field(name="Size", value=size)
    took = f"{info.tokens:,} tokens, {info.seconds / 60:.1f} min, ${info.cost_usd:.2f}"
    embed.add_field(name="Cost", value=took)
    if lineage.recipe is not None:
        embed.add_field(name="Recipe", value=_recipe_text(lineage.recipe), inline=False)
    return embed.set_footer(text=f"{DEFAULT} answers by default") if default else embed


def score_text(score: LatestScore | None) -> str:
    """Return a model's latest F1 with its interval, and on what."""
    if score is None:
        return UNSCORED
    interval = f"{100 * score.f1_low:.1f} to {100 * score.f1_high:.1f}"
    data = escape(cut(score.data.rpartition("/")[2], 40))
    return f"F1 **{100 * score.f1:.1f}** (95 %: {interval}) on {score.n:,} questions of {data}"


def short(base: str) -> str:
    """Return a base model's name without the folders that it lies in."""
    return base.rstrip("/").rpartition("/")[2] or base


def _name(model: str, default: str) -> str:
    return f"{DEFAULT if model == default else '▫️'} **{inline(model)}**"


def _line(info: AdapterInfo, listed: Listed) -> str:
    made = f"{inline(info.dataset)} → rank {info.rank} on {inline(short(info.base))} · loss {info.loss:.3f}"
    score = score_text(listed.scores.get(info.id))
    return f"{_name(info.id, listed.default)}, {_day(info.created_at)}\n-# {score}\n-# {made}"


def _taught_text(info: AdapterInfo, taught: Taught | None) -> str:
    if taught is None:
        return f"the data set {inline(info.dataset)}, made elsewhere"
    dataset = taught.dataset
    lines = [
        f"{inline(dataset.id)}: {count(dataset.rows, 'row')} from {count(len(dataset.documents), 'document')}"
    ]
    lines += [f"· {escape(cut(title, 60))}" for title in taught.titles]
    more = len(dataset.documents) - taught.gone - len(taught.titles)
    if more > 0:
        lines.append(f"… and {more:,} more")
    if taught.gone:
        lines.append(f"⚠️ {count(taught.gone, 'document')} of them removed since: it still knows them")
    return cut("\n".join(lines), 1024)


def _recipe_text(recipe: Recipe) -> str:
    return (
        f"{count(recipe.num_train_epochs, 'epoch')}, {recipe.bits} bits, alpha {recipe.lora_alpha:g}, "
        f"learning rate {recipe.learning_rate:g} ({recipe.lr_scheduler_type}), batches of {recipe.per_device_train_batch_size}"
        f"{f' x {recipe.gradient_accumulation_steps}' if recipe.gradient_accumulation_steps > 1 else ''}, seed {recipe.seed}"
    )


def _day(at: str) -> str:
    return f"<t:{round(datetime.fromisoformat(at).timestamp())}:d>"
