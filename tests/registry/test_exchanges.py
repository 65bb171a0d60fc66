from __future__ import annotations

import pytest
from sqlalchemy import update

from raft_core.records import Answer, Comparison, Quote, Source, Turn
from raft_core.registry.cards import Cards, JobCard
from raft_core.registry.database import Database
from raft_core.registry.exchanges import Exchanges
from raft_core.registry.guilds import Guilds
from raft_core.registry.tables import Exchange

SOURCE = Source(1, "Norway", 3, "c1", "Oslo is the capital of Norway. \0\ud800")
QUOTE = Quote("Oslo is the capital", True, 1)


def answer(model: str, short: str = "Oslo", error: str = "") -> Answer:
    return Answer(model, f"<ANSWER>: {short}", short, True, False, (QUOTE,), (SOURCE,), 7, 0.5, error)


@pytest.fixture
def exchanges(database: Database) -> Exchanges:
    return Exchanges(database)


def test_an_answered_question_comes_back_whole(exchanges: Exchanges) -> None:
    """Question, answers, sources and quotes are kept as they were, by id and by message, for their guild alone."""
    asked = exchanges.begin("g1", "c1", "m1", "Capital?")
    assert exchanges.get("g1", asked) is None
    comparison = Comparison(
        "Capital?", (answer("base"), answer("raft-1", error="the model server broke off"))
    )
    exchanges.finish("g1", asked, "msg", comparison)
    found = exchanges.get("g1", asked)
    assert found is not None
    assert (found.id, found.channel, found.message, found.asker) == (asked, "c1", "msg", "m1")
    assert [each.model for each in found.comparison.answers] == ["base", "raft-1"]
    assert found.comparison.answers[1].error == "the model server broke off"
    assert found.comparison.answers[0].quotes == (QUOTE,)
    assert found.comparison.answers[0].sources[0].page == 3
    assert exchanges.shown_by("g1", "msg") == found
    assert exchanges.get("g2", asked) is None
    assert exchanges.shown_by("g2", "msg") is None
    assert exchanges.shown_by("g1", "other") is None


def test_answers_that_broke_off_alike_are_found(exchanges: Exchanges) -> None:
    """Of all guilds, those whose every answer has the error, in a message that was sent, within a time."""
    for guild, errors, message in (
        ("g1", "xx", "m1"),
        ("g2", "x", "m2"),
        ("g1", "xy", "m3"),
        ("g1", "x", ""),
    ):
        asked = exchanges.begin(guild, "c1", "m1", "Capital?")
        answers = tuple(answer(f"model-{number}", error=error) for number, error in enumerate(errors))
        exchanges.finish(guild, asked, message, Comparison("Capital?", answers))
    found = exchanges.broken_by("x", "2026-01-01", "9999-01-01")
    assert sorted((guild, asked.message) for guild, asked in found) == [("g1", "m1"), ("g2", "m2")]
    assert exchanges.broken_by("x", "9999-01-01", "9999-01-02") == []
    assert exchanges.broken_by("x", "2026-01-01", "2026-01-02") == []


def test_turns_of_a_thread(exchanges: Exchanges, database: Database) -> None:
    """The last answered questions of a thread come oldest first; what broke off or was never answered is no turn."""
    said = [
        ("One?", answer("base", "1")),
        ("Two?", answer("base", "2", "died")),
        ("Three?", answer("base", "3")),
    ]
    for number, (question, each) in enumerate(said):
        asked = exchanges.begin("g1", "t1", "m1", question)
        exchanges.finish("g1", asked, f"msg{number}", Comparison(question, (each,)))
        with database.write() as session:
            at = f"2026-01-01T00:00:0{number}+00:00"
            session.execute(update(Exchange).where(Exchange.id == asked).values(created_at=at))
    exchanges.begin("g1", "t1", "m1", "Never answered?")
    assert exchanges.turns("g1", "t1", 3) == [Turn("One?", "1"), Turn("Three?", "3")]
    assert exchanges.turns("g1", "t1", 1) == [Turn("Three?", "3")]
    assert exchanges.turns("g1", "t2", 3) == exchanges.turns("g2", "t1", 3) == []


def test_the_last_vote_of_a_member_counts(exchanges: Exchanges) -> None:
    """Votes are counted by answer; a member's second vote replaces the first; there is no vote without an answer."""
    asked = exchanges.begin("g1", "c1", "m1", "Capital?")
    assert not exchanges.rate("g1", asked, "base", "m1", good=True)
    exchanges.finish("g1", asked, "msg", Comparison("Capital?", (answer("base"), answer("raft-1"))))
    for member in ("m1", "m2", "m3"):
        assert exchanges.rate("g1", asked, "base", member, good=True)
    assert exchanges.rate("g1", asked, "base", "m1", good=False)
    assert exchanges.rate("g1", asked, "raft-1", "m1", good=True)
    assert exchanges.opinions("g1", asked) == {"base": (2, 1), "raft-1": (1, 0)}
    assert not exchanges.rate("g1", asked, "nobody", "m1", good=True)
    assert not exchanges.rate("g2", asked, "base", "m1", good=True)
    assert exchanges.opinions("g2", asked) == {}


def test_questions_are_counted_by_member_and_time(exchanges: Exchanges) -> None:
    """A question counts from when it was asked, answered or not."""
    exchanges.begin("g1", "c1", "m1", "One?")
    exchanges.begin("g1", "c1", "m2", "Two?")
    assert len(exchanges.asked_since("g1", "m1", "2026-01-01")) == 1
    assert exchanges.asked_since("g1", "m1", "9999-01-01") == []
    assert exchanges.asked_since("g2", "m1", "2026-01-01") == []


def test_settings_of_a_guild(database: Database) -> None:
    """A guild's settings are empty until they are changed, and no other guild's."""
    guilds = Guilds(database)
    assert guilds.settings("g1") == {}
    assert guilds.change("g1", lambda old: old | {"a": 1}) == {"a": 1}
    assert guilds.change("g1", lambda old: old | {"b": [2]}) == {"a": 1, "b": [2]}
    assert guilds.settings("g1") == {"a": 1, "b": [2]}
    assert guilds.settings("g2") == {}


def test_cards_are_live_until_their_end_is_told(database: Database) -> None:
    """A card is found again until its job's end has been told, which happens once; a resumed job has it again."""
    cards = Cards(database)
    card = JobCard("g1", "job-1", "c1", "m1", "u1")
    cards.add(card)
    cards.note("g1", "job-1", thread="t1")
    (live,) = cards.live()
    assert (live.id, live.thread, live.requester) == ("job-1", "t1", "u1")
    assert cards.get("g2", "job-1") is None
    assert cards.announce("g1", "job-1")
    assert not cards.announce("g1", "job-1")
    assert cards.live() == []
    cards.revive("g1", "job-1")
    assert [each.id for each in cards.live()] == ["job-1"]
