"""What evaluations left behind for people to look at: charts, the report, and what the models said in full.

guilds/<guild>/evaluations/<id>/   f1-light.png, f1-dark.png, report.html, report.md, samples.jsonl,
                                       questions.json
guilds/<guild>/charts/             history-light.png, history-dark.png
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from raft_core.artifacts import Artifacts
from raft_core.errors import RaftError
from raft_core.files import write_bytes
from raft_core.jobs.catalogue import open_registry

if TYPE_CHECKING:
    from raft_core.evaluation.result import Evaluation
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
REPORTS = ("report.html", "report.md")
SAME = ("data", "n", "seed", "max_new_tokens", "base_model", "model_hashes")
"""What evaluations share that differ only in the paragraphs shown."""


def evaluation_folder(settings: Settings, guild: str, evaluation_id: str) -> Path:
    """Return the folder of an evaluation, by its full id; from the artifacts' URL where another machine made it.

    Raises:
        StorageError: it is neither here nor there.
    """
    folder = settings.guild_dir(guild) / "evaluations" / evaluation_id
    Artifacts(settings).pull(folder)
    return folder


def load_report(
    settings: Settings, guild: str, evaluation_id: str
) -> tuple[Evaluation, list[Evaluation], Path]:
    """Return a guild's evaluation, the others that differ from it only in what was shown, and its folder.

    Raises:
        EvaluationError: the guild has no such evaluation, or its files are broken.
        StorageError: its files are neither on this machine nor where they are shared.
    """
    from raft_core.evaluation.stored import load_evaluation

    with open_registry(settings, guild) as registry:
        wanted = registry.evaluations.get(guild, evaluation_id)
        results = registry.evaluations.list(guild)
    folder = evaluation_folder(settings, guild, wanted["id"])
    others = [
        load_evaluation(evaluation_folder(settings, guild, result["id"]))
        for result in results
        if result["id"] != wanted["id"] and _kin(result) == _kin(wanted)
    ]
    return load_evaluation(folder), others, folder


def chart(folder: Path, theme: Theme = "dark") -> Path | None:
    """Return an evaluation's chart for a theme; those made before there were themes have one for all."""
    names = (f"f1-{theme}.png", "f1.png")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def report(folder: Path) -> Path | None:
    """Return an evaluation's report, the one with the charts in it where there is one."""
    return next((folder / name for name in REPORTS if (folder / name).is_file()), None)


def texts(folder: Path, question_id: str) -> dict[tuple[str, str], str]:
    """Return what each model, under each prompt, said in full to a question."""
    found: dict[tuple[str, str], str] = {}
    file = folder / "samples.jsonl"
    if not file.is_file():
        return found
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            sample = json.loads(line)
            if sample["id"] == question_id:
                found[sample["model"], sample["prompt"]] = sample["text"]
    return found


def documents(folder: Path, question_id: str) -> tuple[str, ...]:
    """Return the paragraphs that were shown with a question; empty where nobody kept them."""
    from raft_core.evaluation.questions import paragraphs, read_questions

    file = folder / "questions.json"
    asked = read_questions(file) if file.is_file() else []
    return next((paragraphs(question) for question in asked if question.id == question_id), ())


def history(settings: Settings, guild: str, theme: Theme = "dark") -> Path | None:
    """Return the newest chart of a guild's adapters; None where no evaluation of one has ended yet."""
    file = _history(settings, guild, theme)
    Artifacts(settings).gather(file.parent, file.name, but=Path())
    return file if file.is_file() else None


def redraw_history(settings: Settings, guild: str) -> None:
    """Draw the chart of a guild's adapters again, an evaluation having ended; a failure is no reason to lose that."""
    from raft_core.evaluation.history import draw, points

    try:
        with open_registry(settings, guild) as registry:
            found = points(registry.evaluations.recent(guild))
        if not found:
            return
        for theme in THEMES:
            file = _history(settings, guild, theme)
            write_bytes(file, draw(found, theme))
            Artifacts(settings).share(file)
    except RaftError as error:
        log.warning("the history of guild %s was not drawn: %s", guild, error)


def _history(settings: Settings, guild: str, theme: Theme) -> Path:
    return settings.guild_dir(guild) / "charts" / f"history-{theme}.png"


def _kin(result: dict[str, Any]) -> list[Any]:
    return [result.get(name) for name in SAME]
