"""Artifacts that several machines share: folders below a home, copied to and from one URL by fsspec.

Without a URL the home itself is shared, or there is one machine: nothing is copied then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from raft_core.errors import StorageError
from raft_core.files import translated_os_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from raft_core.settings import Settings

WHOLE = ".whole"
"""Written beside an artifact's files after all of them, so that nobody fetches half of one."""


class Artifacts:
    """What lies below `settings.home` and, where it is set, at `settings.artifacts_url`."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._url = settings.artifacts_url
        self._secret_url = settings.artifacts_secret_url

    def push(self, path: Path) -> None:
        """Copy a file or folder below the home to the URL; what is there whole already stays.

        Raises:
            StorageError: the URL cannot be written.
        """
        if self._url is None:
            return
        with self._translated():
            filesystem, target = self._at(path)
            if filesystem.exists(target + WHOLE):
                return
            filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    name = f"{target}/{file.relative_to(path).as_posix()}" if path.is_dir() else target
                    filesystem.makedirs(name.rpartition("/")[0], exist_ok=True)
                    filesystem.put_file(str(file), name)
            filesystem.pipe_file(target + WHOLE, b"")

    def has(self, path: Path) -> bool:
        """Return whether another machine may have pushed this file or folder, whole, to the URL.

        Raises:
            StorageError: the URL cannot be read.
        """
        if self._url is None:
            return False
        with self._translated():
            filesystem, target = self._at(path)
            return bool(filesystem.exists(target + WHOLE))

    def share(self, file: Path) -> None:
        """Copy a file that still grows, such as a log, to the URL: over what is there.

        Raises:
            StorageError: the URL cannot be written.
        """
        if self._url is None:
            return
        with self._translated():
            filesystem, target = self._at(file)
            filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
            filesystem.put_file(str(file), target)

    def gather(self, folder: Path, pattern: str, *, but: Path) -> None:
        """Fetch the files in a folder that other machines shared, the newest of each; `but` is this machine's own.

        Raises:
            StorageError: the URL cannot be read.
        """
        if self._url is None:
            return
        with self._translated():
            filesystem, source = self._at(folder)
            for found in filesystem.glob(f"{source}/{pattern}"):
                file = folder / str(found).rpartition("/")[2]
                if file != but:
                    folder.mkdir(parents=True, exist_ok=True)
                    filesystem.get_file(found, str(file))

    def remove(self, path: Path) -> None:
        """Remove what `push` copied to the URL; nothing where it is not there.

        Raises:
            StorageError: the URL cannot be written.
        """
        if self._url is None:
            return
        with self._translated():
            filesystem, target = self._at(path)
            for name in (target + WHOLE, target):
                if filesystem.exists(name):
                    filesystem.rm(name, recursive=True)

    def pull(self, path: Path) -> None:
        """Fetch a file or folder that is not below the home yet, whole or not at all.

        Raises:
            StorageError: the URL cannot be read, or has no such thing.
        """
        if self._url is None or path.exists():
            return
        with self._translated():
            filesystem, source = self._at(path)
            if not filesystem.exists(source + WHOLE):
                raise StorageError(
                    f"{path.name} is neither on this machine nor at {self._url}",
                    remedy="set RAFTBOT_ARTIFACTS_URL to the same place on all machines",
                )
            temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
            with translated_os_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    filesystem.get(source, str(temporary), recursive=True)
                    temporary.rename(path)
                except OSError:
                    if not path.exists():  # another process may have fetched it just now
                        raise
                finally:
                    shutil.rmtree(temporary, ignore_errors=True)
                    with suppress(OSError):  # it may be a file
                        temporary.unlink()

    def _at(self, path: Path) -> tuple[AbstractFileSystem, str]:
        from fsspec.core import url_to_fs

        secret = self._secret_url.get_secret_value() if self._secret_url else self._url
        filesystem, root = url_to_fs(secret)
        return filesystem, f"{root.rstrip('/')}/{path.relative_to(self._home).as_posix()}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except Exception as error:  # every filesystem raises its own
            raise StorageError(
                f"the artifacts at {self._url} cannot be used: {self._reason(error)}",
                remedy="check RAFTBOT_ARTIFACTS_URL and the access to it; raftbot doctor tries it",
            ) from (None if self._secret_url else error)  # a driver's error may show its URL

    def _reason(self, error: Exception) -> str:
        if self._secret_url is not None:
            return type(error).__name__
        return f"{type(error).__name__}: {error}"
