"""Questions → the served models' answers → scores, a report and a chart, all kept."""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.errors import EvaluationError
from raft_core.files import content_hash, write_json, write_text
from raft_core.jobs.catalogue import register_evaluation
from raft_core.jobs.reports import redraw_history
from raft_core.jobs.served import find_models, served
from raft_core.models import fingerprint
from raft_core.progress import Report, silent
from raft_core.prompts import prompt_hash
from raft_core.settings import POCKET

if TYPE_CHECKING:
    from raft_core.evaluation.harness import Run
    from raft_core.evaluation.result import Circumstances, Evaluation
    from raft_core.records import AdapterInfo, Question
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings

POCKET_QUESTIONS = 200
"""How many questions `pocket` means where no limit is given: enough for a paired interval."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What to evaluate: `models` on `data`, a file in HotpotQA's format or `pocket` for its held-out world.

    Adapters run under the prompt they were trained with; the base runs under both prompts and counts
    with its better one, unless `prompt` names one for all.

    Raises:
        EvaluationError: the limit leaves no question.
    """

    data: str
    models: tuple[str, ...]
    limit: int | None = None
    seed: int = 0
    prompt: str | None = None
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise EvaluationError(
                f"a limit of {self.limit} leaves no question", remedy="give a limit of 1 or more"
            )


def evaluate(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    *,
    out: Path | None = None,
    report: Report = silent,
) -> Evaluation:
    """Ask all questions and judge the answers; keep all in the guild's `evaluations/<id>/` and in `out`.

    Raises:
        BadRecord: a record of the file does not fit the format.
        UnknownModel: nobody serves a model by that name.
        EndpointError: the model server failed; nothing is scored then.
    """
    started = time.perf_counter()
    runs = answer(settings, guild, what, report=report)
    seconds = time.perf_counter() - started
    return judge_runs(settings, guild, what, runs, seconds, out=out)


def count_questions(what: EvaluationSettings) -> int:
    """Return how many questions will be asked."""
    return len(_questions(what)[0])


def answer(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    *,
    start: int = 0,
    stop: int | None = None,
    report: Report = silent,
) -> list[Run]:
    """Return every model's answers to the questions from `start` up to `stop`, under every prompt of its.

    Raises:
        BadRecord, UnknownModel, EndpointError: as `evaluate`.
    """
    found = find_models(settings, guild, what.models)
    questions = _questions(what)[0][start:stop]
    with served(settings, found, report) as server:
        return _ask_all(
            server,
            _plan(found, what.prompt),
            questions,
            max_new_tokens=what.max_new_tokens or settings.max_new_tokens,
            seed=what.seed,
            report=report,
        )


def merge(slices: Sequence[Sequence[Run]]) -> list[Run]:
    """Return the answers of all slices of the questions, which are in order, as one run a model and prompt."""
    return [
        replace(
            parts[0],
            samples=tuple(sample for part in parts for sample in part.samples),
            seconds=round(sum(part.seconds for part in parts), 3),
        )
        for parts in zip(*slices, strict=True)
    ]


def judge_runs(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    runs: Sequence[Run],
    seconds: float,
    *,
    out: Path | None = None,
    job: str = "",
) -> Evaluation:
    """Score the answers of all models to all questions; keep and register scores, report and chart."""
    from raft_core.evaluation.result import judge

    found = find_models(settings, guild, what.models)
    evaluation = judge(_circumstances(settings, guild, what, found, seconds), runs)
    _keep(evaluation, settings.guild_dir(guild) / "evaluations" / evaluation.id, out)
    register_evaluation(settings, evaluation, job=job)
    redraw_history(settings, guild)
    return evaluation


def _plan(models: Mapping[str, AdapterInfo | None], prompt: str | None) -> list[tuple[str, str]]:
    return [(model, each) for model, adapter in models.items() for each in _prompts(adapter, prompt)]


def _prompts(adapter: AdapterInfo | None, prompt: str | None) -> tuple[str, ...]:
    if prompt is not None:
        return (prompt,)
    return ("raft",) if adapter else ("rag", "raft")


def _questions(what: EvaluationSettings) -> tuple[list[Question], int]:
    """Return the questions to ask and how many there are to choose from."""
    if what.data == POCKET:
        from raft_core.pocket.heldout import questions

        count = what.limit or POCKET_QUESTIONS
        return list(questions(count, what.seed)), count
    from raft_core.evaluation.data import read_questions

    everything = read_questions(Path(what.data))
    random.Random(what.seed).shuffle(everything)
    return everything[: what.limit], len(everything)


def _ask_all(
    server: ModelServer,
    plan: Sequence[tuple[str, str]],
    questions: Sequence[Question],
    *,
    max_new_tokens: int,
    seed: int,
    report: Report,
) -> list[Run]:
    from raft_core.evaluation.data import to_record
    from raft_core.evaluation.harness import run

    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder:
        path = Path(folder) / "questions.json"
        write_json(path, [to_record(question) for question in questions])
        return [
            run(
                path,
                model,
                prompt,
                url=server.url,
                key=server.key,
                max_new_tokens=max_new_tokens,
                seed=seed,
                report=report,
            )
            for model, prompt in plan
        ]


def _circumstances(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    models: Mapping[str, AdapterInfo | None],
    seconds: float,
) -> Circumstances:
    from raft_core.evaluation.harness import versions
    from raft_core.evaluation.result import Circumstances

    questions, available = _questions(what)
    plan = _plan(models, what.prompt)
    max_new_tokens = what.max_new_tokens or settings.max_new_tokens
    hashes = {name: _weights_hash(settings, adapter) for name, adapter in models.items()}
    prompt_hashes = {prompt: prompt_hash(prompt) for _, prompt in plan}
    data_hash = content_hash(questions)
    identity = content_hash(data_hash, what.seed, max_new_tokens, plan, hashes, prompt_hashes, length=8)
    return Circumstances(
        id=f"eval-{identity}",
        guild=guild,
        data=POCKET if what.data == POCKET else Path(what.data).name,
        n=len(questions),
        available=available,
        limit=what.limit,
        seed=what.seed,
        max_new_tokens=max_new_tokens,
        base_model=settings.base_model,
        data_hash=data_hash,
        prompt_hashes=prompt_hashes,
        model_hashes=hashes,
        versions=versions(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        cost_usd=round(seconds / 3600 * settings.price_per_gpu_hour_usd, 6),
    )


def _weights_hash(settings: Settings, adapter: AdapterInfo | None) -> str:
    """Return a hash of an adapter's weights, or of the base's folder; a remote server keeps its own."""
    if adapter is not None:
        weights = Path(adapter.path) / "adapter_model.safetensors"
        if weights.is_file():
            return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    elif settings.model_server_url is None:
        return fingerprint(settings.base_model)
    return "not at hand"


def _keep(evaluation: Evaluation, folder: Path, out: Path | None) -> None:
    from raft_core.evaluation.plot import draw
    from raft_core.evaluation.report import markdown, samples_jsonl

    for target in (folder, out) if out else (folder,):
        write_text(target / "report.md", markdown(evaluation))
        write_text(target / "samples.jsonl", samples_jsonl(evaluation))
        draw(evaluation, target / "f1.png")
        write_json(target / "evaluation.json", evaluation.as_json())
