"""/models: what answers, where it comes from, and how it scored."""

from __future__ import annotations

import dataclasses
from typing import Any

from bot.replies.models import Lineage, Listed, Taught, lineage_embed, list_page, pages, score_text
from raft_core.files import write_text
from raft_core.registry.evaluations import LatestScore
from raft_core.training.recipe import Recipe, to_yaml
from tests.bot.holdings import adapter, dataset, stock
from tests.bot.place import Place
from tests.discord_server import Guild, Member

SCORE = LatestScore("eval-1", "/data/held-out.json", 200, 0.6123, 0.55, 0.6789)


def result(guild: Guild, **scores: float) -> dict[str, Any]:
    """Return an evaluation's result with as much as is needed here."""
    models = {
        name: {"f1": f1, "em": f1, "f1_low": f1 - 0.1, "f1_high": f1 + 0.1} for name, f1 in scores.items()
    }
    head = {"id": "eval-0000aaaa", "guild": str(guild.id), "data": "sample", "n": 50, "seed": 0}
    return {**head, "models": models, "differences": [], "created_at": "2026-01-05T00:00:00+00:00"}


def test_scores_are_told_with_their_interval() -> None:
    """In points, with what they were measured on; none is no zero."""
    assert score_text(SCORE) == "F1 **61.2** (95 %: 55.0 to 67.9) on 200 questions of held-out.json"
    assert score_text(None) == "not evaluated yet: `/eval run`"


def test_pages_of_many_adapters(guild: Guild) -> None:
    """The base comes first; each page fits into an embed."""
    many = [adapter(guild, f"raft-{number:08x}", "ds-1") for number in range(20)]
    listed = Listed(many, {"base": SCORE}, "raft-00000001")
    assert pages(listed) == 3
    shown = [list_page(listed, number).description or "" for number in range(3)]
    assert shown[0].startswith("▫️ **`base`**")
    assert sum(text.count("loss") for text in shown) == 20
    assert sum(text.count("⭐") for text in shown) == 1
    assert max(map(len, shown)) < 4096


def test_a_lineage_with_many_documents_fits(guild: Guild) -> None:
    """Long titles are cut, further documents are counted."""
    from_many = dataset(guild, "ds-1", *(f"d{number}" for number in range(500)))
    taught = Taught(from_many, ["*" * 300] * 10, 3)
    shown = lineage_embed(
        Lineage(adapter(guild, "raft-1", "ds-1"), taught, SCORE, Recipe(), 5_000_000), default=True
    )
    field = shown.fields[0].value or ""
    assert len(field) <= 1024
    assert "5.0 MB" in str(shown.to_dict())


def test_list_use_info_and_rollback(place: Place, guild: Guild, alice: Member, bob: Member) -> None:
    """The newest adapter answers until one is chosen; a rollback goes back, as often as there was a choice."""
    stock(place.registry, guild)
    scores = {"base": 0.4, "raft-0000aaaa": 0.6}
    place.registry.evaluations.add(result(guild, **scores), [])
    folder = place.settings.guild_dir(str(guild.id)) / "adapters" / "raft-0000aaaa"
    write_text(folder / "recipe.yaml", to_yaml(dataclasses.replace(Recipe(), r=4, num_train_epochs=2)))
    listed = bob.slash("/models list")
    assert listed.ephemeral
    for words in (
        "▫️ **`base`**", "F1 **40.0** (95 %: 30.0 to 50.0)", "⭐ **`raft-0000bbbb`**", "F1 **60.0**", "not evaluated yet",
    ):  # fmt: skip
        assert words in listed.text, (words, listed.text)
    info = bob.slash("/models info", model="raft-0000aaaa").text
    for words in ("`ds-0000aaaa`: 6 rows from 1 document", "Norway", "F1 **60.0**", "0.250 in the last", "rank 4", "$0.50", "2 epochs"):  # fmt: skip
        assert words in info, (words, info)
    assert "as it came" in bob.slash("/models info", model="base").text
    assert "Only a trainer" in bob.slash("/models use", model="raft-0000aaaa").text
    assert "Only a trainer" in bob.slash("/models rollback").text
    assert "No other model answered here before" in alice.slash("/models rollback").text
    used = alice.slash("/models use", model="raft-0000aaaa").text
    assert "`raft-0000aaaa` answers from now on, in place of `raft-0000bbbb`" in used
    assert "goes on to answer" in alice.slash("/models use", model="raft-0000aaaa").text
    assert (
        "`base` answers from now on, in place of `raft-0000aaaa`"
        in alice.slash("/models use", model="base").text
    )
    assert "`raft-0000aaaa` answers again" in alice.slash("/models rollback").text
    assert "`raft-0000bbbb` answers again" in alice.slash("/models rollback").text
    assert "No other model answered here before" in alice.slash("/models rollback").text
    assert [choice["value"] for choice in alice.autocomplete("/models use", "model", "")] == [
        "base",
        "raft-0000bbbb",
        "raft-0000aaaa",
    ]
    assert [choice["value"] for choice in alice.autocomplete("/models use", "model", "aaaa")] == [
        "raft-0000aaaa"
    ]


def test_what_learnt_from_a_removed_document_says_so(place: Place, guild: Guild, bob: Member) -> None:
    """Its title is gone; that it was there is not."""
    stock(place.registry, guild)
    place.registry.documents.begin_removal(str(guild.id), "d0c1")
    place.registry.documents.remove(str(guild.id), "d0c1")
    info = bob.slash("/models info", model="raft-0000aaaa").text
    assert "Norway" not in info
    assert "1 document of them removed since: it still knows them" in info
