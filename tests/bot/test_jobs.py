"""/jobs: what was asked for, how far it is, and what it wrote."""

from __future__ import annotations

import time

import pytest

from bot.jobs import secrets_of
from bot.replies.jobs_list import TAIL, log_text, redact
from raft_core.jobs.queue import job_log
from raft_core.records import JobInfo
from tests.bot.place import Place
from tests.discord_server import Guild, Member


def job(**fields: object) -> JobInfo:
    """Return a job that runs."""
    given = {
        "id": "job-00000000aa", "guild": "1", "kind": "build", "state": "running", "stage": "", "detail": "",
        "percent": 25.0, "eta_s": None, "place": None, "tokens": 0, "cost_usd": 0.0, "reason": "", "requester": "",
        "result": {}, "created_at": 0.0, "started_at": None, "finished_at": None,
    }  # fmt: skip
    return JobInfo(**{**given, **fields})  # type: ignore[arg-type]  # the fields above


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the key is a-key-of-ours!", "the key is [hidden]!"),
        ("postgresql://ada:secret@db/raft", "postgresql://[hidden]@db/raft"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"),
        ("hf_abcdefghijklmnop", "[hidden]"),
        ("reading /srv/raftbot/guilds/1/x.md", "reading $RAFTBOT_HOME/guilds/1/x.md"),
        ("https://example.org:8000/v1", "https://example.org:8000/v1"),
    ],
)
def test_secrets_never_appear(text: str, shown: str) -> None:
    """Neither those of the settings, nor what looks like a key, nor a password in an address, nor the home."""
    assert redact(text, ["a-key-of-ours", ""], "/srv/raftbot") == shown


def test_the_end_of_a_log_fits() -> None:
    """Its newest whole lines in a block of code that it cannot leave; nothing is said as such."""
    log = "".join(f"line {number} ``` @everyone\n" for number in range(500))
    told = log_text(job(), log)
    assert len(told) < 2000
    assert told.count("```") == 2
    assert "line 499" in told
    assert len(told.split("```")[1].splitlines()[1]) >= len("line 499")
    assert "nothing yet" in log_text(job(), " \n")
    assert TAIL < 2000


def test_list_cancel_and_logs(place: Place, guild: Guild, alice: Member, bob: Member) -> None:
    """All see the list; only who asked for a job or may train cancels it and reads its log, without secrets."""
    jobs, own = place.registry.jobs, str(guild.id)
    jobs.add("job-00000000a1", own, "build", {"build": {}}, str(bob.id))
    jobs.add("job-00000000a2", own, "train", {}, str(alice.id))
    jobs.end("job-00000000a2", "failed", reason="**no** memory", cost_usd=0.5, tokens=1200)
    listed = bob.slash("/jobs list")
    assert listed.ephemeral
    for words in (
        "Jobs (2)",
        "Train an adapter · failed",
        "\\*\\*no\\*\\* memory",
        bob.mention,
        "**0 %**",
        "in the queue",
    ):
        assert words in listed.text, (words, listed.text)
    (secret, *_) = secrets_of(place.settings)
    log = job_log(place.settings, "job-00000000a1")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("first line\n" * 300 + f"token {secret} at {place.home}/x\nthe last line\n")
    shown = bob.slash("/jobs logs", job="job-00000000a1")
    assert shown.ephemeral
    assert "the last line" in shown.text
    whole = shown.message.file("job-00000000a1.log").data.decode()
    assert whole.count("first line") == 300
    for text in (shown.text, whole):
        assert secret not in text
        assert str(place.home) not in text
        assert "token [hidden] at $RAFTBOT_HOME/x" in text
    assert "Only a trainer may do this" in bob.slash("/jobs logs", job="job-00000000a2").text
    assert "written nothing yet" in alice.slash("/jobs logs", job="job-00000000a2").text
    assert "Only a trainer may do this" in bob.slash("/jobs cancel", job="job-00000000a2").text
    assert [each["value"] for each in bob.autocomplete("/jobs cancel", "job", "")] == ["job-00000000a1"]
    assert "`job-00000000a1` is cancelled" in bob.slash("/jobs cancel", job="job-00000000a1").wait(30).text
    assert jobs.find(own, "job-00000000a1").state == "cancelled"
    again = bob.slash("/jobs cancel", job="job-00000000a1").text
    assert "is already cancelled" in again
    assert bob.autocomplete("/jobs cancel", "job", "") == []


def test_hundreds_of_jobs(place: Place, guild: Guild, bob: Member) -> None:
    """Come in pages."""
    for number in range(30):
        place.registry.jobs.add(f"job-{number:010x}", str(guild.id), "build", {"build": {}}, str(bob.id))
        place.registry.jobs.end(f"job-{number:010x}", "succeeded")
    began = time.monotonic()
    listed = bob.slash("/jobs list")
    assert listed.message.labels == ["1 / 5", "▶️"]
    assert time.monotonic() - began < 5
