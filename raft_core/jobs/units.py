"""The units of work that jobs are made of, as functions from JSON to JSON that run in a process of their own.

A unit that was killed and starts again goes on from what it had finished: drafts from the cache of
replies, a training from its checkpoint; and one that was done already returns at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.jobs.uploads import fetch, remove
from raft_core.progress import Progress, Report
from raft_core.records import BASE
from raft_core.sample import SPLITS

if TYPE_CHECKING:
    from raft_core.settings import Settings
    from raft_core.training.recipe import Recipe

Json = dict[str, Any]
Unit = Callable[["Settings", str, Json, Report], Json]


def index(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Add uploaded files, and the paragraphs of an uploaded HotpotQA file."""
    from raft_core.jobs.ingest import ingest

    hotpotqa = args.get("hotpotqa")
    names = args.get("sources") or [Path(upload).name for upload in args["uploads"]]
    sources = {fetch(settings, upload): name for upload, name in zip(args["uploads"], names, strict=True)}
    result = ingest(
        list(sources),
        settings,
        guild,
        hotpotqa=fetch(settings, hotpotqa) if hotpotqa else None,
        limit=args.get("limit"),
        by=args.get("by", ""),
        consent=args.get("consent"),
        of_others=args.get("of_others", True),
        title=args.get("title", ""),
        sources=sources,
        report=counting(report, "reading"),
    )
    rejected = [{"path": each.what, "reason": each.reason} for each in result.rejected]
    return {
        "added": [asdict(info) for info in result.added],
        "replaced": [asdict(each) for each in result.replaced],
        "unchanged": [asdict(info) for info in result.unchanged],
        "consent_changed": list(result.consent_changed),
        "rejected": [*args.get("rejected", []), *rejected],
    }


def tidy(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Remove the uploads of a job that has used them."""
    remove(settings, args["uploads"])
    return {}


def plan_build(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Name the chunks to draft from, or the data set where it is there already."""
    from raft_core.jobs.build import plan_dataset

    planned, finished = plan_dataset(settings, guild, _build(args))
    return {
        "chunks": [chunk.id for chunk in planned.asked],
        "dataset": asdict(finished) if finished else None,
    }


def draft(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Draft questions and answers about some chunks."""
    from raft_core.jobs.build import draft_chunks

    started = time.perf_counter()
    drafts = draft_chunks(settings, guild, _build(args), args["chunks"], report)
    tokens, requests = sum(each.tokens for each in drafts), sum(each.requests for each in drafts)
    usd = tokens / 1000 * settings.price_per_1k_tokens_usd + requests * settings.price_per_request_usd
    return {
        "drafts": [asdict(each) for each in drafts],
        "tokens": tokens,
        "cost_usd": usd,
        "seconds": time.perf_counter() - started,
    }


def assemble(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Make the data set of all drafts."""
    from raft_core.dataset.generators import Draft, Drafts
    from raft_core.jobs.build import assemble_dataset

    lists = ("drafts", "spares")
    drafts = [
        Drafts(
            **{**drafted, **{name: tuple(Draft(**each) for each in drafted.get(name, ())) for name in lists}}
        )
        for drafted in args["drafts"]
    ]
    return asdict(
        assemble_dataset(settings, guild, _build(args), drafts, job=args["job"], seconds=args["seconds"])
    )


def train(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Train an adapter."""
    from raft_core.jobs.train import train_adapter

    recipe = recipe_of(args["recipe"])
    counted = counting(report, "train")
    return asdict(train_adapter(settings, guild, args["dataset"], recipe, counted, job=args["job"]))


def load(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Have the model server serve a new adapter, where one is running."""
    from raft_core.jobs.served import find_models, served

    if settings.model_server_url is None:
        return {"served": False}
    with served(settings, find_models(settings, guild, [args["adapter"]]), report):
        return {"served": True}


def plan_evaluation(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Draw the questions and what is shown with them, so that slices can be answered apart."""
    drawn = _drawn(settings, guild, args, _evaluation(settings, args), report)
    return {"n": len(drawn.positions), "drawn": asdict(drawn)}


def answer(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Answer a slice of the questions with every model."""
    from raft_core.jobs.evaluate import answer as answer_questions
    from raft_core.jobs.turns import wait_for_turn

    wait_for_turn(settings, report)
    started = time.perf_counter()
    what, start, stop = _evaluation(settings, args), args["start"], args["stop"]
    drawn = _drawn(settings, guild, args, what, report)
    if "drawn" not in args:  # of a job that an older version planned
        drawn = drawn.slice(start, stop)
    both = BASE in what.models and what.prompt is None  # the base runs under both prompts
    count = len(what.models) + both
    runs = answer_questions(settings, guild, what, drawn, report=in_parts(report, count, stop - start))
    seconds = time.perf_counter() - started
    return {
        "runs": [asdict(run) for run in runs],
        "seconds": seconds,
        "tokens": sum(sample.tokens for run in runs for sample in run.samples),
        "cost_usd": seconds / 3600 * settings.price_per_gpu_hour_usd,
    }


def judge(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Score all answers, and keep the evaluation."""
    from raft_core.evaluation.harness import Run, Sample
    from raft_core.jobs.evaluate import judge_runs, merge

    slices = [
        [
            Run(**{**run, "samples": tuple(Sample(**sample) for sample in run["samples"])})
            for run in each["runs"]
        ]
        for each in args["slices"]
    ]
    seconds = sum(each["seconds"] for each in args["slices"])
    what = _evaluation(settings, args)
    drawn = _drawn(settings, guild, args, what, report)
    return judge_runs(settings, guild, what, drawn, merge(slices), seconds, job=args["job"]).as_json()


def counting(report: Report, stage: str) -> Report:
    """Count one stage of a unit's work as the whole: the others tell where it is, not how far."""
    counted = (0, 0)

    def told(progress: Progress) -> None:
        nonlocal counted
        if progress.stage == stage:
            counted = (progress.done, progress.total)
        report(Progress(progress.stage, *counted, progress.detail))

    return told


def in_parts(report: Report, count: int, each: int) -> Report:
    """Count stages of `each` steps that follow one another as the `count` parts of the whole; others do not count."""
    seen: list[str] = []

    def told(progress: Progress) -> None:
        counts = progress.total == each
        if counts and progress.stage not in seen:
            seen.append(progress.stage)
        done = each * max(len(seen) - 1, 0) + (progress.done if counts else 0)
        report(Progress(progress.stage, done, count * each, progress.detail))

    return told


def recipe_of(values: Json) -> Recipe:
    """Return a recipe from a job's spec: JSON has no tuples, and an older spec lacks what is newer."""
    from raft_core.training.recipe import Recipe

    known: Json = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Recipe(**known)


def _build(args: Json) -> Any:
    from raft_core.dataset.builder import BuildSettings

    return BuildSettings(**args["build"])


def _evaluation(settings: Settings, args: Json) -> Any:
    from raft_core.jobs.draw import EvaluationSettings

    what = args["evaluation"]
    data = what["data"] if what["data"] in SPLITS else str(fetch(settings, what["data"]))
    return EvaluationSettings(**{**what, "data": data, "models": tuple(what["models"])})


def _drawn(settings: Settings, guild: str, args: Json, what: Any, report: Report) -> Any:
    """Return what was drawn when the evaluation was planned, or draw it now."""
    from raft_core.jobs.draw import draw, drawn_of
    from raft_core.jobs.served import find_models

    if "drawn" in args:
        return drawn_of(args["drawn"])
    return draw(settings, guild, what, find_models(settings, guild, what.models), report)


UNITS: dict[str, Unit] = {
    "index": index,
    "tidy": tidy,
    "plan build": plan_build,
    "draft": draft,
    "assemble": assemble,
    "train": train,
    "load": load,
    "plan evaluation": plan_evaluation,
    "answer": answer,
    "judge": judge,
}
