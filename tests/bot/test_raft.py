"""/raft: data sets from real documents, their rows page by page, what curators drop, and exports."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from bot.datasets import Exported, Listed, Sample
from bot.replies.datasets import export_text, list_embed, sample_embed
from raft_core.records import DatasetInfo, RaftExample
from raft_core.registry.verdicts import Verdict
from tests.bot.jobs import posted, pretend_documents, pretend_worker
from tests.bot.place import Place
from tests.discord_server import DiscordServer, Guild, Member, Message, Permission
from tests.jobs.workers import LIBRARY, Worker

HOSTILE = "@everyone **bold** [x](https://evil.example) <@1> ```"


def row(
    number: int = 0, documents: int = 4, text: str = "The word of town 3 is fox.", words: int = 300
) -> RaftExample:
    shown = (text, *(f"Distractor {each}. " + "words " * words for each in range(documents - 1)))
    return RaftExample(
        id=f"row-{number}",
        question="What is the word of town 3?",
        documents=shown,
        titles=("Towns",) * documents,
        oracle_context=text,
        cot_answer=f"##Reason: ##begin_quote## {text} ##end_quote## <ANSWER>: fox",
        answer="fox",
    )


def info(**values: Any) -> DatasetInfo:
    given: dict[str, Any] = {
        "id": "ds-00000001",
        "guild": "1",
        "rows": 3,
        "rejected": 1,
        "content_hash": "00",
        "tokens": 0,
        "cost_usd": 0.0,
        "generator": "rules",
        "settings": {},
        "documents": (),
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return DatasetInfo(**{**given, **values})


def test_a_row_shows_question_quote_oracle_and_distractors() -> None:
    """The quote in quote marks with its check, the oracle marked, everything within a message's limits."""
    embed = sample_embed(Sample(info(), 1, row(), None, 0))
    assert embed.title == "Row 2 of 3"
    assert "**Q: What is the word of town 3?**" in str(embed.description)
    assert str(embed.description).endswith("✓ “*The word of town 3 is fox.*”\n**A: fox**")
    assert [str(field.name).partition(" · ")[0] for field in embed.fields] == ["🎯 oracle"] + [
        "distractor"
    ] * 3
    assert len(embed) <= 6000


def test_long_and_hostile_rows_fit_and_stay_text() -> None:
    """Twenty documents of any length and content; a dropped row says so."""
    wild = row(documents=21, text=HOSTILE * 200)
    embed = sample_embed(Sample(info(), 0, wild, Verdict(0, False, "2", ""), 1))
    assert len(embed) <= 6000 and len(embed.fields) <= 25
    assert all(len(str(field.value)) <= 1024 for field in embed.fields)
    told = str(embed.description) + "".join(str(field.value) for field in embed.fields)
    assert "@everyone" not in told and "](https://" not in told and "<@1>" not in told
    assert "10 of 21 documents shown" in str(embed.footer.text) and "dropped" in str(embed.footer.text)


def test_the_list_tells_lineage_drops_and_removed_documents() -> None:
    """The newest first."""
    curated = info(id="ds-00000002", rows=2, settings={"derived_from": "ds-00000001"})
    embed = list_embed(Listed([info(), curated], {"ds-00000001": 1}, {"ds-00000001": ("d0",)}), 0)
    first, second = str(embed.description).split("\n**", 1)
    assert "ds-00000002" in first and "curated from `ds-00000001`" in first
    assert "✂️ 1 dropped" in second and "⚠️ learnt from removed documents" in second
    assert "/raft build" in str(list_embed(Listed([], {}, {}), 0).description)


def test_an_export_too_large_for_a_message_says_how_to_get_it() -> None:
    """A link where the artifacts have one, their address where they are elsewhere, else the command."""
    big = Exported(info(), "x.jsonl", 30 << 20, 0)
    assert "raftbot dataset export ds-00000001 --guild 1" in export_text(big, "1", "raft", "jsonl")
    web = Exported(info(), "x.jsonl", 30 << 20, 2, address="https://files.example/x.jsonl")
    assert "(<https://files.example/x.jsonl>)" in export_text(web, "1", "raft", "jsonl")
    assert "2 rows that curators dropped" in export_text(web, "1", "raft", "jsonl")
    store = Exported(info(), "x.jsonl", 30 << 20, 0, address="s3://bucket/x.jsonl")
    assert "`s3://bucket/x.jsonl`" in export_text(store, "1", "raft", "jsonl")


def test_without_documents_or_worker_nothing_is_asked(place: Place, alice: Member, guild: Guild) -> None:
    """Each is said at once, with what to do."""
    assert "`/docs add`" in alice.slash("/raft build").text
    pretend_documents(place, str(guild.id), chunks=2)
    assert "too few" in alice.slash("/raft build").text


def test_who_may_build(bob: Member) -> None:
    """Building costs: for trainers; looking is for all."""
    refused = bob.slash("/raft build")
    assert "trainer" in refused.text and refused.ephemeral
    assert "/raft build" in bob.slash("/raft list").text


def test_a_missing_permission_is_named_before_anything_starts(
    place: Place, alice: Member, guild: Guild, discord_server: DiscordServer
) -> None:
    """By the name that Discord's settings have for it."""
    pretend_documents(place, str(guild.id))
    pretend_worker(place)
    discord_server.deny(alice.channel, discord_server.bot, Permission.EMBED_LINKS)
    discord_server.deny(alice.channel, discord_server.bot, Permission.CREATE_PUBLIC_THREADS)
    assert "Embed Links, Create Public Threads" in alice.slash("/raft build").text


def test_saying_no_starts_nothing(place: Place, alice: Member, guild: Guild) -> None:
    """The question has the numbers; the member alone sees it."""
    pretend_documents(place, str(guild.id))
    pretend_worker(place)
    asked = alice.slash("/raft build", chunks=5)
    assert asked.ephemeral and "costs nothing" in asked.text and asked.message.labels == ["Start", "Cancel"]
    alice.click(asked.message, "Cancel").wait()
    assert "nothing was done" in asked.text
    assert place.registry.jobs.all(str(guild.id)) == []


def test_the_day_s_jobs_and_the_budget_are_limits(place: Place, alice: Member, guild: Guild) -> None:
    """What is used up is said with when it is free again, what is too dear with the numbers."""
    pretend_documents(place, str(guild.id))
    pretend_worker(place)
    for number in range(10):
        place.registry.jobs.add(f"job-e{number:09x}", str(guild.id), "build", {}, str(alice.id))
        place.registry.jobs.end(f"job-e{number:09x}", "succeeded")
    assert "Your limit is 10 jobs a day" in alice.slash("/raft build").text


def keep_dataset(place: Place, guild: Guild, rows: int = 3, **values: Any) -> DatasetInfo:
    """Have a guild own a data set that was made by hand; `values` are for its rows."""
    from raft_core.dataset import files

    examples = [row(number, **values) for number in range(rows)]
    made = info(guild=str(guild.id), rows=rows, content_hash=files.rows_hash(examples))
    files.save(place.settings.guild_dir(str(guild.id)) / "datasets" / made.id, made, examples, [])
    place.registry.datasets.add(made)
    return made


def turned(member: Member, page: Message, button: str, words: str) -> None:
    """Press a button of a page, and wait for what it then shows."""
    member.click(page, button)
    member.server.wait_for(lambda: words in page.text, 10, lambda: page.text)


def test_rows_are_turned_and_judged(place: Place, alice: Member, bob: Member, guild: Guild) -> None:
    """Back, next, a jump and the whole row for all; keep and drop for curators, remembered for everyone."""
    made = keep_dataset(place, guild)
    shown = alice.slash("/raft preview", dataset=made.id)
    page = shown.message
    assert page.labels == ["1 / 3", "▶", "Full row", "Keep", "Drop"]
    turned(alice, page, "▶", "Row 2 of 3")
    turned(alice, page, "Drop", "✂️ Row 2 of 3")
    assert "Drop" not in page.labels
    said = place.registry.verdicts.of(str(guild.id), made.id)
    assert {at: (each.keep, each.member) for at, each in said.items()} == {1: (False, str(alice.id))}
    form = alice.click(page, "2 / 3").modal
    form.submit({"Row": "3"})
    alice.server.wait_for(lambda: "Row 3 of 3" in page.text)
    whole = alice.click(page, "Full row").message
    assert b"ORACLE: Towns\nThe word of town 3 is fox." in whole.files[0].data
    theirs = bob.slash("/raft preview", dataset=made.id, row=2)
    assert "✂️ Row 2 of 3" in theirs.text and theirs.message.labels == ["◀", "2 / 3", "▶", "Full row"]


def test_a_member_cannot_drop_by_an_id_nor_look_into_another_guild(
    place: Place, alice: Member, bob: Member, guild: Guild, discord_server: DiscordServer
) -> None:
    """Custom ids are only ids: the level and the guild are the interaction's."""
    made = keep_dataset(place, guild)
    page = bob.slash("/raft preview", dataset=made.id).message
    forged = {"type": 2, "custom_id": f"raft:drop:{made.id}:0", "label": "x"}
    page.components[0]["components"].append({**forged, "style": 2})
    assert "Only a curator" in bob.use_component(page, forged).text
    assert place.registry.verdicts.of(str(guild.id), made.id) == {}
    other = discord_server.add_guild("another")
    carol = discord_server.member("carol", guild=other, permissions=Permission.MANAGE_GUILD)
    assert "no data set" in carol.slash("/raft preview", dataset=made.id).text
    assert "no data set" in carol.slash("/raft export", dataset=made.id).text
    assert carol.autocomplete("/raft preview", "dataset", "ds-") == []


@pytest.mark.parametrize("form", ["raft", "completion", "chat", "eval"])
def test_exports_are_the_official_formats(place: Place, alice: Member, guild: Guild, form: str) -> None:
    """As a file for the member alone."""
    made = keep_dataset(place, guild)
    told = alice.slash("/raft export", dataset=made.id, format=form)
    (file,) = told.message.files
    assert told.ephemeral and file.name == f"{made.id}-{form}.jsonl"
    keys = {"raft": "cot_answer", "completion": "completion", "chat": "messages", "eval": "gold_final_answer"}
    assert all(keys[form] in json.loads(line) for line in file.data.decode().splitlines())


def test_parquet_and_large_exports(place: Place, alice: Member, guild: Guild) -> None:
    """Parquet reads back; over the upload limit it is compressed."""
    import io

    import pyarrow.parquet as pq

    from raft_core.dataset import files

    made = keep_dataset(place, guild)
    (file,) = alice.slash("/raft export", dataset=made.id, type="parquet").message.files
    assert pq.read_table(io.BytesIO(file.data)).num_rows == 3
    folder = place.settings.guild_dir(str(guild.id)) / "datasets" / "ds-00000002"
    examples = [row(number, text=f"Town {number}. " + "long " * 40_000) for number in range(20)]
    big = info(id=folder.name, guild=str(guild.id), rows=20, content_hash=files.rows_hash(examples))
    files.save(folder, big, examples, [])
    place.registry.datasets.add(big)
    (packed,) = alice.slash("/raft export", dataset=big.id).wait(60).message.files
    assert packed.name == "ds-00000002-raft.jsonl.gz"
    assert len(gzip.decompress(packed.data).splitlines()) == 20


@pytest.mark.slow
def test_a_data_set_is_built_and_looked_at(
    place: Place, worker: Worker, alice: Member, guild: Guild, discord_server: DiscordServer
) -> None:
    """Question, card, receipt that pings who asked, preview by its button, and it is in list and autocomplete."""
    added = place.enqueue("docs", "add", *LIBRARY[:6], guild=str(guild.id))
    place.wait(added)
    asked = alice.slash("/raft build", chunks=6, distractors=2)
    alice.click(asked.message, "Start").wait()
    receipt = posted(discord_server, alice.channel, "📚", timeout_s=120)
    assert receipt.pinged == {"alice"}
    (made,) = place.registry.datasets.list(str(guild.id))
    assert made.id in receipt.text and "discord.com/channels" in asked.text
    card = next(each for each in alice.channel.messages if "Build a data set" in each.text)
    assert "100 %" in card.text and card.labels == [] and len(card.edits) >= 2
    page = alice.click(receipt, "Preview").message
    assert "Row 1 of" in page.text and "🎯 oracle" in page.text
    assert made.id in alice.slash("/raft list").text
    assert [each["value"] for each in alice.autocomplete("/raft preview", "dataset", made.id[:5])] == [
        made.id
    ]
