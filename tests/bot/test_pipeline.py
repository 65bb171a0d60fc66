"""/pipeline on the real thing: documents to scores in one card."""

from __future__ import annotations

import pytest

from tests.bot.jobs import posted, pretend_documents, pretend_worker
from tests.bot.place import Place
from tests.discord_server import DiscordServer, Guild, Member
from tests.jobs.workers import LIBRARY, PATIENCE_S, Worker


def test_the_question_covers_all_three_stages(place: Place, alice: Member, bob: Member, guild: Guild) -> None:
    """What is built, trained and scored, and that it is a guess; for trainers only."""
    pretend_documents(place, str(guild.id))
    pretend_worker(place)
    asked = alice.slash("/pipeline", chunks=5, samples=20, rank=8, epochs=2)
    assert "5 chunks, 1 question each by rule" in asked.text
    assert "base `small-base`, rank 8, 16 bits, 2 epochs" in asked.text
    assert "`base` on 20 questions" in asked.text and "a guess" in asked.text
    assert "Only a trainer" in bob.slash("/pipeline").text


@pytest.mark.slow
def test_documents_become_scores_in_one_card(
    place: Place, worker: Worker, alice: Member, guild: Guild, discord_server: DiscordServer
) -> None:
    """All stages on the card, milestones in its thread, one receipt with data set, adapter and scores."""
    place.wait(place.enqueue("docs", "add", *LIBRARY[:6], guild=str(guild.id)))
    asked = alice.slash("/pipeline", chunks=8, distractors=2, rank=4, epochs=1, samples=4)
    alice.click(asked.message, "Start").wait()
    card = posted(discord_server, alice.channel, "Build, train and evaluate", "job-")
    receipt = posted(discord_server, alice.channel, "📚", "🧠", "📊", timeout_s=PATIENCE_S)
    assert receipt.pinged == {"alice"} and "Preview" in receipt.labels
    assert "100 %" in card.text and card.text.count("✅") >= 9
    thread = card.thread
    assert thread is not None
    told = "\n".join(message.text for message in thread.messages)
    assert told.index("✅ plan") < told.index("✅ check and assemble") < told.index("✅ train")
