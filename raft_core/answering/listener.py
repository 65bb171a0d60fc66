"""Who hears of answers while they are written."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from raft_core.records import Answer, Source


class Listener:
    """Override what is of interest; all calls come from one thread, in the order in which things happen.

    Setting `stop`, from any thread, breaks off what is still being written.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()

    def found(self, sources: Sequence[Source]) -> None:
        """Hear which sources all models answer from, before they begin."""

    def piece(self, model: str, text: str) -> None:
        """Hear the next piece of a model's answer."""

    def taken_back(self, model: str) -> None:
        """Hear that the pieces of a model's answer so far were thoughts, and no part of it."""

    def ended(self, answer: Answer) -> None:
        """Hear that an answer is finished, or has broken off."""
