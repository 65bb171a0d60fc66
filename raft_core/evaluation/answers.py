"""Answers of one model, kept as they come: a killed evaluation goes on, the next one need not ask again.

    {"key": "4b1f…", "text": "##Reason: … <ANSWER>: Oslo", "truncated": false, "tokens": 21, "seconds": 0.41}

One line each, appended in one write, so that several processes may share the file. The key is a hash of
all that was sent: messages, token limit, temperature, seed. Whose answers they are, the file's name says.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self

from raft_core.files import to_json, translated_os_errors


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's text, whether it hit the token limit or repeated itself, its tokens, and how long it took."""

    text: str
    truncated: bool
    tokens: int
    seconds: float
    repeated: bool = False


class Answers(Protocol):
    """The answers so far, by key."""

    def get(self, key: str) -> Reply | None:
        """Return the answer kept under `key`."""

    def add(self, key: str, reply: Reply) -> None:
        """Keep an answer.

        Raises:
            StorageError: it cannot be kept.
        """


class NoAnswers:
    """Keep nothing."""

    def get(self, key: str) -> Reply | None:
        """Return None."""
        return None

    def add(self, key: str, reply: Reply) -> None:
        """Forget it."""


class AnswerFile:
    """The answers so far, in a file that is only ever appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read(path)
        with translated_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)  # unbuffered: a kill loses nothing that was appended

    def get(self, key: str) -> Reply | None:
        """Return the answer kept under `key`."""
        return self._known.get(key)

    def add(self, key: str, reply: Reply) -> None:
        """Keep an answer.

        Raises:
            StorageError: the disk is full or not writable.
        """
        # The line break comes first: a line that a crash tore stays alone.
        line = "\n" + to_json({"key": key, **asdict(reply)}) + "\n"
        with translated_os_errors(self.path):
            self._file.write(line.encode())
        self._known[key] = reply

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(path: Path) -> dict[str, Reply]:
    known: dict[str, Reply] = {}
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for line in lines:
        try:
            kept = json.loads(line)
            key = str(kept.pop("key"))
            known[key] = Reply(**kept)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # torn by a crash: asked again
    return known
