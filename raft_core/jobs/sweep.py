"""The same models on the same questions in several settings: a dial of distractors, of top-k, or of settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raft_core.evaluation.contexts import SETTINGS, Setting
from raft_core.files import write_json
from raft_core.jobs.evaluate import evaluate
from raft_core.jobs.served import find_models, served
from raft_core.progress import Progress, Report, silent

if TYPE_CHECKING:
    from raft_core.evaluation.result import Sweep
    from raft_core.jobs.draw import EvaluationSettings
    from raft_core.settings import Settings

Axis = Literal["setting", "distractors", "top_k"]


def steps(what: EvaluationSettings, axis: Axis, values: Sequence[int | str]) -> list[EvaluationSettings]:
    """Return the evaluations of a sweep, which differ in one thing.

    Raises:
        EvaluationError: a value makes no sense.
    """
    setting: dict[Axis, Setting] = {"distractors": "distractor", "top_k": "retrieval", "setting": SETTINGS[0]}
    bare = replace(what, setting=setting[axis], distractors=None, top_k=None)
    return [replace(bare, **{axis: value}) for value in values]  # type: ignore[arg-type]  # checked by the settings


def sweep(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    axis: Axis,
    values: Sequence[int | str],
    *,
    out: Path | None = None,
    report: Report = silent,
) -> Sweep:
    """Evaluate once for every value, all on one server; each is an evaluation of its own, kept and registered.

    Raises:
        RaftError: as `evaluate`.
    """
    from raft_core.evaluation.result import Sweep

    asked = steps(what, axis, values)
    made = []
    with served(settings, find_models(settings, guild, what.models), report) as server:
        for each, value in zip(asked, values, strict=True):

            def told(progress: Progress, value: int | str = value) -> None:
                report(replace(progress, stage=f"{value} · {progress.stage}"))

            folder = out / f"{axis}-{value}" if out else None
            made.append(evaluate(settings, guild, each, out=folder, server=server, report=told))
    result = Sweep(axis, tuple(made))
    if out is not None:
        write_json(out / "sweep.json", result.as_json())
    return result
