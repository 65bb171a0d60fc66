"""Plays the whole story on the local Discord and photographs it: `python -m tests.bot.pictures FOLDER`.

Real all through, as test_story: the bot's process, Chroma, the model server with the packaged model, a worker. Each scene has a
channel of its own; discord.png and training.png are those in the README. Needs Chromium.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from raft_core.sample import documents_folder
from tests.bot.place import Place
from tests.discord_server import Channel, DiscordServer, Interaction, Member, Message, Permission
from tests.discord_server.screenshot import take_screenshot
from tests.discord_server.transcript import write_transcript
from tests.jobs.workers import Worker

PATIENCE_S = 300.0
LIBRARY = sorted(documents_folder().iterdir())


class Photographer:
    """One guild, its members, and pictures of its channels."""

    def __init__(self, discord: DiscordServer, place: Place, folder: Path) -> None:
        self.discord, self.folder = discord, folder
        self.guild = discord.add_guild("The Reading Room")
        self.ada = discord.member("ada", guild=self.guild, permissions=Permission.MANAGE_GUILD)
        self.ben = discord.member("ben", guild=self.guild)
        place.registry.guilds.change(str(self.guild.id), lambda old: old | {"cooldown_s": 0})

    def scene(self, name: str) -> Channel:
        """Open a channel for what is photographed together."""
        return self.discord.add_channel(name, self.guild)

    def shoot(self, name: str, channel: Channel, viewer: Member) -> None:
        """Write FOLDER/name.png."""
        with tempfile.TemporaryDirectory() as folder:
            page = write_transcript(self.discord, channel, Path(folder) / "page.html", viewer=viewer)
            take_screenshot(page, self.folder / f"{name}.png")
        print(f"{name}.png", flush=True)  # noqa: T201  # how far it is

    def until(self, found: Callable[[], object], what: str) -> None:
        """Wait for something that takes long."""
        self.discord.wait_for(found, PATIENCE_S, lambda: what)

    def written(self, asked: Interaction) -> Message:
        """Wait until an answer has no hourglass any more."""
        self.until(
            lambda: asked.original is not None and "⏳" not in asked.original.text and asked.original.buttons,
            "no answer was finished",
        )
        assert asked.original is not None
        return asked.original


def play(photographer: Photographer, place: Place) -> None:
    """Documents, a pipeline, a comparison, a summary, a thread, and a dead model server."""
    ada, ben, shoot = photographer.ada, photographer.ben, photographer.shoot

    documents = photographer.scene("library")
    for number in range(0, len(LIBRARY), 10):
        ben.slash("/docs add", channel=documents, file=LIBRARY[number : number + 10], consent=True)
        count = min(number + 10, len(LIBRARY))
        photographer.until(
            lambda count=count: len(place.registry.documents.list(str(photographer.guild.id))) >= count,
            "the documents were not read",
        )
    ben.slash("/docs list", channel=documents).wait()
    ada.slash("/docs search", channel=documents, query="Who looks after the launch?").wait(60)
    shoot("documents", documents, ada)

    pipeline, scores = photographer.scene("training"), photographer.scene("scores")
    ada.slash("/settings summaries", to=scores).wait()
    asked = ada.slash("/pipeline", channel=pipeline, chunks=40, epochs=2, samples=20)
    ada.click(asked.message, "Start").acked()
    photographer.until(lambda: any("loss" in each.text for each in pipeline.messages), "nothing was trained")
    shoot("training", pipeline, ada)
    photographer.until(lambda: scores.messages, "no summary was posted")
    photographer.until(lambda: "Evaluation `eval-" in pipeline.messages[-1].text, "no receipt")
    shoot("receipt", pipeline, ada)
    shoot("summary", scores, ada)

    talk = photographer.scene("questions")
    question = "How much is the canoe taster this season?"
    photographer.written(ben.slash("/compare", channel=talk, question=question))
    shoot("compare", talk, ben)
    ada.slash("/settings summaries").wait()
    ada.slash("/eval summary", channel=talk).wait(60)
    shoot("discord", talk, ben)

    threads = photographer.scene("threads")
    ben.say(threads, question, mention=photographer.discord.bot)
    photographer.until(
        lambda: any("tokens" in each.text for one in photographer.guild.threads for each in one.messages),
        "the mention was not answered",
    )
    shoot("thread", threads, ben)

    down = photographer.scene("down")
    place.stop_models()
    began = time.monotonic()
    failed = ben.slash("/ask", channel=down, question=question).acked()
    photographer.until(lambda: failed.followups, "nobody told that the model server is down")
    print(f"told after {time.monotonic() - began:.2f} s: {failed.followups[0].text}")  # noqa: T201
    ada.slash("/status", channel=down).wait()
    shoot("down", down, ben)


def main(folder: Path) -> None:
    """Set the stage, and play."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        DiscordServer() as discord,
        Place(Path(home) / "home", discord, chunk_tokens=160, max_new_tokens=160) as place,
    ):
        place.start_chroma()
        place.start_models()
        place.bot.start()
        discord.wait_ready()
        with Worker(place) as worker:
            worker.ready()
            play(Photographer(discord, place, folder), place)
        discord.check()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
