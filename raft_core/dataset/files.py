"""A data set's folder.

datasets/ds-1f2e3d4c/
  rows.jsonl      one RaftExample a line
  rejected.jsonl  what was left out: {"what", "reason", "question", "cot_answer"}
  card.md         what is in it, for people
  info.json       the DatasetInfo; written last, so a folder that has it is whole
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from raft_core.dataset.card import write_card
from raft_core.errors import DatasetError
from raft_core.files import content_hash, read_json, to_json, write_json, write_text
from raft_core.records import DatasetInfo, RaftExample


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out, why, and what there was of it."""

    what: str
    reason: str
    question: str = ""
    cot_answer: str = ""


def save(folder: Path, info: DatasetInfo, rows: Sequence[RaftExample], rejected: Sequence[Rejected]) -> None:
    """Write a data set.

    Raises:
        StorageError: the disk is full or not writable.
    """
    write_text(folder / "rows.jsonl", _lines(rows))
    write_text(folder / "rejected.jsonl", _lines(rejected))
    write_text(folder / "card.md", write_card(info, rows, count_reasons(rejected)))
    write_json(folder / "info.json", info)


def is_complete(folder: Path) -> bool:
    """Tell whether a data set was written to its end."""
    return (folder / "info.json").is_file()


def load_info(folder: Path) -> DatasetInfo:
    """Return what is known of the data set in a folder.

    Raises:
        DatasetError: there is none, or its files are damaged.
    """
    try:
        values = read_json(folder / "info.json")
        return DatasetInfo(**{**values, "documents": tuple(values["documents"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{folder} holds no data set: {error}", remedy="build it again") from error


def load_dataset(folder: Path) -> tuple[DatasetInfo, list[RaftExample]]:
    """Return a data set and its rows.

    Raises:
        DatasetError: there is none, its files are damaged, or its rows are not those it was saved with.
    """
    info = load_info(folder)
    try:
        lines = (folder / "rows.jsonl").read_text(encoding="utf-8").split("\n")
        rows = [_example(json.loads(line)) for line in lines if line]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"the rows of {info.id} cannot be read: {error}", remedy="build it again"
        ) from error
    if rows_hash(rows) != info.content_hash:
        raise DatasetError(
            f"the rows of {info.id} were changed", remedy="build it again, or import the changed file"
        )
    return info, rows


def read_row(folder: Path, number: int) -> RaftExample:
    """Return one row of a data set by its place, from 0, without reading what follows it.

    Raises:
        DatasetError: there is no such row, or the file is damaged.
    """
    try:
        with (folder / "rows.jsonl").open(encoding="utf-8", newline="\n") as lines:
            return _example(json.loads(next(islice(lines, number, None))))
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as error:
        raise DatasetError(f"row {number + 1} of {folder.name} cannot be read: {error}") from error


def load_rejected(folder: Path) -> list[Rejected]:
    """Return what was left out of a data set."""
    lines = (folder / "rejected.jsonl").read_text(encoding="utf-8").split("\n")
    return [Rejected(**json.loads(line)) for line in lines if line]


def list_datasets(datasets: Path) -> list[DatasetInfo]:
    """Return the data sets below a folder, the oldest first."""
    folders = [path.parent for path in datasets.glob("ds-*/info.json")]
    return sorted((load_info(folder) for folder in folders), key=lambda info: (info.created_at, info.id))


def rows_hash(rows: Sequence[RaftExample]) -> str:
    """Return the hash over all rows in their order."""
    return content_hash([asdict(row) for row in rows])


def count_reasons(rejected: Iterable[Rejected]) -> dict[str, int]:
    """Return how often each reason was given, the commonest first."""
    return dict(Counter(item.reason for item in rejected).most_common())


def _lines(records: Sequence[RaftExample] | Sequence[Rejected]) -> str:
    return "".join(to_json(record) + "\n" for record in records)


def _example(values: dict[str, object]) -> RaftExample:
    documents, titles = values.pop("documents"), values.pop("titles")
    return RaftExample(documents=tuple(documents), titles=tuple(titles), **values)  # type: ignore[arg-type]  # the hash of the rows is checked
