"""/docs: what members hand over, see, find and remove."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.documents.names import NAME_BYTES, safe_name
from tests.bot.holdings import document, heard_of_a_worker, stock
from tests.bot.place import Place
from tests.discord_server import DiscordServer, Guild, Member, Message, Permission, Upload
from tests.jobs.workers import PATIENCE_S, Worker

MIB = 2**20
OSLO = ("oslo.md", b"# Oslo\n\nOslo is the capital of Norway. It lies at the end of a fjord.")
BREAD = ("bread.txt", b"Bread needs flour, water and salt. " * 20)


@given(st.text(max_size=300) | st.text("./\\\0 a\u202eé", max_size=300))
def test_names_of_files_lead_nowhere(name: str) -> None:
    """Whatever a file is called, it is kept under one plain name that is no path and no hidden file."""
    kept = safe_name(name)
    assert kept == safe_name(kept)
    assert 1 <= len(kept.encode()) <= NAME_BYTES
    assert not kept.startswith(".")
    assert not {"/", "\\", "\0", "\n"} & set(kept)
    assert all(unicodedata.category(character) not in {"Cc", "Cs"} for character in kept)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.pdf", "x.pdf"),
        (".hidden.md", "hidden.md"),
        ("gpj.\u202eexe.txt", "gpj.exe.txt"),
        ("..", "file"),
        ("é" * 200 + ".pdf", "é" * 73 + ".pdf"),
        ("a\nb.txt", "a b.txt"),
    ],
)
def test_names_of_files(name: str, kept: str) -> None:
    """The ending stays, since it tells kinds of text apart."""
    assert safe_name(name) == kept


@pytest.fixture
def ingesting(models: Place) -> Iterator[Place]:
    """Chroma is up, and the registry hears of a worker that does nothing: jobs wait."""
    with heard_of_a_worker(models):
        yield models
    for job in models.registry.jobs.all(None):
        models.registry.jobs.cancel(job.id)


def spec_of(place: Place, guild: Guild) -> dict[str, Any]:
    """Return what the newest job of a guild asks for."""
    (newest, *_) = place.registry.jobs.all(str(guild.id))
    return place.registry.jobs.spec(newest.id)[2]


def card(member: Member) -> Message:
    """Return the newest card in a member's channel."""
    member.server.wait_for(lambda: any("Read documents" in each.text for each in member.channel.messages))
    return [each for each in member.channel.messages if "Read documents" in each.text][-1]


def test_several_files_and_consent_by_button(ingesting: Place, guild: Guild, bob: Member) -> None:
    """Where nobody says, the member is asked alone; the card is for all; who, consent and bytes are kept."""
    asked = bob.slash("/docs add", file=[OSLO, BREAD])
    assert asked.ephemeral
    assert "May models be trained on it" in asked.text
    assert asked.message.labels == ["Ask and train", "Only ask", "Cancel"]
    bob.click(asked.message, "Only ask").acked()
    assert "2 files" in card(bob).text
    spec = spec_of(ingesting, guild)
    assert (spec["by"], spec["consent"], spec["title"], spec["rejected"]) == (str(bob.id), False, "", [])
    paths = [ingesting.home / upload for upload in spec["uploads"]]
    assert [(path.name, path.read_bytes()) for path in paths] == [OSLO, BREAD]
    assert not list((ingesting.settings.guild_dir(str(guild.id)) / "incoming").iterdir())


def test_cancel_adds_nothing(ingesting: Place, guild: Guild, bob: Member) -> None:
    """The member who thinks better of it leaves no job, and no file."""
    asked = bob.slash("/docs add", file=OSLO)
    bob.click(asked.message, "Cancel").acked()
    asked.wait_for_text("nothing was added")
    assert ingesting.registry.jobs.all(str(guild.id)) == []


def test_the_form(ingesting: Place, guild: Guild, bob: Member) -> None:
    """Without files a form takes several, a title and the consent, which is not given unless ticked."""
    form = bob.slash("/docs add").modal
    assert form.labels == ["Files", "Title", "Models may be trained on them"]
    form.submit({"Title": "Our city"}, files={"Files": [OSLO]}).wait()
    assert "Our city" in card(bob).text
    spec = spec_of(ingesting, guild)
    assert (spec["title"], spec["consent"]) == ("Our city", False)
    form = bob.slash("/docs add").modal
    form.submit({"Models may be trained on them": True}, files={"Files": [OSLO, BREAD]}).wait()
    bob.server.wait_for(lambda: len(ingesting.registry.jobs.all(str(guild.id))) == 2)
    bob.server.wait_for(lambda: len(spec_of(ingesting, guild)["uploads"]) == 2)
    assert spec_of(ingesting, guild)["consent"] is True


def test_files_of_a_message(ingesting: Place, guild: Guild, alice: Member, bob: Member) -> None:
    """The context menu takes a message's files and never its text, after a question that names another's message."""
    said = alice.say(text="my password is 12345", files=[OSLO])
    asked = bob.context_menu("Add to knowledge base", said)
    assert asked.ephemeral
    assert f"{alice.mention} posted it, not you" in asked.text
    bob.click(asked.message, "Ask and train").acked()
    card(bob)
    spec = spec_of(ingesting, guild)
    assert [(ingesting.home / upload).read_bytes() for upload in spec["uploads"]] == [OSLO[1]]
    assert spec["by"] == str(bob.id)
    nothing = bob.context_menu("Add to knowledge base", alice.say(text="only words"))
    assert "This message has no files" in nothing.text
    assert "12345" not in str(spec)


def test_sizes_are_told_before_anything_is_fetched(
    ingesting: Place, guild: Guild, bob: Member, discord_server: DiscordServer
) -> None:
    """With the numbers; what is small enough goes on."""
    large = Upload("large.pdf", size=26 * MIB)
    refused = bob.slash("/docs add", file=large, consent=True)
    assert refused.ephemeral
    assert "it has 26.0 MiB, and 25 MiB is the limit here" in refused.text
    assert ingesting.registry.jobs.all(str(guild.id)) == []
    bob.slash("/docs add", file=[large, OSLO], consent=True).wait()
    card(bob)
    spec = spec_of(ingesting, guild)
    assert [each["path"] for each in spec["rejected"]] == ["large.pdf"]
    assert len(spec["uploads"]) == 1
    ingesting.registry.guilds.change(str(guild.id), lambda kept: kept | {"max_file_mb": 0.00001})
    assert "and 1e-05 MiB is the limit" in bob.slash("/docs add", file=OSLO, consent=True).text


def test_documents_of_a_day(ingesting: Place, guild: Guild, bob: Member) -> None:
    """Those handed over count, whatever became of them; it is said when there is room again."""
    ingesting.registry.guilds.change(
        str(guild.id), lambda kept: kept | {"quota": {"asks": 1, "documents": 3, "jobs": 1}}
    )
    bob.slash("/docs add", file=[OSLO, BREAD], consent=True).wait()
    card(bob)
    told = bob.slash("/docs add", file=[OSLO, BREAD], consent=True).text
    assert "Your limit is 3 documents a day, and 1 is left" in told
    assert "try again <t:" in told
    told = bob.slash(
        "/docs add", file=[("a", b"a"), ("b", b"b"), ("c", b"c"), ("d", b"d")], consent=True
    ).text
    assert "ask for fewer at once" in told


def test_missing_permissions_are_named(
    ingesting: Place, guild: Guild, bob: Member, discord_server: DiscordServer
) -> None:
    """Before anything is fetched."""
    discord_server.deny(bob.channel, discord_server.bot, Permission.ATTACH_FILES)
    told = bob.slash("/docs add", file=OSLO, consent=True)
    assert told.ephemeral
    assert "I lack permissions in this channel: Attach Files" in told.text
    assert ingesting.registry.jobs.all(str(guild.id)) == []


def test_hostile_names_and_titles(ingesting: Place, guild: Guild, bob: Member) -> None:
    """Show as they are, and neither ping, link, nor break out."""
    hostile = [("../../../etc/@everyone `x` ||y||.md", b"# A\n\ntext"), ("\u202egpj.md", b"# B\n\ntext")]
    asked = bob.slash("/docs add", file=hostile)
    assert "/etc" not in asked.text or "`" in asked.text
    assert not asked.message.pinged
    bob.click(asked.message, "Only ask").acked()
    assert not card(bob).pinged
    for upload in spec_of(ingesting, guild)["uploads"]:
        path = ingesting.home / upload
        assert path.parent.parent == ingesting.settings.guild_dir(str(guild.id)) / "uploads"
    title = "# **@everyone** <@1> [x](https://evil.example) \u202e"
    ingesting.registry.documents.add(str(guild.id), [document("d0c7", title)], by="`<@2>`", consent=True)
    for used in (bob.slash("/docs list"), bob.slash("/docs show", document="d0c7")):
        assert "**@everyone" not in used.text
        assert "https://evil" not in used.text
        assert "<@1>" not in used.text
        assert "\u202e" not in used.text


def test_who_may_remove(ingesting: Place, guild: Guild, alice: Member, bob: Member) -> None:
    """A curator, or who added it; what learnt from it is named first, and again when it is gone."""
    stock(ingesting.registry, guild, by=str(bob.id))
    ingesting.registry.documents.add(str(guild.id), [document("d0c3", "Finland")], by="1", consent=True)
    assert "Only a curator may do this" in bob.slash("/docs remove", document="d0c3").text
    asked = bob.slash("/docs remove", document="d0c1")
    for words in (
        "Remove **Norway** (3 chunks) for good?",
        "1 data set: `ds-0000aaaa`",
        "2 adapters: `raft-0000aaaa`",
    ):
        assert words in asked.text, words
    bob.click(asked.message, "Remove").acked()
    told = asked.wait_for_text("Removed **Norway**", 60).text
    assert "build and train anew" in told
    assert "`raft-0000bbbb`" in told
    assert "of them removed since" in alice.slash("/models info", model="raft-0000aaaa").text
    kept = alice.slash("/docs remove", document="d0c3")
    alice.click(kept.message, "Cancel").acked()
    kept.wait_for_text("nothing was done")
    assert [info.id for info in ingesting.registry.documents.list(str(guild.id))] == ["d0c3", "d0c2"]


def test_pages(ingesting: Place, guild: Guild, bob: Member) -> None:
    """A long list has pages with buttons and a jump, for whoever asked."""
    infos = [document(f"d{number:04}", f"Document {number}") for number in range(25)]
    ingesting.registry.documents.add(str(guild.id), infos, by="", consent=True)
    used = bob.slash("/docs list")
    assert "Document 24" in used.text
    assert used.message.labels == ["1 / 3", "▶️"]
    bob.click(used.message, "▶️").acked()
    used.wait_for_text("Document 14")
    jump = bob.click(used.message, "2 / 3").modal
    jump.submit({"Page": "99"}).acked()
    used.wait_for_text("Document 4")
    assert used.message.labels == ["◀️", "3 / 3"]


def receipt(member: Member, count: int = 1) -> Message:
    """Return the newest of so many messages in a member's channel that tell the end of a job."""

    def told() -> list[Message]:
        return [each for each in member.channel.messages if "Read documents: done" in each.text]

    member.server.wait_for(
        lambda: len(told()) >= count, PATIENCE_S, lambda: str([each.text for each in member.channel.messages])
    )
    return told()[-1]


@pytest.mark.slow
def test_a_document_from_hand_to_search(worker: Worker, models: Place, bob: Member) -> None:
    """Handed over, told in public with a ping of who asked, shown, found and removed; what cannot be read says why."""
    broken = ("broken.pdf", b"%PDF-1.7 not really")
    added = bob.slash("/docs add", file=[OSLO, broken, BREAD, BREAD], consent=True)
    assert added.ephemeral
    done = receipt(bob)
    for words in (
        "2 documents added, 0 there already, 2 left out",
        "Oslo: 1 chunk",
        "broken.pdf: ",
        "it holds the same as",
    ):
        assert words in done.text, (words, done.text)
    assert done.pinged == {"bob"}
    (choice,) = bob.autocomplete("/docs show", "document", "oslo")
    shown = bob.slash("/docs show", document=choice["value"]).text
    for words in ("`oslo.md`", "1 chunk,", bob.mention, "ask and train", "nothing yet", "end of a fjord"):
        assert words in shown, words
    found = bob.slash("/docs search", query="Which city is the capital of Norway?").wait(60).text
    assert "1. Oslo · chunk 1 · 0." in found
    assert "Oslo is the capital" in found
    bob.slash("/docs add", file=OSLO, title="Capitals", consent=True).wait()
    assert "0 documents added, 1 there already" in receipt(bob, 2).text
    asked = bob.slash("/docs remove", document=choice["value"])
    bob.click(asked.message, "Remove").acked()
    asked.wait_for_text("Removed **Oslo** (1 chunk)", 60)
    assert bob.autocomplete("/docs show", "document", "oslo") == []
    assert [info.title for info in models.registry.documents.list(str(bob.guild.id))] == ["bread"]
