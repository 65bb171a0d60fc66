"""Jobs whose worker is the test itself: it writes into the registry what a worker would."""

from __future__ import annotations

import os
import socket
from typing import Any
from uuid import uuid4

from raft_core.records import DocumentInfo, JobInfo
from raft_core.registry.cards import JobCard
from raft_core.registry.jobs import UnitProgress
from tests.bot.place import Place
from tests.discord_server import Channel, DiscordServer, Member, Message

BUILD: dict[str, Any] = {
    "build": {
        "questions": 1,
        "distractors": 3,
        "p": 1.0,
        "seed": 0,
        "distractor_choice": "random",
        "absent_label": "answer",
        "chunks": 8,
        "generator": "rules",
        "generator_model": "",
    }
}
MADE: dict[str, Any] = {"id": "ds-00000001", "rows": 8, "rejected": 1}


class Pretended:
    """A job that a member asked for, and how far it is; the bot follows it from its next start on."""

    def __init__(
        self, place: Place, asker: Member, kind: str = "build", spec: dict[str, Any] = BUILD, channel: int = 0
    ) -> None:
        self.id = f"job-{uuid4().hex[:10]}"
        self.guild = str(asker.guild.id)
        self._place, self._jobs = place, place.registry.jobs
        self._worker = f"worker-{uuid4().hex[:6]}"
        self._jobs.add(self.id, self.guild, kind, spec, str(asker.id))
        at = str(channel or asker.channel.id)
        place.registry.cards.add(JobCard(self.guild, self.id, at, "", str(asker.id)))

    @property
    def card(self) -> JobCard:
        """What the registry keeps of its card."""
        found = self._place.registry.cards.get(self.guild, self.id)
        assert found
        return found

    def begin(self, unit: str, share: float = 1.0) -> str:
        """Begin with a stage of one unit, and return the unit's id."""
        unit_id = f"{self.id}.{unit.replace(' ', '-')}.1"
        self._jobs.add_units(self.id, self.guild, unit, "work", [unit_id], share)
        self._jobs.start(unit_id, self._worker)
        return unit_id

    def tell(self, unit_id: str, done: int, total: int, detail: str = "") -> None:
        """Be so far with a unit."""
        stage = unit_id.split(".")[1].replace("-", " ")
        self._jobs.progress([UnitProgress(unit_id, stage, done, total, detail)])

    def finish(self, unit_id: str) -> None:
        """End a unit well."""
        self._jobs.end(unit_id, "succeeded")

    def end(self, state: str = "succeeded", reason: str = "", result: dict[str, Any] = MADE) -> JobInfo:
        """End the job."""
        self._jobs.end(self.id, state, reason=reason, result=result)  # type: ignore[arg-type]  # one of JobState's
        return self._place.job(self.id)


def pretend_worker(place: Place) -> None:
    """Have it look as if a worker lived; for half a minute."""
    place.registry.workers.enter(f"worker-{uuid4().hex[:6]}", socket.gethostname(), os.getpid(), "")


def pretend_documents(place: Place, guild: str, chunks: int = 40) -> None:
    """Have the registry know a document with some chunks."""
    info = DocumentInfo(
        "d0", "A guide", "guide.md", "text/markdown", "00", 1, chunks, 5000, "2026-01-01T00:00:00+00:00"
    )
    place.registry.documents.add(guild, [info], by="1", consent=True)


def posted(server: DiscordServer, channel: Channel, *words: str, timeout_s: float = 15.0) -> Message:
    """Wait for a message of the bot's in a channel that has all the words, and return the newest such one."""

    def found() -> Message | None:
        said = [message for message in channel.messages if message.author is server.bot]
        return next((each for each in reversed(said) if all(word in each.text for word in words)), None)

    message = server.wait_for(
        found, timeout_s, lambda: f"nobody said {words}: {[each.text for each in channel.messages]}"
    )
    assert isinstance(message, Message)
    return message
