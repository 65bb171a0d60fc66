"""The bot against Discord's hard edges: late and refused acknowledgements, rate limits, lost connections, hostile texts.

What one command family alone has to stand is tested with that family; here is what all of them share.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bot.evaluations import HOSTILE, keep, result, samples
from tests.bot.holdings import adapter, dataset, document
from tests.bot.place import ROOT, Bot, Place
from tests.discord_server import DiscordServer, Guild, Member
from tests.jobs.workers import PATIENCE_S

HEAVY = (
    "torch",
    "transformers",
    "vllm",
    "chromadb",
    "langchain_core",
    "dbos",
    "numpy",
    "matplotlib",
    "requests",
)
BURST = 60
LISTS = (
    "/status",
    "/docs list",
    "/raft list",
    "/models list",
    "/jobs list",
    "/eval history",
    "/settings show",
    "/help",
)


def test_the_bot_starts_light() -> None:
    """Loading every cog loads nothing heavy: that comes when it is first needed."""
    code = f"""
import importlib, pkgutil, sys, bot.__main__, bot.cogs
for each in pkgutil.iter_modules(bot.cogs.__path__):
    importlib.import_module("bot.cogs." + each.name)
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603  # our own code
    assert done.stdout.split() == []


def commands(options: list[dict[str, Any]], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every command and option of some groups, with its path."""
    for option in options:
        where = f"{path} {option['name']}".strip()
        yield where, option
        yield from commands(option.get("options", []), where)


def test_descriptions_are_short_imperatives(discord_server: DiscordServer, bot: Bot) -> None:
    """Each command and option says in a line what it does, without a full stop; all commands are for servers alone."""
    told = [each.data for place in discord_server.world.commands.values() for each in place]
    chat = [each for each in told if each.get("type", 1) == 1]
    assert {each["name"] for each in chat} >= {"docs", "raft", "train", "ask", "compare", "eval", "models", "jobs", "status", "settings", "help"}  # fmt: skip
    for where, each in commands(chat, ""):
        said = each["description"]
        assert (
            3 <= len(said) <= 100
            and (said[0].isupper() or said[0].isdigit() or said.startswith("base"))
            and not said.endswith(".")
        ), (where, said)
        assert "…" not in said, where


@pytest.fixture
def hostile(place: Place, guild: Guild) -> str:
    """A guild in which everything that has a name has a hostile one."""
    registry, home = place.registry, str(guild.id)
    registry.documents.add(
        home, [document("d0c1", HOSTILE * 5), document("d0c2", "\u202e" * 300)], by="7", consent=True
    )
    registry.datasets.add(dataset(guild, "ds-0000aaaa", "d0c1"))
    registry.adapters.add(adapter(guild, "raft-0000aaaa", "ds-0000aaaa"))
    keep(place, result(home, data=HOSTILE), samples())
    registry.jobs.add("job-0123456799", home, "ingest", {"uploads": [HOSTILE], "title": HOSTILE}, "7")
    registry.jobs.end("job-0123456799", "failed", reason=HOSTILE * 50)
    return home


def test_hostile_names_do_nothing_anywhere(hostile: str, alice: Member) -> None:
    """In every list and summary: nobody is pinged, nothing links, no text runs backwards, and every limit holds."""
    answers = [alice.slash(command).wait(60) for command in (*LISTS, "/eval summary")]
    for answer in answers:
        message = answer.message
        assert not message.pinged and message.text, answer
        outside = re.sub(r"`[^`]*`", "", message.text.replace("\\`", ""))
        for bad in ("@everyone", "<@1>", "https://evil", "<t:1:R>", "||s||", "**b**", "\u202e", "\u200b"):
            assert bad not in outside, (answer, bad, message.text)
    for command, option in (
        ("/docs show", "document"),
        ("/eval summary", "evaluation"),
        ("/jobs logs", "job"),
    ):
        for choice in alice.autocomplete(command, option):
            assert "\u202e" not in choice["name"] and "\u200b" not in choice["name"], (command, choice)


def test_many_at_once_are_acknowledged(
    place: Place, guild: Guild, discord_server: DiscordServer, bot: Bot
) -> None:
    """Commands of sixty members in the same moment, each in time for Discord and each answered."""
    people = [discord_server.member(f"member{number}", guild=guild) for number in range(BURST)]
    asked = [person.slash(LISTS[number % 4]) for number, person in enumerate(people)]
    assert all(each.wait(PATIENCE_S).ephemeral for each in asked)
    assert max(each.acked_after_s or 0.0 for each in asked) < discord_server.ack_s


def test_a_rate_limit_is_waited_out(alice: Member, discord_server: DiscordServer) -> None:
    """Of one route, and of the whole bot: the answer comes late, and once."""
    for is_global in (False, True):
        discord_server.faults.add("POST", "/webhooks/", retry_after_s=0.5, is_global=is_global)
        status = alice.slash("/status").wait(30)
        assert "Document store" in status.text and status.followups in ([], [status.original])


def test_a_failing_discord_is_tried_again(alice: Member, discord_server: DiscordServer) -> None:
    """A 500 in place of the answer: discord.py tries again, and the member sees it."""
    discord_server.faults.add("POST", "/webhooks/", status=500)
    assert "Document store" in alice.slash("/status").wait(30).text


def test_a_late_acknowledgement_stops_nothing(bot: Bot, alice: Member, discord_server: DiscordServer) -> None:
    """The process stood still for four seconds: the log says what came too late, and the next command works."""
    os.kill(bot.pid, signal.SIGSTOP)
    late = alice.slash("/status")
    discord_server.wait_for(lambda: late.error, 30)
    os.kill(bot.pid, signal.SIGCONT)
    discord_server.wait_for(lambda: "came too late" in bot.log, PATIENCE_S, lambda: bot.log[-2000:])
    assert "Document store" in alice.slash("/status").wait(60).text
    assert "Traceback" not in bot.log.rpartition("came too late")[2]


def test_a_dropped_acknowledgement_is_not_answered_twice(
    alice: Member, discord_server: DiscordServer
) -> None:
    """The connection breaks in the middle of it: nothing hangs, and the next command works."""
    discord_server.faults.add("POST", "/callback", drop=True)
    alice.slash("/status")
    assert "Document store" in alice.slash("/status").wait(30).text


def test_a_dropped_gateway_is_resumed(alice: Member, discord_server: DiscordServer, bot: Bot) -> None:
    """What members did meanwhile is delivered and answered where it is not too late; no new process, no second sync."""
    pid, syncs = bot.pid, discord_server.syncs
    discord_server.drop_gateway()
    discord_server.wait_for(lambda: discord_server.gateway.connected, 60)
    discord_server.wait_for(lambda: alice.slash("/status").wait(30), 60)
    assert (bot.pid, discord_server.syncs) == (pid, syncs)


def test_a_lost_session_is_begun_anew(alice: Member, discord_server: DiscordServer, bot: Bot) -> None:
    """Discord forgot the session: the bot identifies again and answers."""
    discord_server.drop_gateway(4009)
    discord_server.wait_for(lambda: discord_server.gateway.connected, 60)
    assert "Document store" in alice.slash("/status").wait(60).text


def test_old_tokens_are_outlived(place: Place, alice: Member, discord_server: DiscordServer) -> None:
    """Buttons of an answer whose token has expired still turn its pages: a press has a token of its own."""
    keep(place, result(str(alice.guild.id)), samples())
    page = alice.click(alice.slash("/eval summary").message, "✅ 2 fixed").wait()
    discord_server.clock.move(16 * 60)
    alice.click(page.message, "▶").acked()
    page.wait_for_text("2 of 2")


def test_a_kicked_bot_forgets_nothing_and_breaks_nothing(
    place: Place, bot: Bot, alice: Member, guild: Guild, discord_server: DiscordServer
) -> None:
    """Thrown out of one server it goes on in the others; what that server had stays in the registry."""
    keep(place, result(str(guild.id)), samples())
    other = discord_server.member("alice", guild=discord_server.add_guild("Another"))
    discord_server.remove_bot(guild)
    assert "Document store" in other.slash("/status").wait(30).text
    assert len(place.registry.evaluations.list(str(guild.id))) == 1


def test_a_flood_leaves_the_bot_small(bot: Bot, alice: Member) -> None:
    """After hundreds of answers, with everything loaded that it ever loads, it is within its memory."""
    for _ in range(50):
        alice.slash("/status").wait(60)
    assert bot.rss_mb < 300
