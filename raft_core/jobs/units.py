"""The units of work that jobs are made of, as functions from JSON to JSON that run in a process of their own.

A unit that was killed and starts again goes on from what it had finished: drafts from the cache of
replies, a training from its checkpoint; and one that was done already returns at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.progress import Report

if TYPE_CHECKING:
    from raft_core.settings import Settings

Json = dict[str, Any]
Unit = Callable[["Settings", str, Json, Report], Json]


def index(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Add uploaded files, and the paragraphs of a HotpotQA file."""
    from raft_core.jobs.ingest import ingest

    hotpotqa = args.get("hotpotqa")
    result = ingest(
        [Path(path) for path in args["paths"]],
        settings,
        guild,
        hotpotqa=Path(hotpotqa) if hotpotqa else None,
        limit=args.get("limit"),
        report=report,
    )
    return {
        "added": [asdict(info) for info in result.added],
        "unchanged": [asdict(info) for info in result.unchanged],
        "rejected": [{"path": each.what, "reason": each.reason} for each in result.rejected],
    }


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

    drafts = draft_chunks(settings, guild, _build(args), args["chunks"], report)
    return {"drafts": [asdict(each) for each in drafts], "tokens": sum(each.tokens for each in drafts)}


def assemble(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Make the data set of all drafts."""
    from raft_core.dataset.generators import Draft, Drafts
    from raft_core.jobs.build import assemble_dataset

    drafts = [
        Drafts(tuple(Draft(**each) for each in drafted["drafts"]), drafted["tokens"])
        for drafted in args["drafts"]
    ]
    return asdict(assemble_dataset(settings, guild, _build(args), drafts))


def train(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Train an adapter."""
    from raft_core.jobs.train import train_adapter
    from raft_core.training.recipe import Recipe

    return asdict(train_adapter(settings, guild, args["dataset"], Recipe(**args["recipe"]), report))


def load(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Have the model server serve a new adapter, where one is running."""
    from raft_core.jobs.served import find_models, served

    if settings.model_server_url is None:
        return {"served": False}
    with served(settings, find_models(settings, guild, [args["adapter"]]), report):
        return {"served": True}


def plan_evaluation(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Count the questions, so that slices of them can be answered apart."""
    from raft_core.jobs.evaluate import count_questions
    from raft_core.jobs.served import find_models

    what = _evaluation(args)
    find_models(settings, guild, what.models)
    return {"n": count_questions(what)}


def answer(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Answer a slice of the questions with every model."""
    import time

    from raft_core.jobs.evaluate import answer as answer_questions

    started = time.perf_counter()
    runs = answer_questions(
        settings, guild, _evaluation(args), start=args["start"], stop=args["stop"], report=report
    )
    tokens = sum(sample.tokens for run in runs for sample in run.samples)
    return {
        "runs": [asdict(run) for run in runs],
        "seconds": time.perf_counter() - started,
        "tokens": tokens,
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
    out = Path(args["out"]) if args.get("out") else None
    return judge_runs(settings, guild, _evaluation(args), merge(slices), seconds, out=out).as_json()


def _build(args: Json) -> Any:
    from raft_core.dataset.builder import BuildSettings

    return BuildSettings(**args["build"])


def _evaluation(args: Json) -> Any:
    from raft_core.jobs.evaluate import EvaluationSettings

    what = args["evaluation"]
    return EvaluationSettings(**{**what, "models": tuple(what["models"])})


UNITS: dict[str, Unit] = {
    "index": index,
    "plan build": plan_build,
    "draft": draft,
    "assemble": assemble,
    "train": train,
    "load": load,
    "plan evaluation": plan_evaluation,
    "answer": answer,
    "judge": judge,
}
