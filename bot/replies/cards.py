"""Jobs → what their cards, threads and receipts say."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bot.replies.colours import AMBER, GREEN, GREY, RED
from bot.replies.made import made_by
from bot.replies.text import cut, escape, inline, span
from raft_core.dataset.generators import RULES, canonical
from raft_core.jobs.plans import PLANS
from raft_core.jobs.queue import OVER

if TYPE_CHECKING:
    from bot.settings import Level
    from raft_core.jobs.costs import Estimate
    from raft_core.records import JobInfo
    from raft_core.registry.costs import Spending

Json = Mapping[str, Any]

BAR = 12
"""Characters: what a phone shows in one line beside the percentage."""
FIELD_LIMIT = 1024
DESCRIPTION_LIMIT = 4096
STATE_COLOURS = {"queued": GREY, "running": AMBER, "succeeded": GREEN, "failed": RED, "cancelled": GREY}
STATE_MARKS = {"queued": "🕒", "running": "⏳", "succeeded": "✅", "failed": "❌", "cancelled": "⏹️"}
QUARTERS = (25, 50, 75)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of job is called, who may ask for it, and whether it trains."""

    title: str
    level: Level
    trains: bool = False


KINDS: dict[str, Kind] = {
    "ingest": Kind("Read documents", "contributor"),
    "build": Kind("Build a data set", "trainer"),
    "train": Kind("Train an adapter", "trainer", trains=True),
    "evaluate": Kind("Evaluate models", "trainer"),
    "pipeline": Kind("Build, train and evaluate", "trainer", trains=True),
}
STAGES = {
    "index": "read",
    "plan build": "plan",
    "draft": "write questions and answers",
    "assemble": "check and assemble",
    "train": "train",
    "load": "load the adapter",
    "plan evaluation": "choose questions",
    "answer": "answer",
    "judge": "score",
}
"""What a card calls the stages that it shows; the others are housekeeping."""


@dataclass(frozen=True, slots=True)
class Money:
    """A guild's budget of a day in US dollars, None for no limit, and what of it is spent or asked for."""

    limit: float | None
    spent: float


def trains(kind: str) -> bool:
    """Return whether a kind of job trains an adapter."""
    return kind in KINDS and KINDS[kind].trains


def title_of(kind: str) -> str:
    """Return what a job does, for people."""
    return KINDS[kind].title if kind in KINDS else escape(kind)


def about(kind: str, spec: Json) -> str:
    """Return what is asked of a job, from its spec, in one line."""
    parts = {
        "ingest": _about_ingest,
        "build": _about_build,
        "train": _about_train,
        "evaluate": _about_evaluation,
    }
    if kind == "pipeline":
        return " → ".join([_about_build(spec), _about_recipe(spec["recipe"]), _about_evaluation(spec)])
    return parts[kind](spec) if kind in parts else ""


def _about_ingest(spec: Json) -> str:
    files = len(spec.get("uploads", ())) + bool(spec.get("hotpotqa"))
    title = spec.get("title", "")
    return inline(title) if title else f"{files} file{'s' * (files != 1)}"


def _about_build(spec: Json) -> str:
    build = spec["build"]
    chunks = f"{build['chunks']} chunks" if build["chunks"] else "all chunks"
    questions = f"{build['questions']} question{'s' * (build['questions'] != 1)} each"
    by = "by rule" if canonical(build["generator"]) == RULES else "by a model"
    return f"{chunks}, {questions} {by}, {build['distractors']} distractors, p = {build['p']:g}, seed {build['seed']}"


def _about_train(spec: Json) -> str:
    return f"{inline(spec['dataset'])}, {_about_recipe(spec['recipe'])}"


def _about_recipe(recipe: Json) -> str:
    epochs = f"{recipe['num_train_epochs']} epoch{'s' * (recipe['num_train_epochs'] != 1)}"
    base = str(recipe["base"]).rstrip("/").rpartition("/")[2]
    return f"base {inline(base)}, rank {recipe['r']}, {recipe['bits']} bits, {epochs}"


def _about_evaluation(spec: Json) -> str:
    what = spec["evaluation"]
    count = f"{what['limit']} questions" if what.get("limit") else "all questions"
    models = ", ".join(inline(str(name)) for name in what["models"])
    data = str(what["data"]).rpartition("/")[2]
    return f"{models} on {count} of {inline(data)}, seed {what.get('seed', 0)}"


def confirm_text(
    kind: str, spec: Json, estimate: Estimate, money: Money, waiting: int, note: str = ""
) -> str:
    """Return the question that a costly job is asked with: what it will take, and of what."""
    lines = [f"**{title_of(kind)}**: {about(kind, spec)}"]
    if note:
        lines.append(note)
    lines.append(_estimated(estimate))
    if money.limit is not None:
        left = max(money.limit - money.spent, 0.0)
        lines.append(
            f"Budget of today: ${left:.2f} of ${money.limit:.2f} left, after this about ${max(left - estimate.usd, 0):.2f}"
        )
    if waiting:
        lines.append(f"{waiting} job{'s' * (waiting != 1)} of this server are before it.")
    return "\n".join(lines)


def _estimated(estimate: Estimate) -> str:
    if not estimate.tokens:
        return "It takes no tokens and costs nothing."
    guess = "" if estimate.measured else " (a guess: nothing of the kind was done here yet)"
    return f"It takes about {estimate.tokens:,} tokens, {span(estimate.seconds)}, ${estimate.usd:.2f}{guess}."


def already_text(job: JobInfo) -> str:
    """Return the answer to a member who asks a job for what it is already: cancelled, done, or running."""
    state = OVER.get(job.state) or f"is already {job.state}"
    return f"{STATE_MARKS[job.state]} {inline(job.id)} {state}."


def bar(percent: float) -> str:
    """Return a bar of progress and the percentage."""
    full = min(int(percent / 100 * BAR), BAR)
    return f"`{'█' * full}{'░' * (BAR - full)}` **{int(percent)} %**"


def card_key(job: JobInfo) -> tuple[object, ...]:
    """Return what a card shows, less the estimated end: a card is edited only when this changed."""
    return (job.state, job.stage, job.detail, job.percent, job.place, job.tokens, job.cost_usd, job.reason)


def card_embed(job: JobInfo, spec: Json, done: Sequence[str], curve: str = "") -> discord.Embed:
    """Return a job's card; `done` are the units' names of finished stages, `curve` an attachment's name."""
    embed = discord.Embed(
        title=f"{STATE_MARKS[job.state]} {title_of(job.kind)}",
        description=cut("\n".join([about(job.kind, spec), "", *_progress(job, done)]), DESCRIPTION_LIMIT),
        colour=STATE_COLOURS[job.state],
    )
    if curve:
        embed.set_image(url=f"attachment://{curve}")
    spent = f" · {job.tokens:,} tokens · ${job.cost_usd:.2f} so far" if job.tokens or job.cost_usd else ""
    return embed.set_footer(text=job.id + spent)


def is_card(embed: discord.Embed, job_id: str) -> bool:
    """Return whether an embed is a job's card; its receipt has the same footer, and no bar."""
    return (embed.footer.text or "").startswith(job_id) and "░`" in f"{embed.description}".replace("█`", "░`")


def _progress(job: JobInfo, done: Sequence[str]) -> list[str]:
    lines = [bar(job.percent)]
    if job.state in {"queued", "running"}:
        lines += _under_way(job)
    elif job.reason:
        lines.append(escape(cut(job.reason, 1000)))
    stages = [unit for unit in (stage.unit for stage in PLANS.get(job.kind, ())) if unit in STAGES]
    if len(stages) > 1:
        now = next((unit for unit in stages if unit not in done), "") if job.state == "running" else ""
        marks = {unit: "✅" if unit in done else "▶️" if unit == now else "▫️" for unit in stages}
        lines += ["", *(f"{mark} {STAGES[unit]}" for unit, mark in marks.items())]
    return lines


def _under_way(job: JobInfo) -> list[str]:
    lines = []
    if job.place:
        lines.append(f"Waits in the queue, place {job.place}")
    elif job.state == "queued":
        lines.append("Waits for a worker")
    doing = " · ".join(part for part in (job.stage, job.detail) if part)
    if doing and job.state == "running":
        lines.append(f"{escape(cut(doing, 300))}")
    if job.eta_s is not None:
        lines.append(f"Done <t:{round(time.time() + job.eta_s)}:R>")
    return lines


def finished_stages(units: Sequence[tuple[str, str, str]], kind: str) -> list[str]:
    """Return the names of a job's finished stages in their order; `units` are (id, queue, state)."""
    states: dict[str, list[str]] = {}
    for unit_id, _, state in units:
        states.setdefault(unit_id.split(".")[1], []).append(state)
    order = [stage.unit for stage in PLANS.get(kind, ())]
    begun = [place for place, unit in enumerate(order) if unit.replace(" ", "-") in states]
    last = max(begun, default=-1)
    # A stage without units, since all was there already, is over once a later one has begun.
    return [
        unit
        for place, unit in enumerate(order)
        if place <= last and all(state == "succeeded" for state in states.get(unit.replace(" ", "-"), ()))
    ]


def milestones(job: JobInfo, done: Sequence[str]) -> list[str]:
    """Return what a job's thread tells, in an order that only grows: ends of stages, or quarters of a single one.

    Reading documents has none: its card says all, and a thread for each dropped file would bury the channel.
    """
    if job.kind == "ingest":
        return []
    stages = [unit for unit in (stage.unit for stage in PLANS.get(job.kind, ())) if unit in STAGES]
    if len(stages) == 1:
        reached = [f"{quarter} %" for quarter in QUARTERS if job.percent >= quarter]
        if reached and job.detail:
            reached[-1] += f" · {escape(job.detail)}"
        return reached
    return [f"✅ {STAGES[unit]}" for unit in stages if unit in done]


def receipt_embed(job: JobInfo, spec: Json, spending: Spending, curve: str = "") -> discord.Embed:
    """Return what a job came to: what was made, and what it took."""
    embed = discord.Embed(
        title=f"{STATE_MARKS[job.state]} {title_of(job.kind)}: {_ended(job)}",
        description=cut("\n".join([about(job.kind, spec), *made_by(job)]), DESCRIPTION_LIMIT),
        colour=STATE_COLOURS[job.state],
    )
    took = (job.finished_at or 0.0) - (job.started_at or job.finished_at or 0.0)
    tokens, usd = max(spending.tokens, job.tokens), max(spending.usd, job.cost_usd)
    embed.add_field(name="Time", value=span(max(took, 0.0)))
    if tokens or usd:
        embed.add_field(name="Tokens", value=f"{tokens:,}")
        embed.add_field(name="Cost", value=f"${usd:.4f}")
    if curve:
        embed.set_image(url=f"attachment://{curve}")
    return embed.set_footer(text=job.id)


def _ended(job: JobInfo) -> str:
    return {"succeeded": "done", "failed": "failed", "cancelled": "cancelled"}.get(job.state, job.state)
