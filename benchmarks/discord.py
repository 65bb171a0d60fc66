"""Time the bot as members feel it, against a local Discord: start, acknowledgements under load, autocomplete, first words.

    python -m benchmarks discord

The bot is its real process. While 200 members press at once, the packaged model trains on the same cores; the model server
is a stand-in that writes a word every 50 ms, so that what is measured is the bot's part alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from raft_core.dataset.builder import BuildSettings
from raft_core.progress import Progress
from raft_core.sample import documents_folder
from raft_core.settings import Settings
from tests.bot.holdings import document
from tests.bot.scripted import Script
from tests.bot.theatre import GOOD, Theatre, theatre
from tests.discord_server import Member

AT_ONCE = 200
"""https://discord.com/developers/docs/topics/gateway lets a busy server send as many in a moment."""
COMMANDS = ("/status", "/docs list", "/jobs list", "/eval history", "/settings show", "/help")
DOCUMENTS = 10_000
TYPED = 200
ANSWERS = 10
STARTS = 3
WORD_S = 0.05
FIRST = "Oslo"
"""The first word of the answer that a member reads: what comes before is markup."""
GUILD = "bench"
PATIENCE_S = 300.0


def measure() -> dict[str, float | str]:
    """Return seconds, milliseconds and megabytes, each with its target."""
    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder, theatre(Path(folder) / "home") as stage:
        starts, fresh_mb = _starts(stage)
        idle = _burst(stage, "idle")
        with _training(Path(folder) / "training"):
            busy = _burst(stage, "busy")
        completing = _autocomplete(stage)
        words = _first_words(stage)
        return {
            "bot, start to ready, seconds (under 4)": median(starts),
            "bot when ready, MB (under 300)": fresh_mb,
            "bot after all of this, MB (under 300)": stage.place.bot.rss_mb,
            f"acknowledgement, {AT_ONCE} at once, idle, p99 ms": _p99(idle) * 1000,
            f"acknowledgement, {AT_ONCE} at once, a training beside, p99 ms (under 500)": _p99(busy) * 1000,
            f"acknowledgement, {AT_ONCE} at once, a training beside, median ms": median(busy) * 1000,
            f"autocomplete, {DOCUMENTS:,} documents, p99 ms (under 300)": _p99(completing) * 1000,
            "first words after the first token, worst, seconds (under 1.5)": max(words),
            "first words after the first token, median, seconds": median(words),
        }


def _p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[round(0.99 * (len(seconds) - 1))]


def _starts(stage: Theatre) -> tuple[list[float], float]:
    """Return the seconds of some starts, and the memory of a bot that is just ready."""
    bot, took = stage.place.bot, []
    for _ in range(STARTS):
        bot.stop()
        began = time.perf_counter()
        bot.start()
        took.append(time.perf_counter() - began)
    fresh_mb = bot.rss_mb
    stage.discord.wait_ready()
    return took, fresh_mb


def _burst(stage: Theatre, name: str) -> list[float]:
    """Return how long each of many commands in one moment waited for its acknowledgement."""
    guild = stage.discord.add_guild(name)
    people = [stage.discord.member(f"{name}{number}", guild=guild) for number in range(AT_ONCE)]
    asked = [person.slash(COMMANDS[number % len(COMMANDS)]) for number, person in enumerate(people)]
    stage.discord.wait_for(lambda: all(each.acked_at or each.error for each in asked), PATIENCE_S)
    for each in asked:
        if each.acked_at:
            each.wait(PATIENCE_S)
    return [each.acked_after_s or stage.discord.ack_s for each in asked]  # too late counts as that at least


def _autocomplete(stage: Theatre) -> list[float]:
    """Return the seconds from a key to its choices, seen by the member."""
    guild = stage.discord.add_guild("library")
    bob = stage.discord.member("bob", guild=guild)
    titles = [f"Report {number} on the rivers of Norway" for number in range(DOCUMENTS)]
    infos = [document(f"{number:016x}", title) for number, title in enumerate(titles)]
    stage.registry.documents.add(str(guild.id), infos, by="", consent=True)
    took = []
    for number in range(TYPED):
        began = time.perf_counter()
        bob.autocomplete("/docs show", "document", f"report {number}"[: number % 12])
        took.append(time.perf_counter() - began)
    return took


def _first_words(stage: Theatre) -> list[float]:
    """Return the seconds from each answer's first token to the edit that shows its first words."""
    guild = stage.guild()
    bob = stage.member("bob", guild)
    return [_first_word(stage, bob) for _ in range(ANSWERS)]


def _first_word(stage: Theatre, bob: Member) -> float:
    written: list[float] = []
    stage.play(_slowly(written))
    asked = bob.slash("/ask", question="What is the capital of Norway?")
    message = asked.wait(PATIENCE_S).message
    stage.discord.wait_for(lambda: message.buttons, PATIENCE_S)
    return next(version.at for version in message.edits if FIRST in version.text) - written[0]


def _slowly(written: list[float]) -> Script:
    def script(_: str, __: list[dict[str, str]]) -> Iterator[str]:
        for word in GOOD.split(" "):
            time.sleep(WORD_S)
            written.append(time.time())
            yield f"{word} "

    return script


@contextmanager
def _training(home: Path) -> Iterator[None]:
    """Train the packaged model beside, on all cores, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.discord", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own command
        try:
            if process.stdout is None or process.stdout.readline().strip() != "training":
                raise RuntimeError("the training did not begin")
            yield
        finally:
            process.kill()


def _train_for_long(home: Path) -> None:
    from raft_core.jobs.build import build_dataset
    from raft_core.jobs.ingest import ingest
    from raft_core.jobs.train import train_adapter
    from raft_core.training.recipe import Recipe

    settings = Settings(home=home, chunk_tokens=128, chroma_url=None, model_server_url=None)
    ingest([documents_folder()], settings, GUILD)
    dataset = build_dataset(settings, GUILD, BuildSettings(chunks=60))

    def report(progress: Progress) -> None:
        if progress.stage == "train" and progress.done == 1:
            print("training", flush=True)

    train_adapter(settings, GUILD, dataset.id, Recipe(num_train_epochs=1000), report)


if __name__ == "__main__":
    _train_for_long(Path(sys.argv[1]))
