"""What the commands of /eval ask for. What is not a coroutine blocks: it runs in a thread, by `services.run`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.replies.evaluations import Counts
from raft_core.errors import EvaluationError
from raft_core.markup import find_quotes
from raft_core.records import BASE, Quote
from raft_core.registry.evaluations import Change

if TYPE_CHECKING:
    import discord

    from bot.services import Services
    from bot.weekly import Weekly
    from raft_core.records import JobInfo

Json = dict[str, Any]

NOTHING, HOW = "nothing was evaluated here yet", "`/eval run` or `/pipeline` does it"
OFFERED = "choose from what `/eval summary` offers"
QUESTIONS_BYTES = 50 << 20
"""HotpotQA's own development file is 46 MB."""


@dataclass(frozen=True, slots=True)
class Summary:
    """An evaluation, what changed by the place of the difference, and its chart as PNG; empty without one."""

    result: Json
    counts: Mapping[int, Counts]
    chart: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One of `count` questions that a model fixed or broke; `names`, `quotes` of the base and of the model."""

    change: Change
    names: tuple[str, str]
    quotes: tuple[Sequence[Quote], Sequence[Quote]]
    checked: bool
    """Whether the documents are at hand that the quotes are checked against."""
    number: int
    count: int


def evaluation_of(job: JobInfo) -> str:
    """Return the id of the evaluation that a finished job made; empty where it made none."""
    result: Mapping[str, Any] = job.result
    found = result.get("evaluation", {}) if job.kind == "pipeline" else result
    return str(found.get("id", "")) if job.kind in ("evaluate", "pipeline") else ""


def evaluate_spec(services: Services, guild: str, adapter: str, samples: int, split: str) -> Json:
    """Return the spec of an evaluation of an adapter beside the base; of the default adapter for "".

    Raises:
        UnknownModel: the guild has no such adapter.
        EvaluationError: the guild has no such questions.
    """
    from raft_core.jobs.evaluate import EvaluationSettings
    from raft_core.jobs.questions import data_of
    from raft_core.jobs.specs import evaluate_spec as spec

    chosen = adapter or default_adapter(services, guild)
    # Asked of the registry first: the model server would know other guilds' adapters by their names too.
    models = (BASE, services.registry.adapters.get(guild, chosen).id) if chosen else (BASE,)
    data = data_of(services.settings, guild, split)
    return spec(services.settings, guild, EvaluationSettings(data, models, samples))


async def keep_upload(services: Services, guild: str, attachment: discord.Attachment) -> str:
    """Keep a file of questions that a member handed over, and return the split that it is.

    Raises:
        EvaluationError: it is too large, or no file in HotpotQA's format.
    """
    from raft_core.jobs.questions import keep_questions

    if attachment.size > QUESTIONS_BYTES:
        raise EvaluationError(f"a file of questions may have {QUESTIONS_BYTES >> 20} MB")
    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder:
        path = Path(folder) / "questions.json"
        await attachment.save(path)
        return await services.run(keep_questions, services.settings, guild, path, attachment.filename)


def default_adapter(services: Services, guild: str) -> str:
    """Return the adapter that answers in a guild, or its newest one; empty where it has none."""
    from bot.settings import read_settings

    chosen = read_settings(services.registry.guilds, guild).default_model
    if chosen and chosen != BASE:
        return chosen
    newest = services.registry.adapters.search(guild, "", 1)
    return newest[0].id if newest else ""


def find_evaluation(services: Services, guild: str, evaluation_id: str = "") -> str:
    """Return the full id of an evaluation of a guild, its newest one for "".

    Raises:
        EvaluationError: the guild has none, or none by this id.
    """
    if not evaluation_id:
        newest = services.registry.evaluations.search(guild, "", 1)
        if not newest:
            raise EvaluationError(NOTHING, remedy=HOW)
        return newest[0].id
    return str(_result(services, guild, evaluation_id)["id"])


def read_summary(services: Services, guild: str, evaluation_id: str) -> Summary:
    """Return an evaluation of a guild, by its full id.

    Raises:
        EvaluationError: the guild has none by this id.
    """
    from raft_core.jobs.reports import chart

    result = _result(services, guild, evaluation_id)
    counts = {
        place: Counts(
            *(len(_changes(services, guild, result, place, fixed=fixed)) for fixed in (True, False))
        )
        for place in range(len(result["differences"]))
    }
    folder = _folder(services, guild, result["id"])
    drawn = chart(folder) if folder else None
    return Summary(result, counts, drawn.read_bytes() if drawn else b"")


def read_change(
    services: Services, guild: str, evaluation_id: str, place: int, number: int, *, fixed: bool
) -> ChangePage:
    """Return a question that the model of a difference fixed or broke; the nearest where the number is too large.

    Raises:
        EvaluationError: the guild has no such evaluation, or there is no such question.
    """
    result = _result(services, guild, evaluation_id)
    if place >= len(result["differences"]):
        raise EvaluationError("this evaluation was made again with other models", remedy="`/eval summary`")
    changes = _changes(services, guild, result, place, fixed=fixed)
    if not changes:
        raise EvaluationError(f"no question was {'fixed' if fixed else 'broken'}")
    number = min(number, len(changes) - 1)
    pair = _pair(result, place)
    said, shown = _said(services, guild, result["id"], changes[number].id)
    quotes = (find_quotes(said.get(pair[0], ""), shown), find_quotes(said.get(pair[1], ""), shown))
    return ChangePage(changes[number], (pair[0][0], pair[1][0]), quotes, bool(shown), number, len(changes))


def read_report(services: Services, guild: str, evaluation_id: str) -> Path:
    """Return the file of an evaluation's report.

    Raises:
        EvaluationError: the guild has no such evaluation, or its report is gone.
    """
    from raft_core.jobs.reports import report

    result = _result(services, guild, evaluation_id)
    folder = _folder(services, guild, result["id"])
    found = report(folder) if folder else None
    if found is None:
        raise EvaluationError("the report is not at hand", remedy="run the evaluation again: `/eval run`")
    return found


def read_history(services: Services, guild: str) -> tuple[Sequence[Json], bytes]:
    """Return the results of a guild's last evaluations, the newest first, and their chart; empty without one.

    Raises:
        EvaluationError: the guild has none.
    """
    from raft_core.errors import StorageError
    from raft_core.jobs.reports import history

    results = services.registry.evaluations.recent(guild)
    if not results:
        raise EvaluationError(NOTHING, remedy=HOW)
    try:
        drawn = history(services.settings, guild)
    except StorageError:  # the list says the same
        drawn = None
    return results, drawn.read_bytes() if drawn else b""


def schedule(services: Services, guild: str, plan: Weekly | None) -> None:
    """Set when a guild's weekly evaluation is posted; None for never.

    Raises:
        EvaluationError: the guild has no such questions.
    """
    from bot.settings import change_settings
    from raft_core.jobs.questions import data_of

    if plan is not None:
        data_of(services.settings, guild, plan.split)
    change_settings(services.registry.guilds, guild, weekly=asdict(plan) if plan else {})


def _result(services: Services, guild: str, evaluation_id: str) -> Json:
    try:
        return services.registry.evaluations.get(guild, evaluation_id)
    except EvaluationError as error:
        raise EvaluationError(f"there is no evaluation {evaluation_id!r} here", remedy=OFFERED) from error


def _pair(result: Json, place: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the two models of a difference, each with the prompt under which it counts."""
    difference = result["differences"][place]
    a, b = difference["a"], difference["b"]
    return (a, result["models"][a]["prompt"]), (b, result["models"][b]["prompt"])


def _changes(services: Services, guild: str, result: Json, place: int, *, fixed: bool) -> Sequence[Change]:
    return services.registry.evaluations.changes(guild, result["id"], *_pair(result, place), fixed=fixed)


def _folder(services: Services, guild: str, evaluation_id: str) -> Path | None:
    """Return where an evaluation's files are; None where they are nowhere: what the registry has is told all the same."""
    from raft_core.errors import StorageError
    from raft_core.jobs.reports import evaluation_folder

    try:
        return evaluation_folder(services.settings, guild, evaluation_id)
    except StorageError:
        return None


def _said(
    services: Services, guild: str, evaluation_id: str, question_id: str
) -> tuple[dict[tuple[str, str], str], tuple[str, ...]]:
    """Return what the models said in full to a question, and the documents that they were shown."""
    from raft_core.jobs.reports import documents, texts

    folder = _folder(services, guild, evaluation_id)
    return (texts(folder, question_id), documents(folder, question_id)) if folder else ({}, ())
