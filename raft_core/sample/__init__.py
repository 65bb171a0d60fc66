"""The documents of an invented boathouse and the exam about them.

Both are plain files, so that the commands read them as they read any community's: see README.md.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

Split = Literal["development", "reporting"]


SPLITS: dict[str, Split] = {"sample": "reporting", "sample-development": "development"}
"""The exam's halves by the names that `--data` and Discord's `split` take."""


def documents_folder() -> Path:
    """Return the folder of the 84 documents."""
    return Path(str(files(__name__) / "documents"))


def questions(split: Split) -> Path:
    """Return a question file in HotpotQA's official format: 100 for development or 200 for reporting.

    Choose settings on the development questions only; the reporting questions are for the final score.
    """
    return Path(str(files(__name__) / "exam" / f"{split}.json"))


def question_file(data: str) -> Path:
    """Return the question file that `data` names: a half of the exam, or a path of its own."""
    return questions(SPLITS[data]) if data in SPLITS else Path(data)
