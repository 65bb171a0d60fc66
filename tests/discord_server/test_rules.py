"""Permissions, rate limits, threads, old messages, mentions, expiring files."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.discord_server import ClientRefuses, DiscordServer, Permission, Upload
from tests.discord_server.in_process import ClientThread


@pytest.fixture
def bot() -> Iterator[ClientThread]:
    with DiscordServer(rate_limits=False) as server, ClientThread(server) as client:
        yield client


def code_of(bot: ClientThread, coroutine: Coroutine[Any, Any, Any]) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as caught:
        bot.do(coroutine)
    return caught.value.status, caught.value.code


Action = Callable[[Any, Any], Coroutine[Any, Any, Any]]
EMBED = discord.Embed(title="t")
RIGHTS: list[tuple[Permission, Action, int]] = [
    (Permission.VIEW_CHANNEL, lambda channel, _: channel.send("x"), 50001),
    (Permission.SEND_MESSAGES, lambda channel, _: channel.send("x"), 50013),
    (Permission.EMBED_LINKS, lambda channel, _: channel.send(embed=EMBED), 50013),
    (Permission.ATTACH_FILES, lambda channel, _: channel.send(file=discord.File(__file__)), 50013),
    (Permission.READ_MESSAGE_HISTORY, lambda channel, sent: channel.fetch_message(sent.id), 50013),
    (Permission.READ_MESSAGE_HISTORY, lambda channel, sent: sent.reply("x"), 160002),
    (Permission.CREATE_PUBLIC_THREADS, lambda channel, sent: sent.create_thread(name="t"), 50013),
    (Permission.CREATE_PRIVATE_THREADS, lambda channel, _: channel.create_thread(name="t"), 50013),
    (Permission.ADD_REACTIONS, lambda channel, sent: sent.add_reaction("👍"), 50013),
]


@pytest.mark.parametrize(("right", "act", "code"), RIGHTS, ids=lambda value: getattr(value, "name", None))
def test_a_missing_right_is_named_by_its_code(
    bot: ClientThread, right: Permission, act: Action, code: int
) -> None:
    """Each act is allowed with the usual rights, and refused without the one it needs."""
    sent = bot.do(bot.channel.send("first"))
    server = bot.server
    server.deny(server.channel, server.bot_role(), right)
    assert code_of(bot, act(bot.channel, sent))[1] == code
    server.run(server.channel.overwrites.clear)
    bot.do(act(bot.channel, sent))


def test_what_is_not_there_is_unknown(bot: ClientThread) -> None:
    sent = bot.do(bot.channel.send("x"))
    bot.do(sent.delete())
    assert code_of(bot, sent.edit(content="y")) == (404, 10008)
    assert code_of(bot, bot.client.fetch_channel(1)) == (404, 10003)
    assert code_of(bot, bot.client.fetch_user(1)) == (404, 10013)
    theirs = bot.server.member("alice").say(text="hi")
    message = bot.do(bot.channel.fetch_message(theirs.id))
    assert code_of(bot, message.edit(content="y")) == (403, 50005)


def test_a_nonce_is_used_once_for_a_few_minutes(bot: ClientThread) -> None:
    """The second message of the same nonce is the first one; later, or deleted, it is another."""
    first = bot.do(bot.channel.send("x", nonce="once"))
    assert bot.do(bot.channel.send("y", nonce="once")).id == first.id
    assert bot.do(bot.channel.send("z", nonce="twice")).id != first.id
    bot.server.clock.move(600)
    assert bot.do(bot.channel.send("y", nonce="once")).id != first.id
    assert [message.text for message in bot.server.channel.messages] == ["x", "z", "y"]


def test_a_lost_reply_is_of_a_request_that_was_applied(bot: ClientThread) -> None:
    """The client hears nothing, and the message is there."""
    bot.server.faults.add("POST", "/messages", lost=True)
    with pytest.raises(aiohttp.ClientError):
        bot.do(bot.channel.send("x"))
    assert [message.text for message in bot.server.channel.messages] == ["x"]


def test_requests_that_discord_does_not_know_are_kept(bot: ClientThread) -> None:
    assert code_of(bot, bot.client.http.request(discord.http.Route("GET", "/nonsense")))[0] == 404
    with pytest.raises(AssertionError, match="GET /nonsense"):
        bot.server.check()


def test_an_archived_thread_takes_no_edits(bot: ClientThread) -> None:
    """50083 for edits; a message brings an unlocked thread back."""
    sent = bot.do(bot.channel.send("job"))
    thread = bot.do(sent.create_thread(name="job"))
    assert code_of(bot, sent.create_thread(name="again")) == (400, 160004)
    inside = bot.do(thread.send("milestone"))
    bot.do(thread.edit(archived=True))
    assert code_of(bot, inside.edit(content="more")) == (400, 50083)
    bot.do(thread.send("back"))
    bot.do(inside.edit(content="more"))
    texts = [message.text for message in bot.server.guild.threads[0].messages]
    assert texts == ["", "more", "back"]


def test_old_messages_are_seldom_edited(bot: ClientThread) -> None:
    """Three edits in 20 s to a message older than an hour; then 429 with 30046."""
    sent = bot.do(bot.channel.send("x"))
    bot.server.clock.move(3601)
    for number in range(3):
        bot.do(sent.edit(content=str(number)))
    waiting = bot.start(sent.edit(content="4"))
    bot.server.wait_for(lambda: any("30046" in error for error in bot.server.errors))
    waiting.cancel()


def test_messages_are_limited_per_channel() -> None:
    """Five in five seconds, told by headers: discord.py waits by itself, and no request is refused."""
    with DiscordServer() as server, ClientThread(server) as bot:
        server.rate_limits.windows["/messages"] = (5, 0.5)
        started = time.monotonic()
        for number in range(11):
            bot.do(bot.channel.send(str(number)))
        assert 1.0 <= time.monotonic() - started < 3
        assert server.rate_limits.refused == []


def test_a_429_is_waited_for(bot: ClientThread) -> None:
    """For one route and for all: discord.py takes both for Discord's and tries again."""
    for is_global in (False, True):
        bot.server.faults.add("POST", "/messages", retry_after_s=0.2, is_global=is_global)
        started = time.monotonic()
        bot.do(bot.channel.send("x"))
        assert 0.2 <= time.monotonic() - started < 2
    assert bot.server.faults.met == 2


def test_a_dropped_connection_is_no_http_error(bot: ClientThread) -> None:
    bot.server.faults.add("POST", "/messages", drop=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        bot.do(bot.channel.send("x"))


MENTIONS: list[tuple[str, Any, set[str]]] = [
    ("{alice} {bob} {team} @everyone", None, {"alice", "bob", "@team"}),
    ("{alice} {bob}", discord.AllowedMentions.none(), set()),
    ("{alice} {team}", discord.AllowedMentions(users=True, roles=False, everyone=False), {"alice"}),
    ("`{alice}` ```{bob}```", None, set()),
    ("\\{alice} @alice", None, {"alice"}),
]


@pytest.mark.parametrize(("text", "allowed", "pinged"), MENTIONS)
def test_pings_are_worked_out(bot: ClientThread, text: str, allowed: Any, pinged: set[str]) -> None:
    """Content and text displays ping who is named and allowed; code does not; @everyone needs the right."""
    server = bot.server
    names = {
        "alice": server.member("alice").mention,
        "bob": server.member("bob").mention,
        "team": server.add_role("team", mentionable=True).mention,
    }
    view = discord.ui.LayoutView().add_item(discord.ui.TextDisplay(text.format(**names)))
    more = {"allowed_mentions": allowed} if allowed else {}
    bot.do(bot.channel.send(text.format(**names), **more))
    bot.do(bot.channel.send(view=view, **more))
    assert [message.pinged for message in server.channel.messages] == [pinged, pinged]


def test_everyone_is_pinged_with_the_right_only(bot: ClientThread) -> None:
    server = bot.server
    role = server.bot_role()
    server.set_permissions(role, role.permissions | Permission.MENTION_EVERYONE)
    sent = bot.do(bot.channel.send("@everyone @here"))
    bot.do(sent.edit(content="@everyone again"))
    bot.do(bot.channel.send(embed=discord.Embed(description="@everyone")))
    first, second = server.channel.messages
    assert first.pinged == {"@everyone", "@here"} and second.pinged == set()


def test_files_expire_and_downloads_are_counted(bot: ClientThread) -> None:
    """An address works for a day; a huge file can be announced without being downloaded."""
    alice = bot.server.member("alice")
    said = alice.say(
        mention=bot.server.bot, text="see", files=[Upload("a.txt", b"abc"), Upload("huge.pdf", size=10**9)]
    )
    bot.server.wait_for(lambda: bot.client.heard)
    small, huge = bot.client.heard[0].attachments
    assert huge.size == 10**9
    assert bot.do(small.read()) == b"abc"
    bot.server.clock.move(24 * 3600 + 1)
    with pytest.raises(discord.NotFound):
        bot.do(small.read())
    assert [file.downloads for file in said.files] == [1, 0]


def test_a_member_needs_rights_too(bot: ClientThread) -> None:
    server = bot.server
    server.deny(server.channel, server.guild.everyone, Permission.SEND_MESSAGES)
    with pytest.raises(ClientRefuses, match="alice may not write"):
        server.member("alice").say(text="x")


def test_a_direct_message_reaches_one_user(bot: ClientThread) -> None:
    alice = bot.server.member("alice")
    user = bot.do(bot.client.fetch_user(alice.id))
    bot.do(user.send("hello"))
    assert [m.text for m in bot.server.dm_channel(alice.user).messages] == ["hello"]
    alice.user.takes_messages = False
    assert code_of(bot, user.send("again")) == (403, 50007)


def test_reactions_are_told_with_the_intent() -> None:
    intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True)
    with DiscordServer(rate_limits=False) as server, ClientThread(server, intents=intents) as bot:
        sent = bot.do(bot.channel.send("x"))
        waiting = bot.start(bot.client.wait_for("raw_reaction_add", timeout=5))
        bot.server.wait_for(lambda: bot.client._listeners)
        server.member("alice").react(server.channel.messages[0], "👍")
        event = waiting.result(5)
        assert (event.message_id, event.emoji.name) == (sent.id, "👍")
