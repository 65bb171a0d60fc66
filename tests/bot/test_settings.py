"""/settings: who may do what, how often, and what it may cost."""

from __future__ import annotations

import pytest

from bot.settings import Quota, change_quota, change_settings, read_settings
from raft_core.errors import SettingsError
from raft_core.registry.registry import Registry
from tests.bot.holdings import stock
from tests.bot.place import Place
from tests.discord_server import ClientRefuses, DiscordServer, Guild, Member, Permission


def settings_of(place: Place, guild: Guild) -> object:
    return read_settings(place.registry.guilds, str(guild.id))


def test_quotas(tmp_path: object) -> None:
    """Everyone's, or a role's, which begins with everyone's; without an amount a role loses its own."""
    with Registry(f"sqlite:///{tmp_path}/registry.sqlite3") as registry:
        guilds = registry.guilds
        change_settings(guilds, "one", cooldown_s=7.0)
        change_quota(guilds, "one", asks=5)
        change_quota(guilds, "one", 77, jobs=3)
        change_quota(guilds, "one", 88, documents=2)
        settings = change_quota(guilds, "one", 88)
        assert settings.quota == Quota(asks=5)
        assert settings.role_quotas == {"77": Quota(asks=5, jobs=3)}
        assert settings.cooldown_s == 7.0
        assert read_settings(guilds, "one") == settings
        with pytest.raises(SettingsError, match="cannot be negative"):
            change_quota(guilds, "one", asks=-1)
        with pytest.raises(SettingsError, match="no setting 'colour'"):
            change_settings(guilds, "one", colour=1)
        assert read_settings(guilds, "two").quota == Quota()


def test_settings_of_another_version(tmp_path: object) -> None:
    """What this version does not know is kept, and does not disturb."""
    with Registry(f"sqlite:///{tmp_path}/registry.sqlite3") as registry:
        registry.guilds.change("one", lambda _: {"later": 1, "cooldown_s": 2.0})
        assert read_settings(registry.guilds, "one").cooldown_s == 2.0
        change_settings(registry.guilds, "one", max_file_mb=1.0)
        assert registry.guilds.settings("one")["later"] == 1


def test_all_see_and_admins_change(place: Place, alice: Member, bob: Member) -> None:
    """Everybody sees the settings, alone; only who may manage the server changes them."""
    shown = bob.slash("/settings show")
    assert shown.ephemeral
    for words in (
        "everyone",
        "who may manage the server",
        "100 questions, 50 documents, 10 jobs",
        "no limit",
        "`base`",
    ):
        assert words in shown.text, words
    for command in ("roles", "limits", "costs", "model", "summaries"):
        refused = bob.slash(f"/settings {command}")
        assert refused.ephemeral
        assert "Only an admin may do this" in refused.text
    changed = alice.slash("/settings costs", cooldown=1.5, file_size=2.0, budget=0.25)
    assert changed.ephemeral
    assert "Changed: cooldown, file size, budget" in changed.text
    shown_again = bob.slash("/settings show").text
    for words in ("1.5 s between questions", "2 MiB", "$0.25 (UTC)"):
        assert words in shown_again, words
    alice.slash("/settings costs", budget=-1.0).wait()
    assert "no limit" in bob.slash("/settings show").text
    assert (
        "Nothing" in alice.slash("/settings costs").text
        or "nothing to set" in alice.slash("/settings costs").text
    )


def test_roles_by_menu(discord_server: DiscordServer, place: Place, guild: Guild, alice: Member) -> None:
    """Roles that are chosen have the level at once; whoever loses them loses it; ids of roles survive a restart."""
    carol = discord_server.member("carol", guild=guild, roles=["teachers"])
    assert "Only an admin" in carol.slash("/settings costs", cooldown=0.0).text
    menus = alice.slash("/settings roles").message
    assert [menu["placeholder"] for menu in menus.selects] == [
        f"{level}: choose roles" for level in ("Contributor", "Curator", "Trainer", "Admin")
    ]
    alice.select(menus, guild.role("teachers"), menu="Admin: choose roles").acked()
    discord_server.wait_for(lambda: settings_of(place, guild).roles == {"admin": [guild.role("teachers").id]})
    assert "Changed: cooldown" in carol.slash("/settings costs", cooldown=0.0).text
    with pytest.raises((ClientRefuses, AssertionError)):
        carol.select(menus, menu="Admin: choose roles")  # she does not see alice's menus
    carol.take("teachers")
    assert "Only an admin" in carol.slash("/settings costs", cooldown=5.0).text
    assert guild.role("teachers").mention in carol.slash("/settings costs", cooldown=5.0).text


def test_limits_of_a_role(discord_server: DiscordServer, place: Place, guild: Guild, alice: Member) -> None:
    """Set for everyone and for a role, shown by role."""
    discord_server.member("carol", guild=guild, roles=["friends"])
    alice.slash("/settings limits", questions=3).wait()
    told = alice.slash("/settings limits", questions=9, role=guild.role("friends")).text
    assert "3 questions, 50 documents, 10 jobs" in told
    assert f"{guild.role('friends').mention}: 9 questions" in told
    settings = settings_of(place, guild)
    assert (settings.quota.asks, settings.role_quotas[str(guild.role("friends").id)].asks) == (3, 9)


def test_the_default_model_and_where_summaries_go(
    discord_server: DiscordServer, place: Place, guild: Guild, alice: Member
) -> None:
    """The newest adapter answers unless one is chosen; a channel where the bot cannot post is refused by name."""
    stock(place.registry, guild)
    assert "`raft-0000bbbb` (the newest" in alice.slash("/settings show").text
    assert "`raft-0000aaaa` answers" in alice.slash("/settings model", model="raft-0000aaaa").text
    assert "`raft-0000aaaa` (chosen)" in alice.slash("/settings show").text
    assert "`raft-0000bbbb` answers" in alice.slash("/settings model").text
    assert "There is no model `raft-9`" in alice.slash("/settings model", model="raft-9").text
    general = alice.channel
    assert general.mention in alice.slash("/settings summaries", to=general).text
    assert settings_of(place, guild).summary_channel == general.id
    discord_server.deny(general, discord_server.bot, Permission.EMBED_LINKS)
    assert "Embed Links" in alice.slash("/settings summaries", to=general).text
    alice.slash("/settings summaries").wait()
    assert settings_of(place, guild).summary_channel is None
