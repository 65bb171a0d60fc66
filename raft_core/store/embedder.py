"""Embeds in a process of its own: for the bot, which loads no model, where the model server embeds nothing.

    → {"texts": ["Who opens the mill?"]}
    ← {"vectors": [[0.013, …]]}    or    {"error": "…", "remedy": "…"}

One JSON line each way. The process begins with the first text and ends with the one that started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Lock
from typing import IO, Any

from langchain_core.embeddings import Embeddings

from raft_core.errors import RaftError, StoreError


class ChildEmbeddings(Embeddings):
    """Embed with a model of this machine, named as in the settings; threads take turns."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._child: subprocess.Popen[str] | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text.

        Raises:
            StoreError: the model cannot be loaded, or its process ended.
        """
        with self._lock:
            try:
                reply = self._ask({"texts": texts})
            except (OSError, ValueError) as error:
                self.close()
                reason = f"the process that embeds questions ended: {error or 'it said nothing'}"
                raise StoreError(reason, remedy="try again; is there enough memory?") from error
        if "error" in reply:
            raise StoreError(str(reply["error"]), remedy=str(reply.get("remedy", "")))
        vectors: list[list[float]] = reply["vectors"]
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            # -P: a file in the current folder must not stand in for a library.
            command = [sys.executable, "-P", "-m", __name__, self._name]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own code
        assert self._child.stdin is not None and self._child.stdout is not None  # noqa: S101  # made with pipes
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        reply: dict[str, Any] = json.loads(self._child.stdout.readline())
        return reply


def _serve(name: str, asked: IO[str], replies: IO[str]) -> None:
    from raft_core.settings import Settings
    from raft_core.store.embeddings import load_embeddings

    embeddings: Embeddings | None = None
    for line in asked:
        try:
            embeddings = embeddings or load_embeddings(Settings(embeddings=name))
            reply: dict[str, Any] = {"vectors": embeddings.embed_documents(json.loads(line)["texts"])}
        except RaftError as error:
            reply = {"error": str(error), "remedy": error.remedy}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    _serve(sys.argv[1], sys.stdin, answers)
