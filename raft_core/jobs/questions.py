"""The questions that a guild can be evaluated on: the sample's two halves, and the files that its members handed over.

guilds/<guild>/questions/<name>-<hash>.json
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.errors import EvaluationError
from raft_core.files import write_json
from raft_core.sample import SPLITS

if TYPE_CHECKING:
    from raft_core.settings import Settings

SAMPLE = "sample"
"""The split that is evaluated when none is named: the sample exam's reporting half."""
NAME = 50
_ODD = re.compile(r"[^\w.-]+", re.ASCII)


def splits(settings: Settings, guild: str) -> Sequence[str]:
    """Return the names of all that a guild can be evaluated on."""
    files = sorted(path.name for path in _folder(settings, guild).glob("*.json"))
    return [*SPLITS, *files]


def keep_questions(settings: Settings, guild: str, path: Path, name: str) -> str:
    """Keep a file of questions for the guild and return the split's name; `name` is what its owner calls it.

    Whatever its layout, it is kept in HotpotQA's.

    Raises:
        EvaluationError: the file is not readable, or a record does not fit its layout.
        StorageError: the disk is full.
    """
    from raft_core.evaluation.uploads import read_upload

    try:
        records = read_upload(path)
    except EvaluationError as error:  # where it lies here is nobody's business
        raise EvaluationError(str(error).replace(str(path), name), remedy=error.remedy) from error
    stem = _ODD.sub("_", Path(name).stem).strip("._")[:NAME] or "questions"
    kept = _folder(settings, guild) / f"{stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:6]}.json"
    if not kept.exists():
        write_json(kept, records)
    return kept.name


def data_of(settings: Settings, guild: str, split: str) -> str:
    """Return what `EvaluationSettings.data` calls a split.

    Raises:
        EvaluationError: the guild has none by that name.
    """
    if split in SPLITS:
        return split
    if split not in splits(settings, guild):
        raise EvaluationError(
            f"there are no questions called {split!r}",
            remedy=f"take {', '.join(SPLITS)}, or hand over a file of questions",
        )
    return str(_folder(settings, guild) / split)


def _folder(settings: Settings, guild: str) -> Path:
    return settings.guild_dir(guild) / "questions"
