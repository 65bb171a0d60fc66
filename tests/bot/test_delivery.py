"""What members see is said once and to its end: lost replies, kill -9 at any moment, refused edits, any script."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bot.replies.colours import GREEN, RED
from tests.bot.jobs import MADE, Pretended, posted
from tests.bot.scripted import Script, says, varied
from tests.bot.test_ask import DONE_S, finished, gated
from tests.bot.theatre import GOOD, Theatre, theatre
from tests.discord_server import Channel, Interaction, Message, components

pytestmark = pytest.mark.slow
QUESTION = "Capital of Norway?"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("theatre") / "home") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _clean(stage: Theatre) -> Iterator[None]:
    """No fault of one test waits for the next one."""
    yield
    left = [fault for fault in stage.discord.faults.waiting if fault.times]
    stage.discord.faults.waiting.clear()
    assert not left, "a fault was never met"


def answered(stage: Theatre, channel: Channel) -> Message:
    """The one message of the bot's in a channel, once it has its buttons."""

    def own() -> list[Message]:
        return [
            message for message in channel.messages if message.author is stage.discord.bot and message.text
        ]

    stage.discord.wait_for(
        lambda: [each for each in own() if "Ask again" in each.labels],
        DONE_S,
        lambda: str([each.text for each in own()]),
    )
    (message,) = own()
    return message


LOST = [
    ("POST", "/callback", {"lost": True}),
    ("POST", "/callback", {"drop": True}),
    ("PATCH", "/messages/@original", {"lost": True, "times": 2}),
    ("PATCH", "/messages/@original", {"drop": True, "times": 3}),
]


@pytest.mark.parametrize(("method", "path", "fault"), LOST)
def test_a_lost_reply_leaves_one_answer(
    stage: Theatre, method: str, path: str, fault: dict[str, Any]
) -> None:
    """Applied or not, whatever Discord's reply was lost of: one message, whole, and nothing beside it."""
    stage.play(says(GOOD))
    bob = stage.member("bob", stage.guild())
    stage.discord.faults.add(method, path, **fault)
    asked = bob.slash("/ask", question=QUESTION)
    message = finished(asked)
    assert "### Oslo" in message.text and message.colors == [GREEN]
    assert bob.messages() == [message] and asked.followups == []


@pytest.mark.parametrize(("method", "path", "fault"), LOST)
@pytest.mark.parametrize("command", ["/status", "/help", "/docs list"])
def test_a_lost_reply_leaves_one_reply(
    stage: Theatre, command: str, method: str, path: str, fault: dict[str, Any]
) -> None:
    """Of any command: the member sees its reply, and no error beside it."""
    bob = stage.member("bob", stage.guild())
    if command == "/help" and method == "PATCH":
        return  # it needs no edit
    stage.discord.faults.add(method, path, **fault)
    asked = bob.slash(command)
    assert "❌" not in asked.wait(30).text and asked.text
    stage.discord.wait_for(lambda: not any(each.times for each in stage.discord.faults.waiting), 20)
    time.sleep(0.5)
    assert bob.messages() == [asked.message]


def test_a_lost_reply_leaves_one_thread_and_one_message(stage: Theatre) -> None:
    """To the request that opens a conversation's thread, and to the one that sends the first words there."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    stage.discord.faults.add("POST", "/threads$", lost=True)
    stage.discord.faults.add("POST", "/messages$", lost=True)
    bob.say(text=QUESTION, mention=stage.discord.bot)
    stage.discord.wait_for(lambda: guild.threads, 30)
    (thread,) = guild.threads
    assert "### Oslo" in answered(stage, thread).text
    assert len(bob.channel.messages) == 1


def test_a_lost_reply_leaves_one_card(stage: Theatre) -> None:
    """To the card, the thread of its milestones, a milestone and the receipt."""
    guild = stage.guild()
    alice = stage.member("alice", guild)
    for path in ("/messages$", "/threads$"):
        stage.discord.faults.add("POST", path, lost=True)
    job = Pretended(stage.place, alice)
    stage.discord.gateway.invalidate()  # connected anew, the bot looks for cards
    card = posted(stage.discord, alice.channel, job.id)
    job.finish(job.begin("plan build", 0.02))
    thread = stage.discord.wait_for(lambda: card.thread, 30)
    stage.discord.wait_for(lambda: [each.text for each in thread.messages if each.text] == ["✅ plan"], 30)
    stage.discord.faults.add("POST", "/messages$", lost=True)
    job.begin("draft")
    job.end()
    posted(stage.discord, alice.channel, "8 rows", timeout_s=30)
    time.sleep(2)
    own = [message for message in alice.channel.messages if job.id in message.text]
    assert len(own) == 2 and own[0] is card


def test_a_card_is_found_again_after_a_kill(stage: Theatre) -> None:
    """Posted, and killed before that was noted: the next process edits it, however long it was down."""
    alice = stage.member("alice", stage.guild())
    stage.discord.faults.add("POST", "/messages$", lost=True)
    job = Pretended(stage.place, alice)
    stage.discord.gateway.invalidate()
    card = posted(stage.discord, alice.channel, job.id)
    stage.place.bot.kill()
    assert job.card.message == ""
    stage.discord.clock.move(600)
    job.begin("plan build")
    stage.place.bot.start()
    stage.discord.wait_for(lambda: "▶️ plan" in card.text, 30, lambda: card.text)
    assert [each for each in alice.channel.messages if job.id in each.text] == [card]
    job.end(result=MADE)
    posted(stage.discord, alice.channel, "8 rows")


def stopped(gate: threading.Event) -> Script:
    """Write nothing until a gate is opened."""

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        gate.wait(DONE_S)
        yield GOOD

    return script


def half_done(stage: Theatre, asked: Interaction) -> Message:
    """The message as it is acknowledged, before anything is known of it."""
    asked.acked()
    assert asked.original is not None
    return asked.original


def test_a_placeholder_outlives_kill_9(stage: Theatre) -> None:
    """Right after "thinking …" is shown: the next process says what happened, in that message, with a way to go on."""
    stage.play(says(GOOD))
    bob = stage.member("bob", stage.guild())
    asked = bob.slash("/ask", question=QUESTION)
    message = half_done(stage, asked)
    stage.place.bot.kill()
    stage.place.bot.start()
    stage.discord.wait_for(lambda: "🔴 I was restarted" in message.text, 20, lambda: message.text)
    assert message.colors == [RED] and bob.channel.messages == [message]
    again = finished(bob.click(message, "Ask again"))
    assert "### Oslo" in again.text


def test_a_first_message_outlives_kill_9(stage: Theatre) -> None:
    """Sent into a conversation's thread, and killed before its id was noted: found by what it says."""
    gate = threading.Event()
    stage.play(stopped(gate))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    stage.discord.faults.add("POST", "/messages$", lost=True)
    bob.say(text=QUESTION, mention=stage.discord.bot)
    stage.discord.wait_for(lambda: guild.threads and [m for m in guild.threads[0].messages if m.text], 30)
    stage.place.bot.kill()
    gate.set()
    stage.place.bot.start()
    message = answered(stage, guild.threads[0])
    assert "🔴 I was restarted" in message.text and message.colors == [RED]


def test_an_answer_that_was_not_shown_outlives_kill_9(stage: Theatre) -> None:
    """Written and kept, and killed before the last edit: the next process shows it, after the token's end too."""
    for later_s in (0, 16 * 60):
        gate = threading.Event()
        stage.play(gated(gate))
        bob = stage.member("bob", stage.guild())
        message = bob.slash("/ask", question=QUESTION).message
        stage.discord.wait_for(lambda m=message: "Well" in m.text, 20)
        stage.discord.faults.add("PATCH", "/messages/@original", delay_s=30, times=9)
        gate.set()
        guild = str(bob.guild.id)
        kept = lambda g=guild: [a for home, a in stage.registry.exchanges.unfinished("2026") if home == g]  # noqa: E731
        stage.discord.wait_for(lambda k=kept: k() and not k()[0].comparison.answers[0].error, 20)
        stage.place.bot.kill()
        stage.discord.faults.waiting.clear()
        stage.discord.clock.move(later_s)
        stage.place.bot.start()
        stage.discord.wait_for(lambda m=message: "### Oslo" in m.text, 20, lambda m=message: m.text)
        assert bob.channel.messages == [message] and "Ask again" in message.labels
        stage.discord.wait_for(lambda k=kept: not k(), 10)


@pytest.mark.parametrize("letters", ["漢字", "👩‍👩‍👧‍👦", "привет ", "é", "🇳🇴"])
@pytest.mark.parametrize("command", ["/ask", "/compare"])
def test_long_answers_of_any_script_are_shown(stage: Theatre, command: str, letters: str) -> None:
    """Discord counts bytes too: what is too much is cut between characters, and its file has all of it."""
    run = letters * (60 // len(letters))
    long = f"{' '.join(f'{run}{word}' for word in varied(180).split())} <ANSWER>: Oslo"
    stage.play(says(long))
    guild = stage.guild()
    if command == "/compare":
        stage.adapter(guild, f"raft-{guild.id % 10**8:08}")
    errors = len(stage.discord.errors)
    message = finished(stage.member("bob", guild).slash(command, question=f"{letters * 20}?"))
    assert "⏳" not in message.text and "### Oslo" in message.text
    assert long in message.file("answers.md").data.decode()
    assert stage.discord.errors[errors:] == []


@pytest.mark.parametrize(
    ("room", "said"), [(3000, "### Oslo"), (1500, "### Oslo"), (300, "**Full answers**")]
)
def test_a_refused_edit_is_said_in_fewer_words(
    stage: Theatre, monkeypatch: pytest.MonkeyPatch, room: int, said: str
) -> None:
    """Whatever Discord's limit is, no message stays unfinished: shorter, and at last without the text."""
    long = f"{varied(3000)} <ANSWER>: Oslo"
    stage.play(says(long))
    bob = stage.member("bob", stage.guild())
    monkeypatch.setattr(components, "TEXT_BYTES", room)
    message = finished(bob.slash("/ask", question=QUESTION))
    assert said in message.text and "⏳" not in message.text
    assert long in message.file("answers.md").data.decode()
    assert message.labels[-3:] == ["Sources", "Full answers", "Ask again"]


def test_two_last_questions_of_a_quota(stage: Theatre) -> None:
    """Asked at the same moment, one is answered."""
    stage.play(says(GOOD))
    guild = stage.guild()
    quota = {"asks": 1, "documents": 1, "jobs": 1}
    stage.registry.guilds.change(str(guild.id), lambda old: old | {"quota": quota})
    bob = stage.member("bob", guild)
    with stage.discord.burst():
        asked = [bob.slash("/ask", question=QUESTION) for _ in range(3)]
    for each in asked:
        each.wait(30)
    refused = [each for each in asked if each.ephemeral]
    assert len(refused) == 2 and all("1 question a day" in each.text for each in refused)


def test_a_refused_question_is_not_counted(stage: Theatre) -> None:
    """A server was down: the member's quota is as it was."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob = stage.member("bob", guild)
    stage.place.stop_chroma()
    assert "document store is down" in bob.slash("/ask", question=QUESTION).followup().text
    stage.place.start_chroma()
    assert stage.registry.exchanges.asked_since(str(guild.id), str(bob.id), "2026") == []
    assert stage.registry.exchanges.unfinished("2026") == []
