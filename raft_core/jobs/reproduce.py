"""The write-up's experiment: paragraphs of question records → rows → an adapter a seed → F1 of base and tuned on the records.

    out/reproduction.json   everything below, JSON-ready
    out/report.md           the same as tables, beside the write-up's figures
    out/<setting>.png       figure 2 for one choice of paragraphs; <setting>/grid.json holds its numbers

The records' questions are in no training row; their paragraphs are what is taught. Every stage keeps what it has
finished under the home, so that the same command goes on after a kill.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from raft_core.dataset.builder import BuildSettings
from raft_core.errors import DatasetError, EvaluationError
from raft_core.evaluation.figure import draw_figure
from raft_core.evaluation.questions import read_questions
from raft_core.evaluation.significance import paired_difference
from raft_core.evaluation.stored import load_evaluation
from raft_core.files import content_hash, write_bytes, write_json, write_text
from raft_core.jobs.build import build_dataset
from raft_core.jobs.catalogue import find_adapter, open_registry
from raft_core.jobs.grid import run_grid
from raft_core.jobs.ingest import ingest
from raft_core.progress import Report, silent
from raft_core.records import BASE, AdapterInfo, DatasetInfo
from raft_core.settings import Settings
from raft_core.training.grid import Grid
from raft_core.training.recipe import Recipe

PARAGRAPHS = 100
SETTINGS: dict[str, int | None] = {"distractor": None, "gold+2": 2}
"""What is shown with a question: all paragraphs of its record, or the gold ones and two others."""
WHOLE_PARAGRAPHS = {"chunk_tokens": 512, "chunk_overlap": 0}
"""As in the write-up a paragraph is one chunk."""
WRITE_UP = "100 rows in about 30 min for $0.24, training in about 10 min for $0.67; F1 up 16 % to over 100 %"


def reproduce(
    settings: Settings,
    data: str,
    recipes: list[Recipe],
    out: Path,
    *,
    shown: tuple[str, ...] = tuple(SETTINGS),
    paragraphs: int = PARAGRAPHS,
    limit: int | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Run the experiment with one recipe a seed, all of one base, and write its results to `out`.

    Raises:
        EvaluationError: `data` is no file of questions, or there is no such setting.
        DatasetError: its paragraphs give too few rows.
        TrainingError, ModelError, EndpointError, StorageError: as training and evaluation do.
    """
    if unknown := [name for name in shown if name not in SETTINGS]:
        raise EvaluationError(f"no setting {unknown[0]!r}", remedy=f"use {', '.join(SETTINGS)}")
    questions = read_questions(data)
    base, bits = recipes[0].base, recipes[0].bits
    there = settings.model_copy(update={**WHOLE_PARAGRAPHS, "base_model": base, "load_in_4bit": bits == 4})
    guild = f"reproduce-{content_hash(questions, paragraphs, length=8)}"
    ingest([], there, guild, hotpotqa=Path(data), limit=paragraphs, report=report)
    dataset = build_dataset(there, guild, BuildSettings(chunks=paragraphs, distractors=3), report)
    if not dataset.rows:
        raise DatasetError("no row could be written about the paragraphs", remedy="give more paragraphs")
    grid = Grid(tuple(recipes), (there.max_new_tokens,), limit, recipes[0].seed)
    result: dict[str, Any] = {"data": data, "base": base, "bits": bits, "paragraphs": paragraphs}
    result |= {"dataset": _rows_cost(there, guild, dataset), "adapters": [], "settings": {}}
    for name in shown:
        table = run_grid(
            there, guild, grid, dataset.id, data, out / name, report, distractors=SETTINGS[name], taught=True
        )
        adapters = [find_adapter(there, guild, row["adapter"]) for row in table["rows"]]
        result["adapters"] = [
            {"seed": recipe.seed} | _training_cost(adapter)
            for recipe, adapter in zip(recipes, adapters, strict=True)
        ]
        result["settings"][name] = _scores(there, guild, table)
        write_bytes(out / f"{name}.png", draw_figure(table))
        write_json(out / "reproduction.json", result)
        write_text(out / "report.md", markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the report of a reproduction."""
    made, adapters = result["dataset"], result["adapters"]
    lines = [
        "# HotpotQA, the write-up's experiment\n",
        f"Base {result['base']} in {result['bits']} bits, {result['paragraphs']} paragraphs of {Path(result['data']).name}, "
        f"{made['rows']} rows by {made['generator']}, {len(adapters)} training seeds.\n",
        "| shown | seed | n | base F1 | tuned F1 | tuned minus base | 95 % | p |",
        "|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in score_rows(result)),
        "",
        "`all` is the mean of the seeds for each question; intervals and p-values are paired over questions.\n",
        *(f"![F1, {name}]({name}.png)\n" for name in result["settings"]),
        "## Time and cost\n",
        "| | units | seconds | tokens | USD | USD a row |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in cost_rows(result)),
        "",
        f"The write-up: {WRITE_UP}.\n",
    ]
    return "\n".join(lines)


def score_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a table's cells: each seed under each setting, and all seeds together where there are several."""
    rows: list[tuple[str, ...]] = []
    for name, scores in result["settings"].items():
        for each in scores["seeds"] + ([scores["all"]] if len(scores["seeds"]) > 1 else []):
            change = each["difference"]
            interval = f"[{change['low']:+.3f}, {change['high']:+.3f}]"
            numbers = (f"{scores['base_f1']:.3f}", f"{each['f1']:.3f}", f"{change['mean']:+.3f}")
            rows.append((name, str(each["seed"]), str(scores["n"]), *numbers, interval, f"{change['p']:.4f}"))
    return rows


def cost_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a table's cells: what rows, trainings and evaluations took in all, and the rows' cost each."""
    stages = [
        ("rows", result["dataset"], result["dataset"]["rows"]),
        *((f"training, seed {each['seed']}", each, each["rows"]) for each in result["adapters"]),
        *((f"evaluation, {name}", each, None) for name, each in result["settings"].items()),
    ]
    return [
        (
            name,
            str(each.get("rows", each.get("answers", ""))),
            f"{each['seconds']:.1f}",
            f"{each['tokens']:,}",
            f"{each['cost_usd']:.4f}",
            f"{each['cost_usd'] / rows:.6f}" if rows else "",
        )
        for name, each, rows in stages
    ]


def _rows_cost(settings: Settings, guild: str, dataset: DatasetInfo) -> dict[str, Any]:
    with open_registry(settings, guild) as registry:
        seconds = registry.costs.seconds(guild, "build", dataset.id)
    known = ("id", "rows", "rejected", "generator", "tokens", "cost_usd")
    return {name: getattr(dataset, name) for name in known} | {"seconds": seconds}


def _training_cost(adapter: AdapterInfo) -> dict[str, Any]:
    known = asdict(adapter)
    names = ("id", "rows", "left_out", "tokens", "seconds", "cost_usd", "loss")
    return {name: known[name] for name in names}


def _scores(settings: Settings, guild: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return F1 and paired differences of every seed, and of the seeds' mean for each question."""
    rows = table["rows"]
    folder = settings.guild_dir(guild) / "evaluations" / rows[0]["evaluation"]
    evaluation = load_evaluation(folder)
    base = [sample.f1 for sample in evaluation.samples(BASE)]
    tuned = [[sample.f1 for sample in evaluation.samples(row["adapter"])] for row in rows]
    means = [fmean(each) for each in zip(*tuned, strict=True)]
    interval, p = paired_difference(base, means, seed=table["seed"])
    together = {"mean": interval.mean, "low": interval.low, "high": interval.high, "p": p}
    with open_registry(settings, guild) as registry:  # run again, stored answers take no time
        seconds = registry.costs.seconds(guild, "evaluate", evaluation.id)
    return {
        "n": evaluation.n,
        "evaluation": evaluation.id,
        "base_f1": evaluation.models[BASE].f1,
        "base_prompt": evaluation.models[BASE].prompt,
        "lacks": evaluation.circumstances.lacks,
        "seconds": seconds,
        "cost_usd": round(seconds / 3600 * settings.price_per_gpu_hour_usd, 6),
        "answers": sum(len(run.samples) for run in evaluation.runs),
        "tokens": sum(sample.tokens for run in evaluation.runs for sample in run.samples),
        "seeds": [
            {"seed": row["training_seed"], "f1": row["f1"]["mean"], "difference": row["difference"]}
            for row in rows
        ],
        "all": {"seed": "all", "f1": fmean(means), "difference": together},
    }
