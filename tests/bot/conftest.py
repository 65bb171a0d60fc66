"""One local Discord and one bot for all tests of the bot, each test in a guild of its own.

    def test_light(alice): …              # Discord and the bot; the servers behind it are down, or what others started
    def test_answers(models, alice): …    # and Chroma and a model server with the small base
    def test_jobs(worker, alice): …       # and a worker

Servers start with the first test that asks for them and stay; a test that stops one starts it again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.place import Bot, Place
from tests.discord_server import DiscordServer, Guild, Member, Permission
from tests.jobs.workers import Worker


@pytest.fixture(scope="session")
def discord_server() -> Iterator[DiscordServer]:
    """The local Discord; the session's last check of all that the bot sent."""
    with DiscordServer() as server:
        yield server
    server.check()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, discord_server: DiscordServer) -> Iterator[Place]:
    """The home of bot, servers and worker."""
    with Place(tmp_path_factory.mktemp("bot") / "home", discord_server) as made:
        yield made


@pytest.fixture(scope="session")
def bot(place: Place) -> Bot:
    """The bot's process, ready."""
    started = place.bot.start()
    place.discord.wait_ready()
    return started


@pytest.fixture(scope="session")
def models(place: Place) -> Place:
    """Chroma and a model server, both up."""
    place.start_chroma()
    place.start_models()
    return place


@pytest.fixture(scope="session")
def worker(models: Place) -> Iterator[Worker]:
    """A worker that takes jobs."""
    with Worker(models) as running:
        yield running.ready()


@pytest.fixture
def guild(discord_server: DiscordServer, bot: Bot, request: pytest.FixtureRequest) -> Iterator[Guild]:
    """A guild of the test's own, with a channel `general`; fails a test in which Discord was asked something odd."""
    yield discord_server.add_guild(request.node.name[:80])
    discord_server.check()


@pytest.fixture
def alice(discord_server: DiscordServer, guild: Guild) -> Member:
    """A member who manages the guild."""
    return discord_server.member("alice", guild=guild, permissions=Permission.MANAGE_GUILD)


@pytest.fixture
def bob(discord_server: DiscordServer, guild: Guild) -> Member:
    """A member like any other."""
    return discord_server.member("bob", guild=guild)
