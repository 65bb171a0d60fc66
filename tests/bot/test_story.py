"""The whole story in one channel: documents dropped, one pipeline, two answers side by side, a summary posted.

Real all through: Discord's protocol and limits, the bot's process, Chroma, the model server with a small base, the
worker. RAFTBOT_TRANSCRIPTS names a folder for the channel as a page, from which screenshots are made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bot.place import Place
from tests.discord_server import DiscordServer, Guild, Member, Message
from tests.discord_server.transcript import write_transcript
from tests.jobs.workers import LIBRARY, PATIENCE_S, Worker


def newest(member: Member, words: str) -> Callable[[], Message | None]:
    """Look for the newest message with some words that all see, or in the threads of its channel."""
    return lambda: next((each for each in reversed(member.channel.messages) if words in each.text), None)


@pytest.mark.slow
def test_from_documents_to_a_summary(
    models: Place,
    worker: Worker,
    discord_server: DiscordServer,
    guild: Guild,
    alice: Member,
    bob: Member,
    tmp_path: Path,
) -> None:
    """A member drops documents, an admin has the model learn them, and everyone sees what it learnt."""

    def wait(words: str, member: Member = alice) -> Message:
        found = discord_server.wait_for(
            newest(member, words),
            PATIENCE_S,
            lambda: f"nobody said {words!r}: {[each.text for each in member.channel.messages]}",
        )
        assert isinstance(found, Message)
        return found

    files = [path for path in LIBRARY if path.suffix == ".md"][:3]
    assert bob.slash("/docs add", file=files, consent=True).ephemeral
    added = wait("3 documents added", bob)
    assert added.pinged == {"bob"}
    titles = [choice["name"] for choice in bob.autocomplete("/docs show", "document")]
    assert len(titles) == 3

    scores = discord_server.add_channel("scores", guild)
    assert scores.mention in alice.slash("/settings summaries", to=scores).text
    asked = alice.slash("/pipeline", chunks=8, distractors=2, rank=4, epochs=1, samples=8)
    assert asked.ephemeral and "about" in asked.text
    alice.click(asked.message, "Start").acked()
    card = wait("Build, train and evaluate")
    done = wait("Evaluation `eval-")
    assert done.pinged == {"alice"} and done is not card
    for words in ("Data set `ds-", "Adapter `raft-", "F1 **", "over the same 8 questions"):
        assert words in done.text, (words, done.text)
    assert not card.pinged and "100 %" in card.text and len(card.edits) > 2
    (adapter,) = models.registry.adapters.list(str(guild.id))

    posted = discord_server.wait_for(lambda: scores.messages, PATIENCE_S)[-1]
    for words in (
        "8 questions",
        "Base · base",
        f"Tuned · {adapter.id}",
        "seed 0",
        "`raft` prompt",
        "cut off",
    ):
        assert words in posted.text, (words, posted.text)
    assert [file.name for file in posted.files] == ["f1.png"] and posted.files[0].data[:4] == b"\x89PNG"
    assert not posted.pinged and len(scores.messages) == 1

    compared = bob.slash("/compare", question=f"What is said about {titles[0].partition(' · ')[0]}?")
    discord_server.wait_for(
        lambda: (
            compared.original is not None and "⏳" not in compared.original.text and compared.message.buttons
        ),
        PATIENCE_S,
        compared.told,
    )
    for words in ("base", adapter.id, "F1 "):
        assert words in compared.text, (words, compared.text)

    summary = alice.slash("/eval summary")
    link = summary.wait(60).text
    assert str(scores.id) in link and len(scores.messages) == 2
    history = alice.slash("/eval history").wait(60)
    assert adapter.id in history.text and [file.name for file in history.message.files] == ["history.png"]
    changed = [label for label in scores.messages[-1].labels if label[0] in "✅❌"]
    for label in changed:
        page = alice.click(scores.messages[-1], label).wait(60)
        assert page.ephemeral and "Gold answer" in page.text and "1 of" in page.text

    folder = Path(os.environ.get("RAFTBOT_TRANSCRIPTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    places = {"story": alice.channel, "scores": scores}
    for name, channel in places.items():
        page_file = write_transcript(discord_server, channel, folder / f"{name}.html", viewer=alice)
        assert page_file.stat().st_size > 10_000
