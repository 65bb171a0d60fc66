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


UNANSWERED = Comparison("Capital?", (answer("base", error="cut off"),))


@pytest.fixture
def exchanges(database: Database) -> Exchanges:
    return Exchanges(database)


def test_an_answered_question_comes_back_whole(exchanges: Exchanges) -> None:
    """Question, answers, sources and quotes are kept as they were, by id and by message, for their guild alone."""
    asked = exchanges.begin("g1", "c1", "m1", UNANSWERED)
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


def test_what_is_not_shown_to_its_end_is_found(exchanges: Exchanges) -> None:
    """From before anything is shown until the message shows the answers: with the token, and what to show."""
    asked = exchanges.begin("g1", "c1", "m1", UNANSWERED, "a-token")
    whole = Comparison("Capital?", (answer("base"),))

    def found() -> list[tuple[str, str, str, str]]:
        left = exchanges.unfinished("2026-01-01")
        return [(guild, each.message, each.token, each.comparison.answers[0].error) for guild, each in left]

    assert found() == [("g1", "", "a-token", "cut off")]
    exchanges.shown_in("g1", asked, "msg")
    assert found() == [("g1", "msg", "a-token", "cut off")]
    exchanges.answered("g1", asked, whole)
    assert found() == [("g1", "msg", "a-token", "")]
    assert exchanges.unfinished("9999-01-01") == []
    exchanges.finish("g1", asked, "msg", whole)
    assert found() == []
    kept = exchanges.get("g1", asked)
    assert kept is not None and (kept.token, kept.comparison) == ("", whole)


def test_a_mention_has_no_token_and_is_found(exchanges: Exchanges) -> None:
    """It is pending all the same."""
    asked = exchanges.begin("g1", "c1", "m1", UNANSWERED)
    assert [each.id for _, each in exchanges.unfinished("2026-01-01")] == [asked]


def test_a_refused_question_does_not_count(exchanges: Exchanges) -> None:
    """Nothing is left of it, in its own guild alone."""
    asked = exchanges.begin("g1", "c1", "m1", UNANSWERED)
    exchanges.forget("g2", asked)
    assert len(exchanges.asked_since("g1", "m1", "2026-01-01")) == 1
    exchanges.forget("g1", asked)
    assert exchanges.asked_since("g1", "m1", "2026-01-01") == [] and exchanges.get("g1", asked) is None


def test_turns_of_a_thread(exchanges: Exchanges, database: Database) -> None:
    """The last answered questions of a thread come oldest first; what broke off or was never answered is no turn."""
    said = [
        ("One?", answer("base", "1")),
        ("Two?", answer("base", "2", "died")),
        ("Three?", answer("base", "3")),
    ]
    for number, (question, each) in enumerate(said):
        asked = exchanges.begin("g1", "t1", "m1", UNANSWERED)
        exchanges.finish("g1", asked, f"msg{number}", Comparison(question, (each,)))
        with database.write() as session:
            at = f"2026-01-01T00:00:0{number}+00:00"
            session.execute(update(Exchange).where(Exchange.id == asked).values(created_at=at))
    exchanges.begin("g1", "t1", "m1", UNANSWERED)
    assert exchanges.turns("g1", "t1", 3) == [Turn("One?", "1"), Turn("Three?", "3")]
    assert exchanges.turns("g1", "t1", 1) == [Turn("Three?", "3")]
    assert exchanges.turns("g1", "t2", 3) == exchanges.turns("g2", "t1", 3) == []


def test_the_last_vote_of_a_member_counts(exchanges: Exchanges) -> None:
    """Votes are counted by answer; the other vote replaces the first, the same one takes it back; none without an answer."""
    asked = exchanges.begin("g1", "c1", "m1", UNANSWERED)
    exchanges.finish("g1", asked, "msg", Comparison("Capital?", (answer("base"), answer("raft-1"))))
    for member in ("m1", "m2", "m3"):
        assert exchanges.rate("g1", asked, "base", member, good=True)
    assert exchanges.rate("g1", asked, "base", "m1", good=False)
    assert exchanges.rate("g1", asked, "raft-1", "m1", good=True)
    assert exchanges.opinions("g1", asked) == {"base": (2, 1), "raft-1": (1, 0)}
    assert exchanges.rate("g1", asked, "base", "m1", good=False)
    assert exchanges.rate("g1", asked, "raft-1", "m1", good=True)
    assert exchanges.opinions("g1", asked) == {"base": (2, 0)}
    assert not exchanges.rate("g1", asked, "nobody", "m1", good=True)
    assert not exchanges.rate("g2", asked, "base", "m1", good=True)
    assert exchanges.opinions("g2", asked) == {}


def test_questions_are_counted_by_member_and_time(exchanges: Exchanges) -> None:
    """A question counts from when it was asked, answered or not."""
    exchanges.begin("g1", "c1", "m1", UNANSWERED)
    exchanges.begin("g1", "c1", "m2", UNANSWERED)
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
