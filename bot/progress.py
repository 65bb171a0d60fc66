"""What is known of a question's answers while they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.replies.answers import Board
from raft_core.answering.listener import Listener
from raft_core.records import Answer, Source


@dataclass(eq=False)
class Progress(Listener):
    """Takes down what is written, in the thread that reads it, and wakes who shows it."""

    board: Board
    loop: asyncio.AbstractEventLoop
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        super().__init__()
        self._texts = {column.model: column.text for column in self.board.columns}
        self._ended: dict[str, Answer] = {}
        self._sources: tuple[Source, ...] | None = None

    def found(self, sources: Sequence[Source]) -> None:
        """Show the sources at once."""
        self._sources = tuple(sources)
        self._wake()

    def piece(self, model: str, text: str) -> None:
        """Take down a piece of an answer."""
        self._texts[model] += text
        self._wake()

    def taken_back(self, model: str) -> None:
        """Forget what a model has thought aloud."""
        self._texts[model] = ""
        self._wake()

    def ended(self, answer: Answer) -> None:
        """Take down that an answer is over."""
        self._ended[answer.model] = answer
        self._wake()

    def told(self, place: int | None) -> None:
        """Take down the place in the queue; called in the event loop."""
        self.board = replace(self.board, place=place)
        self.changed.set()

    def now(self) -> Board:
        """Return what there is to show."""
        columns = tuple(
            replace(column, text=self._texts[column.model], answer=self._ended.get(column.model))
            for column in self.board.columns
        )
        return replace(self.board, columns=columns, sources=self._sources)

    def _wake(self) -> None:
        if not self.changed.is_set():  # one wake-up an edit, not one a token
            self.loop.call_soon_threadsafe(self.changed.set)
