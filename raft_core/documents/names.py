"""File names as text: valid UTF-8 of one line, and no name that looks like another."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from raft_core.markup import printable

NAME_BYTES = 150
"""Of a file's name that are kept where we store it: file systems take 255."""


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as printable text; other characters and backslashes are escaped, so that no two look the same.

    >>> shown("a\nb")
    'a\\nb'
    """
    name = os.fspath(path)
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, which no file system gives
        raw = name.encode("utf-8", "surrogatepass")
    text = raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def source_of(path: Path) -> str:
    """Return the name under which a file is known here: its whole path, wherever the command runs."""
    return shown(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links


def title_of(title: str, path: Path) -> str:
    """Return a document's title on one line without control characters, or its file's name where none is left."""
    return " ".join(printable(title).split()) or shown(path.stem)


def safe_name(name: str) -> str:
    """Return a file's name that leads nowhere and fits any file system; its ending, which tells its kind, stays."""
    plain = " ".join(printable(name.replace("\\", "/")).split())
    path = PurePosixPath(PurePosixPath(plain).name.lstrip(". ").strip() or "file")
    suffix = path.suffix if len(path.suffix.encode()) <= NAME_BYTES // 4 else ""
    stem = path.name.removesuffix(suffix).encode()[: NAME_BYTES - len(suffix.encode())]
    return (stem.decode(errors="ignore").strip() or "file") + suffix
