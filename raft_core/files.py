"""Files that are either as before or wholly new, whatever happens in between."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raft_core.errors import StorageError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Models and broken documents write such; no encoding has them, and JSON an escape for each."""


@contextmanager
def translated_os_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(
                f"the disk is full: {path} was not written",
                remedy="free some space or set RAFTBOT_HOME to another disk, then run the command again",
            ) from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}:
            raise StorageError(
                f"cannot write {path}: {error.strerror}", remedy="choose a folder that you may write to"
            ) from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` so that after a crash the file holds the old bytes or the new, never a mixture.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with translated_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, text.encode())


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON; dataclasses become objects, paths strings."""

    def default(item: object) -> object:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return dataclasses.asdict(item)
        if isinstance(item, Path):
            return str(item)
        raise TypeError(f"{type(item).__name__} is not JSON")

    text = json.dumps(value, default=default, ensure_ascii=False, indent=indent)
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, as `write_bytes` does."""
    write_text(path, to_json(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON value in a UTF-8 file."""
    return json.loads(path.read_text(encoding="utf-8"))


def content_hash(*parts: object, length: int = 16) -> str:
    """Return a hex prefix of the SHA-256 over the parts' canonical JSON."""
    canonical = json.dumps(
        parts,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda item: dataclasses.asdict(item) if dataclasses.is_dataclass(item) else str(item),  # type: ignore[arg-type]
    )
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:length]
