"""What is asked of a job, as the JSON that waits in the queue; what can be wrong is said before it waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from raft_core.documents.names import shown, source_of
from raft_core.errors import DocumentError, UnreadableDocument
from raft_core.files import write_json
from raft_core.jobs.catalogue import find_dataset
from raft_core.jobs.served import find_models
from raft_core.jobs.uploads import keep
from raft_core.records import Rejection
from raft_core.sample import SPLITS, question_file

if TYPE_CHECKING:
    from raft_core.dataset.builder import BuildSettings
    from raft_core.jobs.draw import EvaluationSettings
    from raft_core.settings import Settings
    from raft_core.training.recipe import Recipe

Json = dict[str, Any]


def ingest_spec(
    settings: Settings,
    guild: str,
    paths: Sequence[Path],
    *,
    hotpotqa: Path | None = None,
    limit: int | None = None,
    by: str = "",
    consent: bool | None = None,
    title: str = "",
    source: Callable[[Path], str] = source_of,
) -> Json:
    """Keep files for an ingestion; what cannot be read is told in its result.

    `source` returns the name under which a file is known: one of the same name is a new version.

    Raises:
        DocumentError: nothing of it can be read.
    """
    from raft_core.jobs.ingest import walk  # it brings the readers and Chroma's client

    uploads: list[str] = []
    sources: list[str] = []
    rejected: list[Json] = []
    for found in walk(paths):
        try:
            if isinstance(found, Rejection):
                rejected.append({"path": found.what, "reason": found.reason})
            else:
                uploads.append(keep(settings, guild, found))
                sources.append(source(found))
        except UnreadableDocument as error:
            rejected.append({"path": shown(error.path), "reason": error.reason})
    if not uploads and hotpotqa is None:
        first = rejected[0] if rejected else {"path": "nothing", "reason": "was named"}
        raise DocumentError(f"nothing can be added; {first['path']}: {first['reason']}")
    return {
        "uploads": uploads,
        "sources": sources,
        "rejected": rejected,
        "hotpotqa": keep_questions(settings, guild, str(hotpotqa)) if hotpotqa else None,
        "limit": limit,
        "by": by,
        "consent": consent,
        "title": title,
    }


def build_spec(build: BuildSettings) -> Json:
    """Ask for a data set."""
    return {"build": asdict(build)}


def train_spec(settings: Settings, guild: str, dataset_id: str, recipe: Recipe) -> Json:
    """Ask for an adapter.

    Raises:
        UnknownDataset: there is no such data set.
    """
    return {"dataset": find_dataset(settings, guild, dataset_id).name, "recipe": asdict(recipe)}


def evaluate_spec(settings: Settings, guild: str, what: EvaluationSettings) -> Json:
    """Ask for an evaluation; a file of questions is kept for it.

    Raises:
        UnknownModel: nobody serves a model by that name.
        BadRecord: a record of the file does not fit the format.
    """
    from raft_core.evaluation.questions import read_questions

    models = list(find_models(settings, guild, what.models))
    questions = len(read_questions(what.data))
    data = what.data if what.data in SPLITS else keep_questions(settings, guild, what.data)
    return {"evaluation": {**asdict(what), "models": models, "data": data}, "questions": questions}


def pipeline_spec(
    settings: Settings, guild: str, build: BuildSettings, recipe: Recipe, what: EvaluationSettings
) -> Json:
    """Ask for a data set, an adapter, and an evaluation of it beside the models of `what`."""
    return {
        **build_spec(build),
        "recipe": asdict(recipe),
        **evaluate_spec(settings, guild, what),
    }


def keep_questions(settings: Settings, guild: str, source: str) -> str:
    """Keep a file of questions, or the hub's under this name as a file, so that any worker has them; return where."""
    from raft_core.evaluation.questions import read_questions, to_record
    from raft_core.evaluation.sources import is_hub_id

    if not is_hub_id(source):
        return keep(settings, guild, question_file(source))
    with TemporaryDirectory(prefix="raftbot-") as folder:
        path = Path(folder) / f"{source.replace('/', '--').replace(':', '-')}.json"
        write_json(path, [to_record(question) for question in read_questions(source)])
        return keep(settings, guild, path)
