"""A question and its answers at one moment → the texts of one message, whatever models and documents wrote.

**Who founded it?**                             ← the question, and who asked
┃ **A · base**                                  ← amber while it is written, green with a checked quote, grey without,
┃ F1 0.412 (0.360 to 0.464, 95 %), n = 200        red when it broke off
┃ ### Ada Lovelace                              ← the short answer
┃ ✓ “It was founded by Ada Lovelace.” [1]       ← its words, each quote checked against the sources
┃ 52 tokens · 3.1 s
┃ **B · raft-1a2b3c4d** …
**Sources**  1. Handbook · page 3 · chunk `ab12` …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.replies.colours import AMBER, GREEN, GREY, RED
from bot.replies.text import count, cut, cut_front, escape, inline, size, visible
from raft_core.markup import (
    ANSWER_TAG,
    BEGIN_QUOTE,
    END_QUOTE,
    beside_answer,
    find_quotes,
    pieces,
    without_marks,
)
from raft_core.records import Answer, Comparison, Source

if TYPE_CHECKING:
    from raft_core.registry.evaluations import LatestScore

TEXT_LIMIT = 4000
"""Characters of all texts of a Components V2 message: https://discord.com/developers/docs/components/reference"""
BYTE_LIMIT = 8000
"""Bytes of the same texts: not documented, but Chinese and emoji of more than about 10,000 bytes were refused."""
QUESTION_ROOM, SHORT_ROOM, NAME_ROOM, ERROR_ROOM, TITLE_ROOM = 400, 300, 80, 200, 80
SOURCES_SHOWN = 8
SPARE = 100
HOURGLASS = "⏳"
LETTERS = "AB"


@dataclass(frozen=True, slots=True)
class Room:
    """What the texts of one message may take, in characters and in bytes of UTF-8."""

    characters: int = TEXT_LIMIT
    bytes: int = BYTE_LIMIT

    def part(self, most: int) -> int:
        """Return the characters for one text of which a full message holds `most`."""
        return max(most * self.characters // TEXT_LIMIT, 20)


ROOMS = (Room(), Room(TEXT_LIMIT // 2, BYTE_LIMIT // 2), Room(TEXT_LIMIT // 4, BYTE_LIMIT // 4))
"""From the largest to what is tried where Discord refuses the others."""


@dataclass(frozen=True, slots=True)
class Column:
    """One model's answer: what it has written so far, and the whole of it once it is over."""

    model: str
    text: str = ""
    answer: Answer | None = None
    score: LatestScore | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """What the message shows. `sources` is None until they are found; `place` counts from 1 while it waits.

    `votes` are thumbs up and down by model.
    """

    question: str
    asker: str
    columns: tuple[Column, ...]
    sources: tuple[Source, ...] | None = None
    place: int | None = None
    votes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether every answer is finished or has broken off."""
        return all(column.answer is not None for column in self.columns)


@dataclass(frozen=True, slots=True)
class Panel:
    """A column's texts and colour."""

    colour: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of a message, together within its room; `is_cut` where a finished answer has more than is shown."""

    head: str
    panels: tuple[Panel, ...]
    foot: str
    is_cut: bool

    @property
    def all(self) -> tuple[str, ...]:
        """Every text."""
        return (self.head, *(text for panel in self.panels for text in panel.texts), self.foot)


def board_of(
    comparison: Comparison,
    asker: str,
    scores: Mapping[str, LatestScore],
    votes: Mapping[str, tuple[int, int]],
) -> Board:
    """Return what a finished question shows."""
    columns = tuple(
        Column(each.model, each.text, each, scores.get(each.model)) for each in comparison.answers
    )
    return Board(comparison.question, asker, columns, all_sources(comparison), votes=votes)


def all_sources(comparison: Comparison) -> tuple[Source, ...]:
    """Return the sources of the answer that has the most: a model with a small context has only the first of them."""
    return max((each.sources for each in comparison.answers), key=len, default=())


def texts_of(board: Board, room: Room = ROOMS[0]) -> Texts:
    """Return the message's texts; what models wrote shares the room that the rest leaves."""
    question = cut(_line(board.question), room.part(QUESTION_ROOM))
    head = f"**{question}**\n-# asked by <@{board.asker}>"
    foot = _sources(board.sources, room)
    tops = [_top(column, number, len(board.columns), room) for number, column in enumerate(board.columns)]
    ends = [_end(column, len(board.sources or ()), room) for column in board.columns]
    others = (head, foot, *tops, *ends)
    characters = (room.characters - SPARE - sum(map(len, others))) // len(board.columns)
    length = (room.bytes - SPARE - sum(map(size, others))) // len(board.columns)
    panels, is_cut = [], False
    for column, top, end in zip(board.columns, tops, ends, strict=True):
        whole = _body(column, board, room) or HOURGLASS
        # While it is written its newest words are shown, at the end its first ones.
        body = (cut if column.answer else cut_front)(whole, characters, length)
        is_cut |= column.answer is not None and body != whole
        panels.append(Panel(_colour(column), tuple(text for text in (top, body, end) if text)))
    return Texts(head, tuple(panels), foot, is_cut)


def answers_file(comparison: Comparison) -> str:
    """Return everything that was asked, answered and shown, as Markdown to keep."""
    parts = [f"# {comparison.question}"]
    for answer in comparison.answers:
        broken = f"\n\n(broke off: {answer.error})" if answer.error else ""
        parts.append(f"## {answer.model}\n\n{answer.text}{broken}")
    parts += [
        "## Sources",
        *(
            f"### {source.number}. {_place(source, source.title)}\n\n{source.text}"
            for source in all_sources(comparison)
        ),
    ]
    return "\n\n".join(parts) + "\n"


def source_line(source: Source, room: int = TITLE_ROOM) -> str:
    """Return a source's number, title, page and chunk, in one line; `room` is for the title, in characters."""
    return f"{source.number}. {_place(source, cut(_line(source.title), room))}"


def _place(source: Source, title: str) -> str:
    page = f" · page {source.page}" if source.page is not None else ""
    chunk = f" · chunk {inline(source.chunk_id[:12])}" if source.chunk_id else ""
    return f"{title or 'untitled'}{page}{chunk}"


def _colour(column: Column) -> int:
    if column.answer is None:
        return AMBER
    if column.answer.error:
        return RED
    # Green promises that a passage of the documents stands behind it.
    return GREEN if any(quote.verified for quote in column.answer.quotes) else GREY


def _top(column: Column, number: int, columns: int, room: Room) -> str:
    letter = f"{LETTERS[number]} · " if columns > 1 else ""
    name = f"**{letter}{cut(_line(column.model), room.part(NAME_ROOM))}**"
    if (score := column.score) is None:
        return f"{name}\n-# not scored yet"
    f1, low, high = (f"{value:.3f}" for value in (score.f1, score.f1_low, score.f1_high))
    return f"{name}\n-# F1 {f1} ({low} to {high}, 95 %), n = {score.n}"


def _body(column: Column, board: Board, room: Room) -> str:
    answer = column.answer
    if answer is None and column.text:
        return f"{_plain(column.text)} {HOURGLASS}"
    if answer is None:
        if board.place is not None:
            return f"{HOURGLASS} waits for its turn: place {board.place} in this server's queue"
        return f"{HOURGLASS} {'looks for sources …' if board.sources is None else 'reads the sources …'}"
    if answer.error or not answer.tagged:
        return _checked(answer.text.strip(), answer) or "(nothing was written)"
    short = f"### {cut(_line(without_marks(visible(answer.answer))) or '(an empty answer)', room.part(SHORT_ROOM))}"
    return "\n".join(part for part in (short, _checked(beside_answer(answer.text), answer)) if part)


def _end(column: Column, sources: int, room: Room) -> str:
    answer = column.answer
    if answer is None:
        return ""
    told = [count(answer.tokens, "token"), f"{answer.seconds:.1f} s"]
    if answer.truncated:
        told.append("✂️ cut off at the token limit")
    if answer.repeated:
        told.append("✂️ ended: it repeated itself")
    if not answer.tagged and not answer.error:
        told.append("⚠️ no answer tag: all of it counts as the answer")
    if len(answer.sources) < sources and not answer.error:
        told.append(
            f"answered from the first {count(len(answer.sources), 'source')}: its context holds no more"
        )
    if not any(quote.verified for quote in answer.quotes) and not answer.error:
        told.append("no source used")
    broken = f"🔴 {cut(_line(answer.error), room.part(ERROR_ROOM))}\n" if answer.error else ""
    return f"{broken}-# {' · '.join(told)}"


def _checked(text: str, answer: Answer) -> str:
    """Return a text with its quotes marked as standing in a source or not."""
    quotes = iter(find_quotes(text, [source.text for source in answer.sources]))
    shown = []
    for piece, is_quote in pieces(text):
        if not is_quote:
            shown.append(_plain(piece))
            continue
        quote = next(quotes)
        mark, where = ("✓", f"[{quote.source}]") if quote.verified else ("✗", "[in no source]")
        if quote.source is not None and not quote.verified:
            mark, where = "•", "[too short to check]"
        shown.append(f"{mark} “{escape(without_marks(visible(quote.text)))}” {where}")
    return " ".join(part for part in shown if part)


def _plain(text: str) -> str:
    """Return what a model says without RAFT's markup."""
    text = text.strip().removeprefix("##Reason:").replace(BEGIN_QUOTE, "“").replace(END_QUOTE, "”")
    return escape(without_marks(visible(text.replace(ANSWER_TAG, "→"))).strip())


def _line(text: str) -> str:
    return " ".join(escape(text).split())


def _sources(sources: tuple[Source, ...] | None, room: Room) -> str:
    if not sources:
        return ""
    shown = max(SOURCES_SHOWN * room.characters // TEXT_LIMIT, 1)
    lines = [source_line(source, room.part(TITLE_ROOM)) for source in sources[:shown]]
    if len(sources) > shown:
        lines.append(f"-# and {len(sources) - shown} more behind the button **Sources**")
    return "\n".join(["**Sources**", *lines])
