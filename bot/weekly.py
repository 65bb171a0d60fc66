"""The weekly post: what is due when. It is posted once, also after a restart, or late where the bot was down.

Kept in the guild's settings:

    {"weekday": 0, "hour": 9, "channel": 1234, "split": "sample", "last": "2026-01-05T09:00:00+00:00", "job": "job-…"}

`last` is the hour that was dealt with last, `job` the evaluation whose summary is still to be posted. A
crash between the two writes asks for the same evaluation twice, and posts it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raft_core.registry.guilds import Guilds

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """When and where to post; weekdays count from Monday as 0, hours are in UTC."""

    weekday: int
    hour: int
    channel: int
    split: str
    last: str
    job: str = ""


def plan(weekday: int, hour: int, channel: int, split: str, now: datetime) -> Weekly:
    """Return a plan whose first post is at the next such hour."""
    return Weekly(weekday, hour, channel, split, _hour(weekday, hour, now).isoformat())


def read(kept: dict[str, Any]) -> Weekly | None:
    """Return the plan in a guild's settings; None where there is none, or it is not one."""
    try:
        plan = Weekly(**kept)
        datetime.fromisoformat(plan.last)
    except (TypeError, ValueError):
        return None
    return plan


def plans(guilds: Guilds) -> list[tuple[str, Weekly]]:
    """Return the plans of all guilds that have one."""
    found = [(guild, read(settings.get("weekly", {}))) for guild, settings in guilds.every()]
    return [(guild, plan) for guild, plan in found if plan is not None]


def due(plan: Weekly, now: datetime) -> str | None:
    """Return the hour that has come and was not dealt with; of several that were missed the last."""
    hour = _hour(plan.weekday, plan.hour, now)
    return hour.isoformat() if hour > datetime.fromisoformat(plan.last) else None


def following(plan: Weekly, now: datetime) -> datetime:
    """Return when the next post is to be."""
    return _hour(plan.weekday, plan.hour, now) + WEEK


def noted(guilds: Guilds, guild: str, hour: str, job: str) -> bool:
    """Note that an hour was dealt with by asking for a job; False where another was quicker, or it was switched off."""
    return _changed(guilds, guild, lambda old: replace(old, last=hour, job=job) if old.last < hour else None)


def posted(guilds: Guilds, guild: str, job: str) -> bool:
    """Note that a job's summary was posted; False where it had been already, or it was switched off."""
    return _changed(guilds, guild, lambda old: replace(old, job="") if old.job == job else None)


def _changed(guilds: Guilds, guild: str, change: Callable[[Weekly], Weekly | None]) -> bool:
    done = False

    def changed(settings: dict[str, Any]) -> dict[str, Any]:
        nonlocal done
        old = read(settings.get("weekly", {}))
        new = change(old) if old else None
        done = new is not None
        return settings | {"weekly": asdict(new)} if new is not None else settings

    guilds.change(guild, changed)
    return done


def _hour(weekday: int, hour: int, now: datetime) -> datetime:
    """Return the last such hour up to now."""
    now = now.astimezone(UTC)
    day = now - timedelta(days=(now.weekday() - weekday) % 7)
    last = day.replace(hour=hour, minute=0, second=0, microsecond=0)
    return last if last <= now else last - WEEK
