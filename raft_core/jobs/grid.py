"""A grid of recipes → adapters → scores, in one table that a figure is drawn from.

grid.json  {"dataset": "ds-…", "data": "…", "n": 1000, "seed": 0,
            "rows": [{"base": "…", "bits": 16, "rank": 64, "target_modules": "all-linear", "training_seed": 0,
                      "max_new_tokens": 800, "adapter": "raft-…", "evaluation": "eval-…", "base_f1": {…}, "f1": {…},
                      "difference": {…}, "truncated": 0.0}, …],
            "effects": […]}

`effects` is what each setting changes over all rows, see evaluation/effects.py.

What is finished is not done again: the same command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.evaluation.effects import effects
from raft_core.files import write_json
from raft_core.jobs.evaluate import EvaluationSettings, evaluate
from raft_core.jobs.train import train_adapter
from raft_core.progress import Progress, Report, silent
from raft_core.records import BASE

if TYPE_CHECKING:
    from raft_core.evaluation.result import Evaluation
    from raft_core.records import AdapterInfo, Difference, Score
    from raft_core.settings import Settings
    from raft_core.training.grid import Grid
    from raft_core.training.recipe import Recipe

GRID = "grid.json"


def run_grid(
    settings: Settings,
    guild: str,
    grid: Grid,
    dataset: str,
    data: str,
    out: Path,
    report: Report = silent,
    *,
    distractors: int | None = None,
    taught: bool = False,
) -> dict[str, Any]:
    """Train every recipe on a data set, score each adapter beside its base, and keep the table in `out`.

    `distractors` and `taught` are those of EvaluationSettings. All adapters of a base and precision are scored together, and corrected for being so many.

    Raises:
        UnknownDataset, TrainingError, ModelError, EvaluationError: as training and evaluation do.
    """
    table: dict[str, Any] = {
        "dataset": dataset,
        "data": data,
        "n": 0,
        "seed": grid.seed,
        "rows": [],
        "effects": [],
    }
    scores: list[dict[str, float]] = []
    steps = len(grid.recipes) + len(grid.by_base()) * len(grid.max_new_tokens)
    done = 0
    for (base, bits), recipes in grid.by_base().items():
        there = settings.model_copy(update={"base_model": base, "load_in_4bit": bits == 4})
        adapters: list[AdapterInfo] = []
        for recipe in recipes:
            report(Progress("grid", done, steps, f"train {name_of(recipe)}"))
            adapters.append(train_adapter(there, guild, dataset, recipe, _inner(report)))
            done += 1
        for length in grid.max_new_tokens:
            report(Progress("grid", done, steps, f"evaluate {base}, {bits} bits, {length} tokens"))
            models = (BASE, *(adapter.id for adapter in adapters))
            what = EvaluationSettings(
                data,
                models,
                grid.limit,
                grid.seed,
                max_new_tokens=length,
                distractors=distractors,
                taught=taught,
            )
            evaluation = evaluate(there, guild, what, report=_inner(report))
            table["n"] = evaluation.n
            table["rows"] += _rows(evaluation, recipes, adapters, length)
            scores += [{each.id: each.f1 for each in evaluation.samples(adapter.id)} for adapter in adapters]
            write_json(out / GRID, table)
            done += 1
    table["effects"] = effects(table["rows"], scores, seed=grid.seed)
    write_json(out / GRID, table)
    report(Progress("grid", steps, steps))
    return table


def name_of(recipe: Recipe) -> str:
    """Return what tells a recipe of a grid from the others."""
    layers = told(recipe.target_modules)
    return f"{recipe.base} {recipe.bits} bits, rank {recipe.r}, {layers}, seed {recipe.seed}"


def told(value: str | int | Sequence[str]) -> str:
    """Return a setting's value as people read it: several layers with a plus between them."""
    return str(value) if isinstance(value, str | int) else "+".join(value)


def _rows(
    evaluation: Evaluation, recipes: Sequence[Recipe], adapters: Sequence[AdapterInfo], length: int
) -> list[dict[str, Any]]:
    differences = {each.b: each for each in evaluation.differences}
    return [
        {
            "base": recipe.base,
            "bits": recipe.bits,
            "rank": recipe.r,
            "target_modules": recipe.target_modules,
            "training_seed": recipe.seed,
            "max_new_tokens": length,
            "adapter": adapter.id,
            "evaluation": evaluation.id,
            "base_f1": _f1(evaluation.models[BASE]),
            "f1": _f1(evaluation.models[adapter.id]),
            "difference": _difference(differences[adapter.id]),
            "truncated": evaluation.models[adapter.id].truncated,
        }
        for recipe, adapter in zip(recipes, adapters, strict=True)
    ]


def _f1(score: Score) -> dict[str, float]:
    return {"mean": score.f1, "low": score.f1_low, "high": score.f1_high}


def _difference(difference: Difference) -> dict[str, Any]:
    told = {"mean": difference.f1, "low": difference.low, "high": difference.high, "p": difference.p}
    return told | {"p_holm": difference.p_holm, "significant": difference.significant}


def _inner(report: Report) -> Report:
    """Pass on the progress of a step under its own stage."""

    def tell(update: Progress) -> None:
        report(replace(update, stage=f"· {update.stage}"))

    return tell
