"""Mentions and replies: answers in a thread, with what was said before, and nothing without permission."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.conversing import question_in
from tests.bot.scripted import says
from tests.bot.theatre import GOOD, Theatre, theatre
from tests.discord_server import Channel, Message, Permission

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("theatre") / "home") as opened:
        yield opened


def answers(stage: Theatre, channel: Channel, count: int) -> list[Message]:
    """Return the finished answers in a channel, once there are so many."""

    def found() -> list[Message]:
        return [each for each in channel.messages if "Ask again" in each.labels]

    stage.discord.wait_for(
        lambda: len(found()) == count, 60, lambda: str([each.text for each in channel.messages])
    )
    return found()


def test_a_question_is_the_text_without_the_mention() -> None:
    """Both ways of writing a mention go; other people's stay."""
    assert question_in("<@1> Who, <@!1> or <@2>?", 1) == "Who,  or <@2>?"


def test_a_conversation_in_a_thread(stage: Theatre) -> None:
    """The first mention opens a thread named after the question; there, earlier turns go with the next question."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    bob.say(text="Which city is the capital of Norway?", mention=stage.discord.bot)
    stage.discord.wait_for(lambda: guild.threads, 30)
    (thread,) = guild.threads
    assert thread.name == "Which city is the capital of Norway?"
    (first,) = answers(stage, thread, 1)
    assert "### Oslo" in first.text and not first.pinged
    stage.play(says(GOOD.replace("Oslo is", "It is")))
    bob.say(thread, "Where does it lie?", reply_to=first)
    second = answers(stage, thread, 2)[-1]
    assert "**Where does it lie?**" in second.text
    (asked,) = stage.models.asked
    roles = [(each["role"], each["content"]) for each in asked["messages"][:2]]
    assert roles == [("user", "Which city is the capital of Norway?"), ("assistant", "Oslo")]
    assert "Where does it lie?" in asked["messages"][2]["content"]
    stage.play(says(GOOD))
    bob.say(thread, "And bread?", mention=stage.discord.bot)
    answers(stage, thread, 3)
    assert len(stage.models.asked[0]["messages"]) == 5
    assert len(guild.threads) == 1


def test_a_reply_to_a_comparison_asks_both_models(stage: Theatre) -> None:
    """A reply to an answer in a channel opens a thread, knows what was asked, and asks the same models."""
    guild = stage.guild()
    tuned = stage.adapter(guild, "raft-00000001")
    stage.play(says(GOOD))
    bob, eve = stage.member("bob", guild), stage.member("eve", guild)
    shown = bob.slash("/compare", question="Capital of Norway?").message
    answers(stage, bob.channel, 1)
    stage.play(says(GOOD))
    eve.say(text="Where does it lie?", reply_to=shown)
    stage.discord.wait_for(lambda: guild.threads, 30)
    (message,) = answers(stage, guild.threads[0], 1)
    assert f"B · {tuned}" in message.text
    assert {each["model"] for each in stage.models.asked} == {"base", tuned}
    assert stage.models.asked[0]["messages"][0]["content"] == "Capital of Norway?"


def test_what_is_not_for_the_bot_is_left_alone(stage: Theatre) -> None:
    """Chat without a mention is not answered; a bare mention gets a hint; a direct message a polite refusal."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    bob.say(text="What is the capital of Norway?")
    bob.say(text="", mention=stage.discord.bot)
    stage.discord.wait_for(lambda: len(bob.channel.messages) == 3, 20)
    assert "Mention me with a question" in bob.channel.messages[-1].text
    bob.dm("What is the capital of Norway?")
    private = stage.discord.dm_channel(bob.user)
    stage.discord.wait_for(lambda: len(private.messages) == 2, 20)
    assert "I work in servers only" in private.messages[-1].text
    assert stage.models.asked == []


def test_a_missing_permission_is_named(stage: Theatre) -> None:
    """Where the bot may open no threads it says which permission it lacks; nothing is asked."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    stage.discord.deny(bob.channel, stage.discord.bot, Permission.CREATE_PUBLIC_THREADS)
    bob.say(text="Capital of Norway?", mention=stage.discord.bot)
    stage.discord.wait_for(lambda: len(bob.channel.messages) == 2, 20)
    assert "Create Public Threads" in bob.channel.messages[-1].text
    assert guild.threads == [] and stage.models.asked == []


def test_a_refused_question_opens_no_thread(stage: Theatre) -> None:
    """A quota that is used up is told in a reply."""
    guild = stage.guild()
    quota = {"asks": 0, "documents": 1, "jobs": 1}
    stage.registry.guilds.change(str(guild.id), lambda old: old | {"quota": quota})
    bob = stage.member("bob", guild)
    bob.say(text="Capital of Norway?", mention=stage.discord.bot)
    stage.discord.wait_for(lambda: len(bob.channel.messages) == 2, 20)
    assert "❌" in bob.channel.messages[-1].text
    assert guild.threads == []
