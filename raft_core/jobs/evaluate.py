"""Questions → the served models' answers → scores, a report and a chart, all kept."""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.errors import EvaluationError
from raft_core.files import content_hash, write_json, write_text
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


def evaluate(
    settings: Settings,
    guild: str,
    data: str,
    models: Sequence[str],
    *,
    limit: int | None = None,
    seed: int = 0,
    prompt: str | None = None,
    max_new_tokens: int | None = None,
    out: Path | None = None,
    report: Report = silent,
) -> Evaluation:
    """Score `models` on `data`: a file in HotpotQA's format, or `pocket` for the held-out pocket world.

    Adapters run under the prompt they were trained with; the base runs under both prompts and counts
    with its better one, unless `prompt` names one for all. Everything is kept in the guild's
    `evaluations/<id>/` and copied to the folder `out` where given.

    Raises:
        BadRecord: a record of the file does not fit the format.
        UnknownModel: nobody serves a model by that name.
        EndpointError: the model server failed; nothing is scored then.
    """
    from raft_core.evaluation.result import judge

    if limit is not None and limit < 1:
        raise EvaluationError(f"a limit of {limit} leaves no question", remedy="give a limit of 1 or more")
    found = find_models(settings, guild, models)
    questions, available = _questions(data, limit, seed)
    new_tokens = max_new_tokens or settings.max_new_tokens
    plan = [(model, each) for model, adapter in found.items() for each in _prompts(adapter, prompt)]
    started = time.perf_counter()
    with served(settings, found, report) as server:
        runs = _ask_all(server, plan, questions, max_new_tokens=new_tokens, seed=seed, report=report)
    seconds = time.perf_counter() - started
    circumstances = _circumstances(
        settings,
        guild,
        data=data,
        questions=questions,
        available=available,
        limit=limit,
        seed=seed,
        max_new_tokens=new_tokens,
        plan=plan,
        models=found,
        seconds=seconds,
    )
    evaluation = judge(circumstances, runs)
    _keep(evaluation, settings.guild_dir(guild) / "evaluations" / evaluation.id, out)
    return evaluation


def _prompts(adapter: AdapterInfo | None, prompt: str | None) -> tuple[str, ...]:
    if prompt is not None:
        return (prompt,)
    return ("raft",) if adapter else ("rag", "raft")


def _questions(data: str, limit: int | None, seed: int) -> tuple[list[Question], int]:
    """Return the questions to ask and how many there are to choose from."""
    if data == POCKET:
        from raft_core.pocket.heldout import questions

        count = limit or POCKET_QUESTIONS
        return list(questions(count, seed)), count
    from raft_core.evaluation.data import read_questions

    everything = read_questions(Path(data))
    random.Random(seed).shuffle(everything)
    return everything[:limit], len(everything)


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
    *,
    data: str,
    questions: Sequence[Question],
    available: int,
    limit: int | None,
    seed: int,
    max_new_tokens: int,
    plan: Sequence[tuple[str, str]],
    models: Mapping[str, AdapterInfo | None],
    seconds: float,
) -> Circumstances:
    from raft_core.evaluation.harness import versions
    from raft_core.evaluation.result import Circumstances

    hashes = {name: _weights_hash(settings, adapter) for name, adapter in models.items()}
    prompt_hashes = {prompt: prompt_hash(prompt) for _, prompt in plan}
    data_hash = content_hash(questions)
    identity = content_hash(data_hash, seed, max_new_tokens, plan, hashes, prompt_hashes, length=8)
    return Circumstances(
        id=f"eval-{identity}",
        guild=guild,
        data=POCKET if data == POCKET else Path(data).name,
        n=len(questions),
        available=available,
        limit=limit,
        seed=seed,
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
        write_json(target / "evaluation.json", evaluation.as_json())
        write_text(target / "report.md", markdown(evaluation))
        write_text(target / "samples.jsonl", samples_jsonl(evaluation))
        draw(evaluation, target / "f1.png")
