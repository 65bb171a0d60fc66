"""Clicks that come twice, late, or on what the message no longer shows: each is answered, and as it should be."""

from __future__ import annotations

from typing import Any

import pytest

from raft_core.jobs.queue import Queue
from tests.bot.evaluations import keep, result, samples
from tests.bot.holdings import heard_of_a_worker, stock
from tests.bot.jobs import Pretended, posted
from tests.bot.place import Bot, Place
from tests.discord_server import DiscordServer, Interaction, Member, Message
from tests.discord_server.messages import BUTTON, walk


def button(message: Message, label: str) -> dict[str, Any]:
    """A button as Discord's client keeps it, even after the message has changed."""
    return next(c for c in walk(message.components) if c["type"] == BUTTON and c.get("label") == label)


def said(clicked: Interaction) -> str:
    """What a click was answered with, in Discord's time."""
    text = clicked.wait(30).text if clicked.response_type != 6 else clicked.followup().text
    assert "restarted" not in text
    return text


@pytest.fixture
def job(place: Place, bot: Bot, alice: Member, discord_server: DiscordServer) -> tuple[Pretended, Message]:
    """A job with its card."""
    made = Pretended(place, alice)
    bot.restart()
    return made, posted(discord_server, alice.channel, made.id)


def test_cancel_and_resume_twice(
    place: Place, alice: Member, discord_server: DiscordServer, job: tuple[Pretended, Message]
) -> None:
    """The second click says what is so already, although the card has no such button any more."""
    made, card = job
    with Queue(place.settings, place.registry) as queue:  # DBOS must know the job that is resumed
        queue.repair()
    cancel = button(card, "Cancel")
    assert said(alice.use_component(card, cancel)) == f"⏹️ `{made.id}` is cancelled; finished work is kept."
    discord_server.wait_for(lambda: card.labels == ["Resume"], 20)
    assert said(alice.use_component(card, cancel)) == f"⏹️ `{made.id}` is already cancelled."
    resume = button(card, "Resume")
    with heard_of_a_worker(place):
        place.registry.jobs.requeue(made.id)
        assert said(alice.use_component(card, resume)) == f"🕒 `{made.id}` is already queued."


def test_a_finished_job_cannot_be_cancelled(
    alice: Member, discord_server: DiscordServer, job: tuple[Pretended, Message]
) -> None:
    """A click that crosses its end is no error."""
    made, card = job
    cancel = button(card, "Cancel")
    made.end()
    assert said(alice.use_component(card, cancel)) == f"✅ `{made.id}` is already done."


@pytest.mark.parametrize(
    ("label", "later"), [("Remove", "confirmed this already"), ("Cancel", "cancelled this already")]
)
def test_a_question_is_answered_once(
    models: Place, alice: Member, discord_server: DiscordServer, label: str, later: str
) -> None:
    """Two clicks at the same moment, and one afterwards: the first counts, the others hear so."""
    stock(models.registry, alice.guild, by=str(alice.id))
    asked = alice.slash("/docs remove", document="d0c1")
    question = asked.wait_for_text("for good?")
    pressed = button(question, label)
    with discord_server.burst():
        clicks = [alice.use_component(question, pressed) for _ in range(2)]
    for click in clicks:
        click.acked()
    clicks.append(alice.use_component(question, pressed))
    clicks[-1].acked()
    told = [each.text for each in clicks if each.response_type == 4]
    assert len(told) == 2 and all(later in each for each in told), told
    left = 1 if label == "Remove" else 2
    discord_server.wait_for(lambda: len(models.registry.documents.list(str(alice.guild.id))) == left, 20)


def test_pages_turned_twice(place: Place, alice: Member, discord_server: DiscordServer) -> None:
    """Two quick clicks on "next": the page that the second one names is shown, and nothing complains."""
    keep(place, result(str(alice.guild.id)), samples())
    page = alice.click(alice.slash("/eval summary").message, "✅ 2 fixed").wait()
    following = button(page.message, "▶")
    alice.use_component(page.message, following).acked()
    page.wait_for_text("2 of 2")
    again = alice.use_component(page.message, following).acked()
    assert again.acked_after_s is not None and again.acked_after_s < 2
    discord_server.wait_for(lambda: len(page.message.edits) >= 3, 10)
    assert "2 of 2" in page.text and again.followups == []


def test_what_is_from_before_a_restart_is_told_so(place: Place, alice: Member) -> None:
    """A view that no longer exists is answered in time, too."""
    for number in range(30):
        place.registry.jobs.add(
            f"job-{number:010x}", str(alice.guild.id), "build", {"build": {}}, str(alice.id)
        )
    listed = alice.slash("/jobs list").message
    place.bot.restart()
    assert "from before I was restarted" in alice.click(listed, "▶️").text
