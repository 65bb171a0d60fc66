"""An evaluation and its relatives, read back for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_core.jobs.catalogue import open_registry
from raft_core.jobs.reports import evaluation_folder

if TYPE_CHECKING:
    from pathlib import Path

    from raft_core.evaluation.result import Evaluation
    from raft_core.settings import Settings

SAME = ("data", "n", "seed", "max_new_tokens", "base_model", "model_hashes")
"""What evaluations share that differ only in the paragraphs shown."""


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


def _kin(result: dict[str, Any]) -> list[Any]:
    return [result.get(name) for name in SAME]
