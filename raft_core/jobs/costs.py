"""What a job will take, before it is asked for: from what the last ones of its kind took.

Rates come from the receipts of finished work; where there are none yet, from a guess that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from raft_core.dataset.generators import RULES, canonical
from raft_core.errors import OverBudget

if TYPE_CHECKING:
    from raft_core.registry.costs import Spending
    from raft_core.registry.registry import Registry
    from raft_core.settings import Settings

Json = dict[str, Any]

RECENT = 10
"""Works that a rate is the mean of."""
TOKENS_A_ROW = {"build": 2400, "train": 3600, "evaluate": 400}
"""A guess before the first receipt: a chunk is read twice to make a row; a row of four chunks is learnt three
times; an answer quotes and reasons."""
TOKENS_A_SECOND = {"build": 1500.0, "train": 2000.0, "evaluate": 300.0}
QUESTIONS = 200
"""Questions of an evaluation whose spec does not count them."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens, seconds and US dollars that a job will take; `measured` when receipts say so, not a guess."""

    tokens: int
    seconds: float
    usd: float
    measured: bool

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.usd + other.usd,
            self.measured and other.measured,
        )


def estimate(settings: Settings, registry: Registry, guild: str, kind: str, spec: Json) -> Estimate:
    """Return what a job of `kind` will take."""
    if kind == "pipeline":
        rows = _rows(registry, guild, spec["build"])
        parts = [("build", rows), ("train", rows), ("evaluate", _answers(spec, 3))]
    elif kind == "build":
        parts = [("build", _rows(registry, guild, spec["build"]))]
    elif kind == "train":
        parts = [("train", registry.datasets.get(guild, spec["dataset"]).rows)]
    elif kind == "evaluate":
        models = spec["evaluation"]["models"]
        parts = [("evaluate", _answers(spec, len(models) + ("base" in models)))]
    else:
        return Estimate(0, 0.0, 0.0, True)
    total = Estimate(0, 0.0, 0.0, True)
    for part, units in parts:
        free = part == "build" and canonical(spec["build"]["generator"]) == RULES
        total += _part(settings, registry, part, units, free=free)
    return total


def daily_budget(settings: Settings, registry: Registry, guild: str) -> float | None:
    """Return what a guild's jobs may cost in a day: the smaller of the deployment's and the guild's own; None for no limit."""
    own = registry.guilds.settings(guild).get("daily_budget_usd")
    return min((each for each in (settings.daily_budget_usd, own) if each is not None), default=None)


def committed(settings: Settings, registry: Registry, guild: str) -> float:
    """Return the dollars that a guild has spent today (UTC) and those that its unfinished jobs will take."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = registry.costs.spent(guild, midnight.isoformat(timespec="seconds"))
    for job_id, kind, spec in registry.jobs.asked_for(guild):
        rest = estimate(settings, registry, guild, kind, spec).usd - registry.costs.of_job(guild, job_id).usd
        spent += max(rest, 0.0)
    return spent


def check_budget(settings: Settings, registry: Registry, guild: str, estimated: Estimate) -> None:
    """Refuse what would cost more than is left of the guild's budget for today (UTC), its unfinished jobs done.

    Raises:
        OverBudget: it would.
    """
    budget = daily_budget(settings, registry, guild)
    if budget is None:
        return
    spent = committed(settings, registry, guild)
    # Work that costs something is refused once the budget is used up, whatever it is thought to cost.
    if spent + estimated.usd > budget or (spent >= budget and estimated.usd > 0):
        raise OverBudget(estimated.usd, spent, budget)


def _part(settings: Settings, registry: Registry, kind: str, units: int, *, free: bool) -> Estimate:
    if free:
        return Estimate(0, 0.0, 0.0, True)
    receipts = registry.costs.recent(kind, RECENT)
    tokens = round(units * _tokens_a_unit(kind, receipts))
    seconds = tokens / _tokens_a_second(kind, receipts)
    if kind == "build":
        usd = tokens / 1000 * settings.price_per_1k_tokens_usd + 2 * units * settings.price_per_request_usd
    else:
        usd = seconds / 3600 * settings.price_per_gpu_hour_usd
    return Estimate(tokens, round(seconds, 1), round(usd, 6), bool(receipts))


def _tokens_a_unit(kind: str, receipts: list[Spending]) -> float:
    units = sum(receipt.units for receipt in receipts)
    return sum(receipt.tokens for receipt in receipts) / units if units else float(TOKENS_A_ROW[kind])


def _tokens_a_second(kind: str, receipts: list[Spending]) -> float:
    tokens, seconds = sum(r.tokens for r in receipts), sum(r.seconds for r in receipts)
    return tokens / seconds if tokens and seconds else TOKENS_A_SECOND[kind]


def _rows(registry: Registry, guild: str, build: Json) -> int:
    chunks = sum(info.chunks for info in registry.documents.list(guild))
    return min(chunks, build["chunks"] or chunks) * int(build["questions"])


def _answers(spec: Json, runs: int) -> int:
    limit: int | None = spec["evaluation"]["limit"]
    available: int = spec.get("questions", QUESTIONS)
    return min(limit or available, available) * runs
