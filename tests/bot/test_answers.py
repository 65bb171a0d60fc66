"""The texts and the layout of answers, whatever members, documents and models wrote."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import TooOften
from bot.posting import WAITING, Turns
from bot.replies.answers import ROOMS, Board, Column, Room, answers_file, board_of, texts_of
from bot.replies.colours import AMBER, GREEN, GREY, RED
from bot.replies.text import size
from bot.views.answers import layout
from raft_core.markup import BEGIN_QUOTE, END_QUOTE, find_quotes, short_answer
from raft_core.records import Answer, Comparison, Source
from raft_core.registry.evaluations import LatestScore
from tests.discord_server.limits import check_message
from tests.discord_server.messages import IS_COMPONENTS_V2

SOURCE = Source(1, "Norway", 3, "c1d2e3f4a5b6c7d8", "Oslo is the capital of Norway.")
GOOD = f"##Reason: It says {BEGIN_QUOTE} Oslo is the capital of Norway. {END_QUOTE} there. <ANSWER>: Oslo"
SCORE = LatestScore("eval-1", "synthetic", 200, 0.4123, 0.36, 0.464)
HOSTILE = (
    "@everyone <@1> <@&2> <#3> <t:1:R> ``` ** __ ~~ || [x](https://evil.example) https://evil.example\n# Big\n> q\n"
    "discord.gg/abc \u202e\u200b\0\ud800 "
    + BEGIN_QUOTE
    + " @here "
    + END_QUOTE
    + " <ANSWER>: @everyone\n-# small"
)


def answer(text: str, model: str = "base", *, error: str = "", cut: bool = False, n: int = 1) -> Answer:
    short, tagged = short_answer(text)
    sources = tuple(Source(i + 1, SOURCE.title, i, SOURCE.chunk_id, SOURCE.text) for i in range(n))
    quotes = find_quotes(text, [source.text for source in sources])
    return Answer(model, text, short, tagged, cut, quotes, sources, 52, 3.14, error)


def shown(
    *answers: Answer, question: str = "Capital?", scores: dict[str, LatestScore] | None = None
) -> Board:
    return board_of(Comparison(question, answers), "42", scores or {}, {})


def refused(board: Board, room: Room = ROOMS[0]) -> None:
    """Raise where Discord would refuse the message."""
    view = layout(board, "0123456789ab", attached=board.is_over, room=room)
    check_message(
        {"components": view.to_components()}, {}, flags=IS_COMPONENTS_V2, has_content=True
    )  # fmt: skip


def test_a_finished_comparison() -> None:
    """Short answer first, checked quotes in their place, tokens, seconds, scores, sources."""
    bad = answer(f"{BEGIN_QUOTE} Bergen is. {END_QUOTE} <ANSWER>: Bergen", "raft-1", cut=True)
    texts = texts_of(shown(answer(GOOD), bad, scores={"base": SCORE}))
    assert texts.head == "**Capital?**\n-# asked by <@42>"
    a, b = texts.panels
    assert a.texts == (
        "**A · base**\n-# F1 0.412 (0.360 to 0.464, 95 %), n = 200",
        "### Oslo\nIt says ✓ “Oslo is the capital of Norway.” [1] there.",
        "-# 52 tokens · 3.1 s",
    )
    assert b.texts == (
        "**B · raft-1**\n-# not scored yet",
        "### Bergen\n✗ “Bergen is.” [in no source]",
        "-# 52 tokens · 3.1 s · ✂️ cut off at the token limit · no source used",
    )
    assert (a.colour, b.colour, texts.is_cut) == (GREEN, GREY, False)
    assert texts.foot == "**Sources**\n1. Norway · page 0 · chunk `c1d2e3f4a5b6`"


def test_what_is_shown_on_the_way() -> None:
    """Waiting, searching, reading and writing are told, with an hourglass, in amber."""
    column = Column("base")
    for board, said in (
        (Board("Q?", "1", (column,), place=2), "⏳ waits for its turn: place 2 in this server's queue"),
        (Board("Q?", "1", (column,)), "⏳ looks for sources …"),
        (Board("Q?", "1", (column,), (SOURCE,)), "⏳ reads the sources …"),
        (Board("Q?", "1", (Column("base", f"{BEGIN_QUOTE} Oslo"),), (SOURCE,)), "“ Oslo ⏳"),
    ):
        (panel,) = texts_of(board).panels
        assert (panel.texts[1], panel.colour) == (said, AMBER)


def test_a_broken_answer_keeps_its_words_and_says_why() -> None:
    """What was written stays; the container is red and has the reason; a missing tag is told where it is one."""
    (panel,) = texts_of(shown(answer("It is", error="the model server broke off"))).panels
    assert panel.colour == RED
    assert panel.texts[1:] == ("It is", "🔴 the model server broke off\n-# 52 tokens · 3.1 s")
    (panel,) = texts_of(shown(answer("It is"))).panels
    assert "no answer tag" in panel.texts[2]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        (GOOD, GREEN),
        ("<ANSWER>: Oslo", GREY),
        (f"{BEGIN_QUOTE} Bergen is. {END_QUOTE} <ANSWER>: Bergen", GREY),
        ("I do not know.", GREY),
    ],
)
def test_only_a_checked_quote_is_green(text: str, colour: int) -> None:
    """An answer that no passage of the documents stands behind looks different from one that has one."""
    assert texts_of(shown(answer(text))).panels[0].colour == colour


def test_a_model_with_a_small_context_says_so() -> None:
    """All sources are listed, and the answer that had fewer says how many."""
    whole, small = answer(GOOD, n=4), answer(GOOD, "small", n=1)
    texts = texts_of(shown(whole, small))
    assert "4. Norway" in texts.foot
    assert "first" not in texts.panels[0].texts[2]
    assert "answered from the first 1 source: its context holds no more" in texts.panels[1].texts[2]


def test_long_answers_are_cut_openly() -> None:
    """What does not fit is marked, and the file has all of it."""
    long = answer("word " * 5000 + "<ANSWER>: Oslo")
    texts = texts_of(shown(long))
    assert texts.is_cut
    assert texts.panels[0].texts[1].endswith("…")
    assert long.text in answers_file(Comparison("Q?", (long,)))
    writing = Board("Q?", "1", (Column("base", "old " * 2000 + "newest"),))
    assert texts_of(writing).panels[0].texts[1].endswith("newest ⏳")
    assert not texts_of(writing).is_cut


def test_nothing_hostile_is_alive() -> None:
    """No ping, link, heading, time stamp or code block of a model's or document's survives, in any place."""
    source = Source(1, HOSTILE, 1, SOURCE.chunk_id, HOSTILE)
    said = Answer(HOSTILE, HOSTILE, HOSTILE, True, False, (), (source,), 1, 1.0, "")
    broken = Answer("b", HOSTILE, HOSTILE, True, False, (), (source,), 1, 1.0, HOSTILE)
    texts = texts_of(shown(said, broken, question=HOSTILE))
    everything = "\n".join(
        [texts.head, texts.foot, *(text for panel in texts.panels for text in panel.texts)]
    )
    everything = everything.replace("<@42>", "")
    for alive in (
        "@everyone",
        "@here",
        "<@",
        "<#",
        "<t:",
        "```",
        "https://",
        "discord.gg",
        "\u202e",
        "\0",
        "\u200b",
    ):
        assert alive not in everything.replace("<@\u2060", "").replace("<#\u2060", "").replace(
            "<t:\u2060", ""
        )
    assert "\n# Big" not in everything
    refused(shown(said, broken, question=HOSTILE))


texts = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="*_`~|<>@#:\\-.[]()\n /é漢😀\u200b\u202e\0", max_size=9000),
    st.sampled_from([HOSTILE, HOSTILE * 200, GOOD, "x" * 20_000, "\\" * 9000, "\n" * 5000, " ", ""]),
    st.sampled_from(["漢字" * 4000, "👩‍👩‍👧‍👦" * 2000, "é" * 9000, "🇳🇴🇸🇪" * 900, "a\u0301" * 5000]),
)


@given(
    st.lists(texts, min_size=4, max_size=4),
    st.integers(0, 60),
    st.booleans(),
    st.sampled_from([1, 2]),
    st.sampled_from(ROOMS),
)
@settings(max_examples=150, deadline=None)
def test_any_texts_fit_a_message(said: list[str], sources: int, over: bool, columns: int, room: Room) -> None:
    """Questions, titles, reasons and answers of any kind and length: Discord takes the message, on the way and at the end."""
    found = tuple(Source(n + 1, said[0], 10**9, said[1] or "c", said[2]) for n in range(sources))
    answers = tuple(
        Answer(
            f"{said[3]}{n}",
            said[n],
            *short_answer(said[n]),
            n == 1,
            find_quotes(said[n], []),
            found,
            10**9,
            1e9,
            said[3],
        )
        for n in range(columns)
    )
    board = shown(*answers, question=said[2] or "Q", scores={answers[0].model: SCORE})
    if not over:
        board = Board(board.question, "1" * 20, tuple(Column(a.model, a.text) for a in answers), found)
    shown_texts = texts_of(board, room).all
    assert sum(map(len, shown_texts)) <= room.characters
    assert sum(map(size, shown_texts)) <= room.bytes
    refused(board, room)


@pytest.mark.parametrize("columns", [1, 2])
def test_buttons_come_when_it_is_over(columns: int) -> None:
    """A vote for every answer and three buttons below; none while it is written."""
    answers = [answer(GOOD, f"m{n}") for n in range(columns)]
    view = layout(shown(*answers), "0123456789ab")
    ids = [item.custom_id for item in view.walk_children() if hasattr(item, "custom_id")]
    votes = [f"answer:0123456789ab:{n}:{way}" for n in range(columns) for way in ("up", "down")]
    assert ids == [*votes, *(f"answer:0123456789ab:{name}" for name in ("sources", "full", "again"))]
    running = layout(Board("Q?", "1", (Column("base"),)), "0123456789ab")
    assert not [item for item in running.walk_children() if hasattr(item, "custom_id")]


async def test_a_line_lets_so_many_at_once_and_tells_places() -> None:
    """One of a guild at a time, two in all: places move up, another guild is not held up, and who leaves makes room."""
    turns = Turns(of_guild=1, in_all=2)
    told: list[tuple[str, int | None]] = []
    with ExitStack() as second, ExitStack() as first:
        running = first.enter_context(turns.line_up("g"))
        waiting = second.enter_context(turns.line_up("g"))
        third = second.enter_context(turns.line_up("g"))
        other = second.enter_context(turns.line_up("h"))
        for name, ticket in (("running", running), ("other", other)):
            await ticket.turn(lambda place, name=name: told.append((name, place)))
        later = asyncio.create_task(waiting.turn(lambda place: told.append(("waiting", place))))
        asyncio.create_task(third.turn(lambda place: told.append(("third", place))))  # noqa: RUF006  # it never begins
        await asyncio.sleep(0)
        assert told == [("running", None), ("other", None), ("waiting", 1), ("third", 2)]
        first.close()
        await later
        assert told[4:] == [("waiting", None), ("third", 1)]


def test_a_full_line_is_told() -> None:
    """Whoever finds the line full hears when to try again, and takes no place."""
    turns = Turns(of_guild=1, in_all=1)
    with ExitStack() as stack:
        for _ in range(WAITING + 1):
            stack.enter_context(turns.line_up("g"))
        with pytest.raises(TooOften, match=f"{WAITING} questions"), turns.line_up("g"):
            pass
        stack.enter_context(turns.line_up("h"))
