"""Files that were handed over for a job: kept until it has used them, whatever becomes of the originals.

guilds/<guild>/uploads/<an id of its own>/<name>
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from raft_core.artifacts import Artifacts
from raft_core.documents.names import safe_name
from raft_core.errors import UnreadableDocument
from raft_core.files import translated_os_errors

if TYPE_CHECKING:
    from raft_core.settings import Settings

BLOCK = 1 << 20


def keep(settings: Settings, guild: str, path: Path) -> str:
    """Copy a file among the guild's uploads and return where it is, below the home.

    Raises:
        UnreadableDocument: it cannot be read.
        StorageError: the disk is full, or the artifacts' URL cannot be written.
    """
    kept = settings.guild_dir(guild) / "uploads" / uuid4().hex[:16] / safe_name(path.name)
    with translated_os_errors(kept):
        kept.parent.mkdir(parents=True)
        try:
            with kept.open("wb") as target:
                for block in _blocks(path):
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            shutil.rmtree(kept.parent, ignore_errors=True)
            raise
    Artifacts(settings).push(kept)
    return kept.relative_to(settings.home).as_posix()


def fetch(settings: Settings, upload: str) -> Path:
    """Return an upload's file, from the artifacts' URL where it was handed over on another machine."""
    path = settings.home / upload
    Artifacts(settings).pull(path)
    return path


def remove(settings: Settings, uploads: Sequence[str]) -> None:
    """Remove uploads that have been used; those that are gone already are no error."""
    for upload in uploads:
        Artifacts(settings).remove(settings.home / upload)
        shutil.rmtree((settings.home / upload).parent, ignore_errors=True)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise UnreadableDocument(str(path), error.strerror or str(error)) from error
