"""Connecting, resuming, and what the bot hears."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import discord
import pytest

from tests.discord_server import DiscordServer, Permission
from tests.discord_server.in_process import Client, ClientThread
from tests.discord_server.launch import point_to


@pytest.fixture
def server() -> Iterator[DiscordServer]:
    with DiscordServer(rate_limits=False) as running:
        yield running


def test_the_bot_sees_its_guilds(server: DiscordServer) -> None:
    """Channels, roles and the own member come with the guild, and a guild that is joined later too."""
    with ClientThread(server) as bot:
        guild = bot.client.guilds[0]
        assert guild.name == "Library" and [c.name for c in guild.text_channels] == ["general"]
        assert [role.name for role in guild.roles] == ["everyone", "raftbot"]
        assert guild.me.guild_permissions.manage_threads and not guild.me.guild_permissions.mention_everyone
        server.add_guild("Second")
        server.wait_for(lambda: len(bot.client.guilds) == 2)


def test_missed_events_are_sent_again(server: DiscordServer) -> None:
    """A cut connection is resumed, and what was said meanwhile arrives once, in order."""
    with ClientThread(server) as bot:
        alice = server.member("alice")
        alice.say(text="one", mention=server.bot)
        server.wait_for(lambda: len(bot.client.heard) == 1)
        server.drop_gateway()
        alice.say(text="two", mention=server.bot)
        alice.say(text="three", mention=server.bot)
        server.wait_for(lambda: len(bot.client.heard) == 3)
        assert [m.content.split()[-1] for m in bot.client.heard] == ["one", "two", "three"]
        assert (server.gateway.identifies, server.gateway.resumes) == (1, 1)


def test_an_invalid_session_starts_anew(server: DiscordServer) -> None:
    """RECONNECT resumes; INVALID_SESSION makes the bot identify again."""
    with ClientThread(server) as bot:
        server.run(server.gateway.ask_to_reconnect)
        server.wait_for(lambda: server.gateway.resumes == 1 and bot.client.resumed == 1)
        server.run(server.gateway.invalidate)
        server.wait_for(lambda: server.gateway.identifies == 2, 15)


def test_a_connection_that_answers_no_heartbeats_is_given_up() -> None:
    """A zombie takes everything and acknowledges nothing: the client cuts it and resumes."""

    def impatient(client: Client) -> None:
        client._connection.heartbeat_timeout = 0.6

    with DiscordServer(rate_limits=False, heartbeat_s=0.2) as server, ClientThread(server, impatient) as bot:
        server.gateway.silent = True
        server.wait_for(lambda: server.gateway.resumes == 1)
        server.gateway.silent = False
        alice = server.member("alice")
        alice.say(text="still there?", mention=server.bot)
        server.wait_for(lambda: bot.client.heard)


async def close_code(server: DiscordServer, *payloads: str) -> int | None:
    """Send payloads on a bare socket and return the code with which the server closes it."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url) as socket:
        for payload in payloads:
            await socket.send_str(payload)
        while not socket.closed:
            await socket.receive()
        return socket.close_code


def test_bad_payloads_close_the_connection(server: DiscordServer) -> None:
    """A wrong token is 4004, no JSON 4002, an act before IDENTIFY 4003, no intents 4013, too much at once 4008."""
    wrong = ClientThread(server)
    point_to(server.url)
    with pytest.raises(discord.LoginFailure):
        wrong.do(wrong.client.login(server.token + "x"))
    bad_token = '{"op": 2, "d": {"token": "x", "intents": 1, "properties": {}}}'
    assert wrong.do(close_code(server, bad_token)) == 4004
    assert wrong.do(close_code(server, "{")) == 4002
    assert wrong.do(close_code(server, '{"op": 3, "d": {}}')) == 4003
    no_intents = f'{{"op": 2, "d": {{"token": "{server.token}", "properties": {{}}}}}}'
    assert wrong.do(close_code(server, no_intents)) == 4013
    assert wrong.do(close_code(server, *['{"op": 1, "d": null}'] * 121)) == 4008
    wrong.close()


def test_privileged_intents_must_be_granted(server: DiscordServer) -> None:
    """4014 for an intent that the application was not given."""
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    bot = ClientThread(server, intents=intents)
    with pytest.raises(discord.PrivilegedIntentsRequired), bot:
        pass
    bot.close()
    assert server.gateway.close_codes == [4014]


def test_what_is_said_is_withheld_without_the_intent(server: DiscordServer) -> None:
    """Content, files and components stay empty, but for mentions, replies that ping, and direct messages."""
    alice = server.member("alice")
    with ClientThread(server) as bot:
        alice.say(text="private talk", files=[("a.txt", b"x")])
        alice.say(text="a question", mention=server.bot, files=[("b.txt", b"x")])
        sent = bot.do(bot.channel.send("mine"))
        mine = server.channel.messages[-1]
        alice.say(text="an answer", reply_to=mine)
        alice.say(text="a quiet answer", reply_to=mine, ping_reply=False)
        alice.dm("direct")
        server.wait_for(lambda: len(bot.client.heard) == 6)
        heard = [(m.content, len(m.attachments)) for m in bot.client.heard]
        question = f"<@{server.bot.id}> a question"
        assert heard == [("", 0), (question, 1), ("mine", 0), ("an answer", 0), ("", 0), ("direct", 0)]
        reply = bot.client.heard[3]
        assert reply.reference and reply.reference.resolved and reply.reference.resolved.id == sent.id
        history = bot.do(history_of(bot))
        assert history == ["", "an answer", "mine", question, ""]


async def history_of(bot: ClientThread) -> list[str]:
    return [message.content async for message in bot.channel.history()]


def test_with_the_intent_all_is_heard() -> None:
    with DiscordServer(rate_limits=False, privileged_intents=["message_content", "members"]) as server:
        intents = discord.Intents(guilds=True, guild_messages=True, message_content=True, members=True)
        with ClientThread(server, intents=intents) as bot:
            alice = server.member("alice")
            alice.say(text="private talk")
            server.wait_for(lambda: bot.client.heard)
            assert bot.client.heard[0].content == "private talk"
            assert [m.name for m in bot.client.guilds[0].members] == ["owner", "raftbot", "alice"]


def test_a_channel_that_the_bot_cannot_see_is_silent(server: DiscordServer) -> None:
    secret = server.add_channel("secret")
    server.deny(secret, server.bot_role(), Permission.VIEW_CHANNEL)
    with ClientThread(server) as bot:
        alice = server.member("alice")
        alice.say(secret, "hidden", mention=server.bot)
        alice.say(text="open", mention=server.bot)
        server.wait_for(lambda: bot.client.heard)
        assert [m.channel.name for m in bot.client.heard] == ["general"]


BOT = """
import os, discord
client = discord.Client(intents=discord.Intents(guilds=True, guild_messages=True))
@client.event
async def on_message(message):
    if client.user in message.mentions:
        await message.reply("heard: " + message.content.split(maxsplit=1)[1])
client.run(os.environ["TOKEN"])
"""


def test_the_bot_runs_as_its_own_process(server: DiscordServer, tmp_path: Path) -> None:
    """launch.py points discord.py here and runs a module as it is, with zlib where zstandard is absent."""
    (tmp_path / "small_bot.py").write_text(BOT)
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['zstandard'] = None\n")
    environment = {**os.environ, "TOKEN": server.token, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    command = [sys.executable, "-m", "tests.discord_server.launch", server.url, "small_bot"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own command
    try:
        server.wait_ready(60, commands=False)
        message = server.member("alice").say(text="hello", mention=server.bot)
        server.wait_for(lambda: len(server.channel.messages) == 2)
        reply = server.channel.messages[1]
        assert reply.text == "heard: hello" and reply.reply_to is message and reply.pinged == {"alice"}
        assert server.gateway.compressions == ["zlib-stream"]
    finally:
        process.terminate()
        process.communicate(timeout=10)
