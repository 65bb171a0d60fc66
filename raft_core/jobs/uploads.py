"""Files that were handed over for a job: kept by content until it has used them, whatever becomes of the originals.

guilds/<guild>/uploads/<hash>/<name>
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from raft_core.artifacts import Artifacts
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
    uploads = settings.guild_dir(guild) / "uploads"
    temporary = uploads / f".{uuid4().hex}"
    digest = hashlib.sha256()
    with translated_os_errors(uploads):
        uploads.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as target:
                for block in _blocks(path):
                    digest.update(block)
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())
            kept = uploads / digest.hexdigest()[:16] / path.name
            kept.parent.mkdir(exist_ok=True)
            temporary.rename(kept)
        finally:
            temporary.unlink(missing_ok=True)
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
        shutil.rmtree((settings.home / upload).parent, ignore_errors=True)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise UnreadableDocument(str(path), error.strerror or str(error)) from error
