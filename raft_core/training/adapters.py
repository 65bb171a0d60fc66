"""The adapters of a guild, one folder each: `adapters/<id>/adapter.json` beside the weights.

An unfinished training lives in `adapters/.<id>.partial/`, which no function here lists.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from raft_core.errors import ModelError, UnknownModel
from raft_core.files import read_json, translated_os_errors
from raft_core.records import AdapterInfo

INFO = "adapter.json"


def list_adapters(folder: Path) -> list[AdapterInfo]:
    """Return the finished adapters in `folder`, oldest first; none where the folder is missing.

    Raises:
        ModelError: an adapter's info cannot be read.
    """
    found = [_read(path.parent) for path in folder.glob(f"[!.]*/{INFO}")]
    return sorted(found, key=lambda info: (info.created_at, info.id))


def load_adapter(folder: Path, adapter_id: str) -> AdapterInfo:
    """Return the adapter with this id, or the only one whose id begins so.

    Raises:
        UnknownModel: there is none, or there are several.
    """
    known = sorted(path.parent.name for path in folder.glob(f"[!.]*/{INFO}"))
    if adapter_id in known:
        return _read(folder / adapter_id)
    meant = [name for name in known if adapter_id and name.startswith(adapter_id)]
    if len(meant) != 1:
        raise UnknownModel(adapter_id, meant or known)
    return _read(folder / meant[0])


def remove_adapter(folder: Path, adapter_id: str) -> AdapterInfo:
    """Remove an adapter and its weights; return what it was.

    Raises:
        UnknownModel: there is none with this id.
        StorageError: the folder may not be written.
    """
    info = load_adapter(folder, adapter_id)
    with translated_os_errors(folder / info.id):
        gone = (folder / info.id).rename(
            folder / f".{info.id}.removed"
        )  # at once: no half of it is ever listed
        shutil.rmtree(gone)
    return info


def _read(path: Path) -> AdapterInfo:
    try:
        values = read_json(path / INFO)
        # The folder may have been moved since; it is where it is.
        return dataclasses.replace(AdapterInfo(**values), path=str(path))
    except (ValueError, TypeError, OSError) as error:
        raise ModelError(
            f"the adapter {path.name} has a broken {INFO}: {error}",
            remedy=f"remove the folder {path} and train again",
        ) from error
