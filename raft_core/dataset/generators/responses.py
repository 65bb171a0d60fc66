"""Every answer of a model server, kept as it comes: one JSON line each, appended.

    {"key": "4b1f…", "text": "What is the capital of Norway?", "tokens": 57, "cut_off": false}

A row is a pure function of its answers, so what a killed build had finished is never paid for again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from raft_core.files import translated_os_errors


@dataclass(frozen=True, slots=True)
class Response:
    """A model's text, the tokens of prompt and answer together, and whether it hit the token limit."""

    text: str
    tokens: int
    cut_off: bool


class Responses(Protocol):
    """The answers so far, by key."""

    def get(self, key: str) -> Response | None:
        """Return the answer kept under `key`."""

    def add(self, key: str, response: Response) -> None:
        """Keep an answer.

        Raises:
            RaftError: it cannot be kept.
        """

    def close(self) -> None:
        """Let go of what holds them."""


class ResponseFile:
    """The answers so far, by key, in a file that is only ever appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._known = _read(path)
        with translated_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)  # unbuffered: a kill loses nothing that was appended
            if self._file.tell() and not path.read_bytes().endswith(b"\n"):
                self._file.write(b"\n")  # a line that a crash tore stays alone and is ignored

    def get(self, key: str) -> Response | None:
        """Return the answer kept under `key`."""
        return self._known.get(key)

    def add(self, key: str, response: Response) -> None:
        """Keep an answer.

        Raises:
            StorageError: the disk is full or not writable.
        """
        line = json.dumps({"key": key, **asdict(response)}, ensure_ascii=False) + os.linesep
        with self._lock, translated_os_errors(self.path):
            self._file.write(line.encode("utf-8", "backslashreplace"))
            self._known[key] = response

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read(path: Path) -> dict[str, Response]:
    known: dict[str, Response] = {}
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                kept = json.loads(line)
                known[kept["key"]] = Response(kept["text"], kept["tokens"], kept["cut_off"])
            except (ValueError, KeyError, TypeError):
                continue  # torn by a crash: that call is made again
    return known
