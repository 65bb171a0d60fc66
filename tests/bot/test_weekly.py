"""The weekly post: due once a week, late rather than twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import posts
from bot.client import RaftBot
from bot.settings import change_settings, read_settings
from bot.weekly import Weekly, due, following, noted, plan, posted, read
from raft_core.registry.registry import Registry

MONDAY_NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
PLAN = Weekly(0, 9, 1234, "sample", MONDAY_NINE.isoformat())
NEXT = "2026-01-12T09:00:00+00:00"


def test_the_first_post_is_at_the_next_such_hour() -> None:
    """Never for an hour before it was asked for; asked for within the hour, in a week."""
    assert plan(0, 9, 1234, "sample", MONDAY_NINE + timedelta(minutes=30)) == PLAN
    early = plan(0, 9, 1234, "sample", MONDAY_NINE - timedelta(seconds=1))
    assert early.last == "2025-12-29T09:00:00+00:00"
    assert due(early, MONDAY_NINE - timedelta(seconds=1)) is None
    assert due(early, MONDAY_NINE) == MONDAY_NINE.isoformat()


def test_it_is_due_from_its_hour_on() -> None:
    """At the second, days late, and weeks late once, for the last hour that was missed."""
    assert due(PLAN, MONDAY_NINE + timedelta(days=7, seconds=-1)) is None
    assert due(PLAN, MONDAY_NINE + timedelta(days=7)) == NEXT
    assert due(PLAN, MONDAY_NINE + timedelta(days=13, hours=23)) == NEXT
    assert due(PLAN, MONDAY_NINE + timedelta(days=30)) == "2026-02-02T09:00:00+00:00"
    assert following(PLAN, MONDAY_NINE + timedelta(days=2)).isoformat() == NEXT


def test_hours_are_in_utc() -> None:
    """Whatever zone the clock tells its time in."""
    tokyo = timezone(timedelta(hours=9))
    assert due(PLAN, datetime(2026, 1, 12, 17, 59, tzinfo=tokyo)) is None
    assert due(PLAN, datetime(2026, 1, 12, 18, 0, tzinfo=tokyo)) == NEXT


@given(st.integers(0, 6), st.integers(0, 23), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))
def test_one_post_a_week(weekday: int, hour: int, naive: datetime) -> None:
    """Looking every hour for four weeks finds four, each at its weekday and hour."""
    now = naive.replace(tzinfo=UTC)
    weekly, found = plan(weekday, hour, 1, "sample", now), []
    for step in range(1, 4 * 7 * 24 + 1):
        at = due(weekly, now + timedelta(hours=step))
        if at:
            found.append(datetime.fromisoformat(at))
            weekly = Weekly(weekday, hour, 1, "sample", at)
    assert len(found) == 4
    assert {(each.weekday(), each.hour, each.minute) for each in found} == {(weekday, hour, 0)}


def test_what_is_no_plan_is_none() -> None:
    """Nothing set, parts missing, or another version's."""
    assert read(asdict(PLAN)) == PLAN
    kept = asdict(PLAN)
    for broken in ({}, {"weekday": 0}, kept | {"new": 1}, kept | {"last": "soon"}, kept | {"last": None}):
        assert read(broken) is None


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(f"sqlite:///{tmp_path / 'raftbot.sqlite3'}") as opened:
        change_settings(opened.guilds, "one", weekly=asdict(PLAN), cooldown_s=7.0)
        yield opened


def test_an_hour_is_noted_once(registry: Registry) -> None:
    """Of two bots, or of a bot and its successor, one has it; other settings stay."""
    assert noted(registry.guilds, "one", NEXT, "job-1")
    assert not noted(registry.guilds, "one", NEXT, "job-2")
    settings = read_settings(registry.guilds, "one")
    assert settings.cooldown_s == 7.0
    weekly = read(settings.weekly)
    assert weekly is not None and (weekly.last, weekly.job) == (NEXT, "job-1")
    assert due(weekly, datetime.fromisoformat(NEXT) + timedelta(days=1)) is None


def test_a_summary_is_posted_once(registry: Registry) -> None:
    """And neither is noted where the post was switched off meanwhile."""
    noted(registry.guilds, "one", NEXT, "job-1")
    assert not posted(registry.guilds, "one", "job-2")
    assert posted(registry.guilds, "one", "job-1")
    assert not posted(registry.guilds, "one", "job-1")
    change_settings(registry.guilds, "one", weekly={})
    assert not noted(registry.guilds, "one", "2026-01-19T09:00:00+00:00", "job-3")
    assert not posted(registry.guilds, "one", "job-3")
    assert read_settings(registry.guilds, "one").weekly == {}


@pytest.mark.parametrize(("unavailable", "begun"), [(False, ["7"]), (True, [])])
def test_a_guild_that_discord_cannot_reach_keeps_its_hour(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, unavailable: bool, begun: list[str]
) -> None:
    """None of its channels is known then: the post waits, and is not noted as one whose channel is gone."""
    change_settings(registry.guilds, "7", weekly=asdict(PLAN))
    change_settings(registry.guilds, "one", weekly={})
    asked: list[str] = []

    async def begin(_: object, guild: str, *__: object) -> None:
        asked.append(guild)

    async def look(function: Callable[..., object], *values: object) -> object:
        return function(*values)

    monkeypatch.setattr(posts, "_begin", begin)
    guilds = {7: SimpleNamespace(unavailable=unavailable)}
    services = SimpleNamespace(look=look, registry=registry)
    bot = cast(RaftBot, SimpleNamespace(services=services, get_guild=guilds.get))
    asyncio.run(posts.post_due(bot, datetime.fromisoformat(NEXT)))
    assert asked == begun
