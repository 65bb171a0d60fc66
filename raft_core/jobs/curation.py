"""What curators drop of a data set leaves a data set of its own; the one it came of never changes.

The derived one's settings say from which it came and which rows are missing, its list of what was rejected
names them, and its id follows from both: the same drops give the same data set.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from raft_core.dataset import files
from raft_core.dataset.files import Rejected
from raft_core.errors import DatasetError
from raft_core.files import content_hash
from raft_core.jobs.catalogue import find_dataset, open_registry, register_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from raft_core.records import DatasetInfo
    from raft_core.settings import Settings

DROPPED = "dropped by a curator"


def curated(settings: Settings, guild: str, dataset_id: str) -> Path:
    """Return the folder of a data set without the rows that curators dropped; of the data set itself where none are.

    Raises:
        UnknownDataset: there is none, or several ids begin so.
        DatasetError: no row is left, or the files are damaged.
        StorageError: the disk is full or not writable.
    """
    folder = find_dataset(settings, guild, dataset_id)
    with open_registry(settings, guild) as registry:
        verdicts = registry.verdicts.of(guild, folder.name)
    dropped = sorted(row for row, verdict in verdicts.items() if not verdict.keep)
    if not dropped:
        return folder
    info, rows = files.load_dataset(folder)
    derived = folder.with_name(f"ds-{content_hash(info.content_hash, dropped, length=8)}")
    if not files.is_complete(derived):
        kept = [row for number, row in enumerate(rows) if number not in set(dropped)]
        if not kept:
            raise DatasetError(
                f"curators dropped all rows of {info.id}", remedy="keep some, or build another"
            )
        out = [Rejected(rows[at].id, DROPPED, rows[at].question, rows[at].cot_answer) for at in dropped]
        rejected = [*files.load_rejected(folder), *out]
        files.save(
            derived, _info(info, derived.name, dropped, files.rows_hash(kept), len(rejected)), kept, rejected
        )
    register_dataset(settings, files.load_info(derived))
    return derived


def _info(
    parent: DatasetInfo, dataset_id: str, dropped: Collection[int], rows_hash: str, rejected: int
) -> DatasetInfo:
    """Return the derived data set's card: it took no tokens, and saw no more documents than the one it came of."""
    return replace(
        parent,
        id=dataset_id,
        rows=parent.rows - len(dropped),
        rejected=rejected,
        content_hash=rows_hash,
        tokens=0,
        cost_usd=0.0,
        settings={**parent.settings, "derived_from": parent.id, "dropped_rows": list(dropped)},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
