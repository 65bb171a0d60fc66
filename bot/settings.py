"""What a server's admins set: who may do what, how often, and what it may cost.

Kept in the registry as JSON; what is not set has the default here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from raft_core.errors import SettingsError
from raft_core.registry.guilds import Guilds

Level = Literal["contributor", "curator", "trainer", "admin"]
LEVELS: tuple[Level, ...] = ("contributor", "curator", "trainer", "admin")
"""Each may do what those before it may; an admin is who may manage the server."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one member may do in a day."""

    asks: int = 100
    documents: int = 50
    jobs: int = 10


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """One server's settings. Ids of roles and channels are Discord's.

    Where no role is set for a level, everyone is a contributor, and only who may manage the server is more.
    """

    roles: dict[str, list[int]] = field(default_factory=dict)
    quota: Quota = Quota()
    role_quotas: dict[str, Quota] = field(default_factory=dict)
    """By role id as text; a member has the best of theirs."""
    cooldown_s: float = 3.0
    daily_budget_usd: float | None = None
    default_model: str = ""
    """What answers, `base` or an adapter; empty is the newest adapter, or the base where there is none."""
    former_models: list[str] = field(default_factory=list)
    """What answered by default before, the latest last: where a rollback goes."""
    max_file_mb: float = 25.0
    """How large an attachment may be that becomes a document, in MiB."""
    summary_channel: int | None = None
    weekly: dict[str, Any] = field(default_factory=dict)
    """The weekly post, as weekly.py reads it; empty for none."""


def read_settings(guilds: Guilds, guild: str) -> GuildSettings:
    """Return a guild's settings; what an older or newer version wrote and this one does not know is left out."""
    return _from_json(guilds.settings(guild))


def change_settings(guilds: Guilds, guild: str, **changes: object) -> GuildSettings:
    """Set some of a guild's settings and return all of them.

    Raises:
        SettingsError: a name is unknown, or a value makes no sense.
    """
    unknown = changes.keys() - {each.name for each in fields(GuildSettings)}
    if unknown:
        raise SettingsError(f"there is no setting {sorted(unknown)[0]!r}")
    return _change(guilds, guild, lambda _: changes)


def change_role_levels(guilds: Guilds, guild: str, level: Level, roles: Sequence[int]) -> None:
    """Set the roles that have a level."""
    _change(guilds, guild, lambda old: {"roles": {**old.roles, level: list(roles)}})


def change_quota(guilds: Guilds, guild: str, role: int | None = None, **amounts: int | None) -> GuildSettings:
    """Set some amounts of a role's quota, or of everyone's; those that are None stay.

    A role without a quota begins with everyone's; with no amount given it loses its own.

    Raises:
        SettingsError: an amount is negative.
    """
    given = {name: amount for name, amount in amounts.items() if amount is not None}

    def change(old: GuildSettings) -> dict[str, object]:
        if role is None:
            return {"quota": replace(old.quota, **given)}
        others = {each: quota for each, quota in old.role_quotas.items() if each != str(role)}
        own = replace(old.role_quotas.get(str(role), old.quota), **given)
        return {"role_quotas": {**others, str(role): own} if given else others}

    return _change(guilds, guild, change)


def _change(
    guilds: Guilds, guild: str, change: Callable[[GuildSettings], dict[str, object]]
) -> GuildSettings:
    def changed(kept: dict[str, Any]) -> dict[str, Any]:
        old = _from_json(kept)
        return kept | asdict(_checked(replace(old, **change(old))))  # type: ignore[arg-type]  # names of fields

    return _from_json(guilds.change(guild, changed))


def _from_json(kept: dict[str, Any]) -> GuildSettings:
    known = {each.name for each in fields(GuildSettings)}
    values = {name: value for name, value in kept.items() if name in known}
    if "quota" in values:
        values["quota"] = Quota(**values["quota"])
    if "role_quotas" in values:
        values["role_quotas"] = {
            role: quota if isinstance(quota, Quota) else Quota(**quota)
            for role, quota in values["role_quotas"].items()
        }
    return GuildSettings(**values)


def _checked(new: GuildSettings) -> GuildSettings:
    amounts = [new.cooldown_s, new.daily_budget_usd or 0.0, new.max_file_mb]
    for quota in (new.quota, *new.role_quotas.values()):
        amounts += [quota.asks, quota.documents, quota.jobs]
    if min(amounts) < 0:
        raise SettingsError(
            "quotas, cooldown, budget and sizes cannot be negative", remedy="0 forbids it altogether"
        )
    return new
