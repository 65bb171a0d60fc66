"""Questions → the served models' answers → scores, a report and a chart, all kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.evaluation.contexts import RETRIEVING
from raft_core.files import content_hash, write_json, write_text
from raft_core.jobs.catalogue import register_evaluation
from raft_core.jobs.draw import Drawn, EvaluationSettings, draw, shown_questions
from raft_core.jobs.engine import adapter_hash, base_hash, kept_answers, served_by
from raft_core.jobs.reports import redraw_history
from raft_core.jobs.served import find_models, served
from raft_core.progress import Report, silent
from raft_core.prompts import prompt_hash
from raft_core.records import BASE

if TYPE_CHECKING:
    from raft_core.evaluation.harness import Run
    from raft_core.evaluation.result import Circumstances, Evaluation
    from raft_core.records import AdapterInfo, Question
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings

__all__ = ["EvaluationSettings", "answer", "evaluate", "judge_runs", "merge", "runs_of"]


def evaluate(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    *,
    out: Path | None = None,
    server: ModelServer | None = None,
    report: Report = silent,
) -> Evaluation:
    """Ask all questions and judge the answers; keep all in the guild's `evaluations/<id>/` and in `out`.

    A `server` that serves the models already is used instead of the settings' own. Killed and run again it
    goes on from the answers that had come.

    Raises:
        BadRecord: a record of the file does not fit the format.
        UnknownModel: nobody serves a model by that name.
        EvaluationError: no question is left that the models have not seen.
        EndpointError: the model server failed; nothing is scored then.
    """
    found = find_models(settings, guild, what.models)
    drawn = draw(settings, guild, what, found, report)
    started = time.perf_counter()
    runs = answer(settings, guild, what, drawn, server=server, report=report)
    seconds = time.perf_counter() - started
    return judge_runs(settings, guild, what, drawn, runs, seconds, out=out)


def answer(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    drawn: Drawn,
    *,
    server: ModelServer | None = None,
    report: Report = silent,
) -> list[Run]:
    """Return every model's answers to the questions that were drawn, under every prompt of its.

    Raises:
        BadRecord, UnknownModel, EndpointError: as `evaluate`.
    """
    found = find_models(settings, guild, what.models)
    questions = shown_questions(what, drawn)
    with nullcontext(server) if server else served(settings, found, report) as running:
        return _ask_all(settings, guild, what, found, running, questions, report)


def runs_of(models: Mapping[str, AdapterInfo | None], what: EvaluationSettings) -> list[tuple[str, str]]:
    """Return who answers under which prompt; without documents other templates stand in for the prompts."""
    from raft_core.evaluation.contexts import CLOSED

    closed = what.setting == "closed-book"
    return [
        (model, CLOSED[prompt] if closed else prompt)
        for model, adapter in models.items()
        for prompt in _prompts(adapter, what.prompt)
    ]


def merge(slices: Sequence[Sequence[Run]]) -> list[Run]:
    """Return the answers of all slices of the questions, which are in order, as one run a model and prompt."""
    return [
        replace(
            parts[0],
            samples=tuple(sample for part in parts for sample in part.samples),
            seconds=round(sum(part.seconds for part in parts), 3),
            engine=", ".join(sorted({part.engine for part in parts})),
            memory_mb=_most(parts),
        )
        for parts in zip(*slices, strict=True)
    ]


def judge_runs(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    drawn: Drawn,
    runs: Sequence[Run],
    seconds: float,
    *,
    out: Path | None = None,
    job: str = "",
) -> Evaluation:
    """Score the answers of all models to all questions; keep and register scores, report and chart."""
    from raft_core.evaluation.result import judge

    found = find_models(settings, guild, what.models)
    questions = shown_questions(what, drawn)
    circumstances = _circumstances(settings, guild, what, drawn, found, questions, seconds)
    engine = ", ".join(sorted({run.engine for run in runs}))
    circumstances = replace(circumstances, engine=engine, memory_mb=_most(runs))
    evaluation = judge(circumstances, runs, questions)
    _keep(evaluation, settings.guild_dir(guild) / "evaluations" / evaluation.id, out)
    register_evaluation(settings, evaluation, job=job)
    redraw_history(settings, guild)
    return evaluation


def _most(runs: Sequence[Run]) -> dict[str, float]:
    """Return the most of each kind of memory that any run was told of."""
    most: dict[str, float] = {}
    for run in runs:
        for kind, held in run.memory_mb.items():
            most[kind] = max(most.get(kind, 0.0), held)
    return most


def _prompts(adapter: AdapterInfo | None, prompt: str | None) -> tuple[str, ...]:
    if prompt is not None:
        return (prompt,)
    return ("raft",) if adapter else ("rag", "raft")


def _ask_all(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    found: Mapping[str, AdapterInfo | None],
    server: ModelServer,
    questions: Sequence[Question],
    report: Report,
) -> list[Run]:
    from raft_core.evaluation.harness import run

    engine, scope = served_by(settings, server), content_hash(questions)
    with _file_of(questions) as path, ExitStack() as opened:
        kept = {
            name: opened.enter_context(kept_answers(settings, guild, server, name, adapter, scope))
            for name, adapter in found.items()
        }
        made = [
            run(
                path,
                model,
                prompt,
                url=server.url,
                key=server.key,
                max_new_tokens=what.max_new_tokens or settings.max_new_tokens,
                seed=what.seed,
                concurrent=engine.concurrent,
                answers=kept[model],
                report=report,
            )
            for model, prompt in runs_of(found, what)
        ]
        memory = server.memory_mb()
    return [replace(each, engine=engine.name, memory_mb=memory) for each in made]


@contextmanager
def _file_of(questions: Sequence[Question]) -> Iterator[Path]:
    """Yield a file of the questions; the format wants a paragraph, also where the prompts show none."""
    from raft_core.evaluation.questions import to_record

    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder:
        path = Path(folder) / "questions.json"
        nothing = (("", ("",)),)
        whole = [replace(each, context=each.context or nothing) for each in questions]
        write_json(path, [to_record(question) for question in whole])
        yield path


def _circumstances(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    drawn: Drawn,
    models: Mapping[str, AdapterInfo | None],
    questions: Sequence[Question],
    seconds: float,
) -> Circumstances:
    from raft_core.evaluation.harness import versions
    from raft_core.evaluation.questions import lacking
    from raft_core.evaluation.result import Circumstances

    plan = runs_of(models, what)
    max_new_tokens = what.max_new_tokens or settings.max_new_tokens
    base = base_hash(settings)
    hashes = {
        name: adapter_hash(adapter) if adapter else base if name == BASE else "not at hand"
        for name, adapter in models.items()
    }
    prompt_hashes = {prompt: prompt_hash(prompt) for _, prompt in plan}
    data_hash = content_hash(questions)
    top_k = (what.top_k or settings.top_k) if what.setting in RETRIEVING else None
    shown = (what.setting, what.distractors, top_k, what.keep_leaked)
    asked = (data_hash, what.seed, max_new_tokens, plan)
    return Circumstances(
        id=f"eval-{content_hash(asked, shown, base, hashes, prompt_hashes, length=8)}",
        guild=guild,
        data=Path(what.data).name,
        n=len(questions),
        available=drawn.available,
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
        setting=what.setting,
        distractors=what.distractors,
        fewer=drawn.fewer,
        top_k=top_k,
        recall_at_k=drawn.recall_at_k,
        base_fingerprint=base,
        leaks=drawn.leaks,
        lacks=lacking(questions),
    )


def _keep(evaluation: Evaluation, folder: Path, out: Path | None) -> None:
    from raft_core.evaluation.page import html
    from raft_core.evaluation.plot import draw as draw_chart
    from raft_core.evaluation.questions import to_record
    from raft_core.evaluation.report import markdown, samples_jsonl

    for target in (folder, out) if out else (folder,):
        write_text(target / "report.md", markdown(evaluation))
        write_text(target / "report.html", html(evaluation))
        write_json(target / "questions.json", [to_record(question) for question in evaluation.questions])
        write_text(target / "samples.jsonl", samples_jsonl(evaluation))
        draw_chart(evaluation, target / "f1.png")
        write_json(target / "evaluation.json", evaluation.as_json())
