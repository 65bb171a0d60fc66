"""What goes wrong is told: in clear words, alone, with what to do, within three seconds, and the log has the rest."""

from __future__ import annotations

import os
import re
import time
from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import CannotHere, NotAllowed, OverQuota, TooOften
from bot.health import SILENT_S
from bot.replies.errors import MESSAGE_LIMIT, error_text
from raft_core.errors import (
    DocumentError,
    EndpointError,
    OverBudget,
    RaftError,
    RegistryError,
    StoreError,
    UnknownDocument,
    UnknownJob,
)
from tests.bot.holdings import document, stock
from tests.bot.place import Bot, Place
from tests.discord_server import DiscordServer, Guild, Interaction, Member

SOON_S = 3.0
"""On a machine that has time: on a busy one as much longer as its processors are wanted more often than they are there."""


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (
            UnknownDocument("x`@everyone", "77"),
            "❌ There is no document `x\u02cb@everyone` here",
            "see `/docs list`",
        ),
        (UnknownJob("job-1", "77"), "❌ There is no job `job-1` here", "see `/jobs list`"),
        (
            StoreError("Chroma at http://10.0.0.1 failed"),
            "❌ The document store is down or failed",
            "`/status`",
        ),
        (EndpointError("http://10.0.0.1", "died"), "❌ The model server is down or failed", "`/status`"),
        (RegistryError("postgresql://u@h", "is gone"), "❌ My database does not answer", "in a minute"),
        (
            OverBudget(0.5, 1.0, 1.2),
            "❌ This would cost about $0.50, and $1.00 of today's",
            "wait until <t:",
        ),
        (NotAllowed("trainer", [7, 8]), "❌ Only a trainer may do this", "one of these roles: <@&7>, <@&8>"),
        (NotAllowed("admin", []), "❌ Only an admin may do this", "members who may manage the server"),
        (TooOften("slowly", 1_800_000_000.4), "❌ Slowly", "try again <t:1800000000:R>"),
        (OverQuota("job", 0), "❌ You may have no jobs here", "an admin"),
        (OverQuota("question", 1), "❌ Your limit is 1 question a day", "ask for fewer"),
        (CannotHere(), "❌ I work in servers only", "ask me there"),
        (
            DocumentError("cannot take a.pdf: too large", remedy="run: raftbot docs add FILE"),
            "❌ Cannot take a.pdf: too large",
            "whoever runs",
        ),
        (RaftError("**bold** @everyone <@1>"), "❌ \\*\\*bold\\*\\* @\u2060everyone", ""),
        (ValueError("secret /home/x"), "❌ Something went wrong that should not have", "`abcd1234`"),
    ],
)
def test_what_is_told(error: Exception, what: str, remedy: str) -> None:
    """What happened and what to do in Discord; never a shell's advice, an address, a path, or a ping."""
    told = error_text(error, "" if isinstance(error, RaftError) else "abcd1234")
    assert told.startswith(what)
    assert remedy in told
    for forbidden in (
        "raftbot ",
        "10.0.0.1",
        "/home",
        "postgresql",
        "@everyone" if "`" not in what else "\0",
    ):
        assert forbidden not in told, forbidden


def test_long_errors_fit() -> None:
    """Into one message."""
    assert len(error_text(RaftError("x" * 5000))) <= MESSAGE_LIMIT


def answered_soon(used: Interaction) -> str:
    """Return what a member was told, if it came in time."""
    began = time.monotonic()
    told = used.wait(10).text
    busy = max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)
    assert time.monotonic() - began < SOON_S * busy, told
    assert used.ephemeral
    return told


def test_direct_messages_are_turned_away(discord_server: DiscordServer, bot: Bot, bob: Member) -> None:
    """Politely, in every command that a member could still send there; help is given anywhere."""
    dm = discord_server.dm_channel(bob.user)
    for command, options in (
        ("/docs list", {}),
        ("/status", {}),
        ("/models list", {}),
        ("/jobs list", {}),
        ("/settings show", {}),
        ("/docs add", {}),
    ):
        used = bob.slash(command, channel=dm, force=True, **options)
        assert "I work in servers only" in used.text, command
    assert "Drop documents" in bob.slash("/help", channel=dm).text
    offered = {command.name for command in bob.commands(dm)}
    assert offered == {"help"}


def test_a_bug_gets_an_id_that_the_log_has(place: Place, bot: Bot, guild: Guild, bob: Member) -> None:
    """The member sees an id and no exception; the log has the id and the traceback."""
    place.registry.guilds.change(str(guild.id), lambda _: {"roles": 5})  # what no version of us ever wrote
    told = bob.slash("/settings show").text
    found = re.search(r"error `([0-9a-f]{8})`", told)
    assert found, told
    assert "Traceback" not in told
    assert "AttributeError" not in told
    assert f"error {found[1]} in settings show" in bot.log
    assert "AttributeError" in bot.log.partition(found[1])[2]


def test_a_button_from_before_a_restart(
    discord_server: DiscordServer, place: Place, guild: Guild, bob: Member
) -> None:
    """Of a list, which nobody follows any more: the member is told instead of left waiting."""
    infos = [document(f"d{number:04}", f"Document {number}") for number in range(25)]
    place.registry.documents.add(str(guild.id), infos, by="", consent=True)
    pages = bob.slash("/docs list").message
    assert "Documents (25)" in pages.text
    custom_id = next(button.custom_id for button in pages.buttons if button.emoji == "▶️")
    component: dict[str, Any] = {"custom_id": f"{custom_id}-of-old", "type": 2, "label": "▶️"}
    used = bob.use_component(pages, component)
    assert "before I was restarted" in used.text


def test_nothing_is_up(place: Place, bot: Bot, guild: Guild, bob: Member, alice: Member) -> None:
    """Where nothing but the bot runs, everything is answered in time with what is down."""
    if place._chroma is not None or place._models is not None:
        pytest.skip("other tests have started the servers")
    stock(place.registry, guild)
    status = answered_soon(bob.slash("/status"))
    assert status.count("🔴 down") == 3
    assert "2 documents · 1 data set · 2 adapters" in status
    assert "document store is down" in answered_soon(bob.slash("/docs search", query="x"))
    assert "document store is down" in answered_soon(
        bob.slash("/docs add", file=("a.txt", b"a"), consent=True)
    )
    assert "document store is down" in answered_soon(alice.slash("/docs remove", document="d0c1"))
    assert "its text cannot be shown" in answered_soon(bob.slash("/docs show", document="d0c1"))
    assert "Documents (2)" in answered_soon(bob.slash("/docs list"))


@pytest.mark.slow
def test_killed_servers_are_told_and_come_back(
    models: Place, guild: Guild, bob: Member, alice: Member
) -> None:
    """Whichever is killed, the answer comes in time and names it; once it is back, all works without a restart."""
    stock(models.registry, guild)
    assert "There are no documents" in bob.slash("/docs search", query="x").wait(60).text
    models.stop_models()
    assert "model server is down" in answered_soon(bob.slash("/docs search", query="x"))
    assert answered_soon(bob.slash("/status")).count("🔴 down") >= 1
    models.stop_chroma()
    assert "document store is down" in answered_soon(bob.slash("/docs search", query="x"))
    assert "document store is down" in answered_soon(alice.slash("/docs remove", document="d0c1"))
    assert "document store is down" in answered_soon(
        bob.slash("/docs add", file=("a.txt", b"a"), consent=True)
    )
    models.start_chroma()
    models.start_models()
    assert "There are no documents" in bob.slash("/docs search", query="x").wait(60).text
    if not any(silent_s < SILENT_S for _, silent_s in models.registry.workers.all()):
        told = answered_soon(bob.slash("/docs add", file=("a.txt", b"a"), consent=True))
        assert "No worker is running" in told


def test_a_database_that_hangs(place: Place, bot: Bot, guild: Guild, alice: Member) -> None:
    """Is told in time, nothing that was told to have failed is done later, and once it answers again all works."""
    with place.registry.database.write() as session:
        session.execute(
            text("UPDATE guilds SET settings = settings")
        )  # nobody else can write as long as this lasts
        told = answered_soon(alice.slash("/settings costs", cooldown=1.0))
        assert "My database does not answer" in told
        assert "Settings" in answered_soon(alice.slash("/settings show"))  # reading goes on
    time.sleep(0.5)  # SQLite tries again every tenth of a second
    assert "3 s between questions" in alice.slash("/settings show").text
    assert "Changed: cooldown" in alice.slash("/settings costs", cooldown=2.0).text
    assert "2 s between questions" in alice.slash("/settings show").text


def test_only_the_owner_syncs(discord_server: DiscordServer, bot: Bot, bob: Member) -> None:
    """By a mention, and nobody else is told that this can be done."""
    owner = discord_server.member("owner", guild=bob.guild)
    before = discord_server.syncs
    asked = bob.say(text="sync", mention=discord_server.bot)
    owner.say(text="sync", mention=discord_server.bot)
    discord_server.wait_for(lambda: any("Discord knows" in each.text for each in bob.channel.messages))
    assert discord_server.syncs == before + 1
    (told,) = [each for each in bob.channel.messages if "Discord knows" in each.text]
    assert told.reply_to is not asked
