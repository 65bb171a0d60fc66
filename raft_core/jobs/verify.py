"""Verifies an evaluation that a guild keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_core.files import read_json
from raft_core.jobs.catalogue import open_registry
from raft_core.jobs.reports import evaluation_folder

if TYPE_CHECKING:
    from raft_core.evaluation.verify import Verdict
    from raft_core.settings import Settings


def verify_evaluation(settings: Settings, guild: str, evaluation_id: str) -> Verdict:
    """Compute all scores and intervals of an evaluation again from its stored samples.

    Raises:
        EvaluationError: the guild has no such evaluation, or its files are broken.
        StorageError: its files are neither on this machine nor where they are shared.
    """
    from raft_core.evaluation.stored import load_evaluation
    from raft_core.evaluation.verify import verify

    with open_registry(settings, guild) as registry:
        registered = registry.evaluations.get(guild, evaluation_id)
    folder = evaluation_folder(settings, guild, registered["id"])
    stored = load_evaluation(folder)
    told = {"evaluation.json": read_json(folder / "evaluation.json"), "registry": registered}
    return verify(stored, told)
