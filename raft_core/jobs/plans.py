"""What each kind of job does: stages one after another, each of units that may run at once on any worker.

    ingest    index → tidy
    build     plan build → draft … draft → assemble
    train     train
    evaluate  plan evaluation → answer … answer → judge → tidy
    pipeline  those of build → train → load → those of evaluate

A stage's units follow from the job's spec and from the results of the stages before it, which are kept:
whoever takes a job over finds the same units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raft_core.sample import SPLITS

Json = dict[str, Any]
Results = Mapping[str, Sequence[Json]]
"""The results of the units of each stage so far, in the units' order."""

INGEST, TRAIN, WORK, JOBS = "ingest", "train", "work", "jobs"
"""The queues: what waits in one never waits behind what is in another. `jobs` holds the jobs themselves."""

DRAFTED_AT_ONCE = 64
"""Chunks in one unit: small enough to be spread, large enough to keep a generator busy."""
ANSWERED_AT_ONCE = 100
"""Questions in one unit: what is asked again when a worker dies."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its unit, the queue for it, its share of the job's work, and the units' arguments."""

    unit: str
    queue: str
    share: float
    args: Callable[[Json, Results], list[Json]]


_MADE = {"dataset": "assemble", "adapter": "train", "evaluation": "judge"}
"""What is kept of a pipeline, and the unit that makes it."""
_OUTCOME = {"ingest": "index", "build": "assemble", "train": "train", "evaluate": "judge"}
"""The unit whose result is the job's."""
_SPENDING = ("draft", "train", "answer")
"""The units that take tokens; what the others tell of them is the sum of these."""


def outcome(kind: str, results: Results) -> Json:
    """Return what a finished job tells: its data set, adapter or evaluation, or all three of a pipeline."""
    if kind == "pipeline":
        return {made: results[unit][0] for made, unit in _MADE.items()}
    return results[_OUTCOME[kind]][0]


def spent_by(unit: str, result: Json) -> tuple[int, float]:
    """Return tokens and US dollars of a unit of work."""
    if unit not in _SPENDING:
        return 0, 0.0
    return int(result.get("tokens", 0)), float(result.get("cost_usd", 0.0))


def spent(results: Results) -> tuple[int, float]:
    """Return tokens and US dollars of a job."""
    every = [spent_by(unit, result) for unit, units in results.items() for result in units]
    return sum(tokens for tokens, _ in every), sum(usd for _, usd in every)


def _drafts(spec: Json, results: Results) -> list[Json]:
    planned = results["plan build"][0]
    if planned["dataset"]:
        return []
    chunks = planned["chunks"]
    starts = range(0, len(chunks), DRAFTED_AT_ONCE)
    return [{"build": spec["build"], "chunks": chunks[start : start + DRAFTED_AT_ONCE]} for start in starts]


def _assembly(spec: Json, results: Results) -> list[Json]:
    drafts = [draft for unit in results["draft"] for draft in unit["drafts"]]
    seconds = sum(unit["seconds"] for unit in results["draft"])
    return [{"build": spec["build"], "drafts": drafts, "seconds": seconds}]


def _training(spec: Json, results: Results) -> list[Json]:
    built = results.get("assemble")
    return [{"dataset": built[0]["id"] if built else spec["dataset"], "recipe": spec["recipe"]}]


def _evaluation(spec: Json, results: Results) -> Json:
    what: Json = spec["evaluation"]
    trained = results.get("train")
    return {**what, "models": [*what["models"], trained[0]["id"]]} if trained else what


def _answers(spec: Json, results: Results) -> list[Json]:
    planned = results["plan evaluation"][0]
    n, what = planned["n"], _evaluation(spec, results)
    parts = [(at, min(at + ANSWERED_AT_ONCE, n)) for at in range(0, n, ANSWERED_AT_ONCE)]
    return [
        {"evaluation": what, "start": start, "stop": stop, **_drawn(planned, start, stop)}
        for start, stop in parts
    ]


def _drawn(planned: Json, start: int, stop: int) -> Json:
    """Return a slice of the questions that were drawn; of a job that an older version planned, nothing."""
    if "drawn" not in planned:
        return {}
    drawn = planned["drawn"]
    return {"drawn": {"positions": drawn["positions"][start:stop], "shown": drawn["shown"][start:stop]}}


def _uploads(spec: Json, _: Results) -> list[Json]:
    """Name the uploads that a job has used."""
    files = [*spec.get("uploads", []), spec.get("hotpotqa"), spec.get("evaluation", {}).get("data")]
    return [{"uploads": [file for file in files if file and file not in SPLITS]}]


def _judgement(spec: Json, results: Results) -> list[Json]:
    drawn = {name: value for name, value in results["plan evaluation"][0].items() if name == "drawn"}
    return [{"evaluation": _evaluation(spec, results), "slices": list(results["answer"]), **drawn}]


BUILD = (
    Stage("plan build", WORK, 0.02, lambda spec, _: [{"build": spec["build"]}]),
    Stage("draft", WORK, 0.93, _drafts),
    Stage("assemble", WORK, 0.05, _assembly),
)
TRAINING = (Stage("train", TRAIN, 1.0, _training),)
EVALUATION = (
    Stage("plan evaluation", WORK, 0.02, lambda spec, results: [{"evaluation": _evaluation(spec, results)}]),
    Stage("answer", WORK, 0.95, _answers),
    Stage("judge", WORK, 0.02, _judgement),
    Stage("tidy", WORK, 0.01, _uploads),
)
LOADING = (Stage("load", WORK, 0.02, lambda _, results: [{"adapter": results["train"][0]["id"]}]),)


def _part(stages: Sequence[Stage], share: float) -> tuple[Stage, ...]:
    return tuple(replace(stage, share=stage.share * share) for stage in stages)


PLANS: dict[str, tuple[Stage, ...]] = {
    "ingest": (
        Stage("index", INGEST, 0.99, lambda spec, _: [spec]),
        Stage("tidy", INGEST, 0.01, _uploads),
    ),
    "build": BUILD,
    "train": TRAINING,
    "evaluate": EVALUATION,
    "pipeline": (*_part(BUILD, 0.1), *_part(TRAINING, 0.5), *LOADING, *_part(EVALUATION, 0.38)),
}
