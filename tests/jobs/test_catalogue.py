"""The registry and the artifacts together: documents, data sets, scores and costs on real Chroma."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from raft_core.dataset.builder import BuildSettings
from raft_core.errors import StoreError, UnknownDataset, UnknownDocument
from raft_core.jobs.build import build_dataset
from raft_core.jobs.catalogue import find_dataset, open_registry
from raft_core.jobs.ingest import ingest
from raft_core.jobs.removal import Removal, remove_document
from raft_core.records import DatasetInfo
from raft_core.registry.costs import Spending
from raft_core.registry.tables import Cost, Dataset, Document
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from tests.openai_server import OpenAIServer
from tests.store.embedding_server import MODEL, EmbeddingServer, embedding_server

BUILD = BuildSettings(distractors=2)


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def settings(home: Path, server: EmbeddingServer) -> Settings:
    return Settings(home=home, embeddings=server.url, embeddings_model=MODEL, price_per_1k_tokens_usd=1.0)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four towns, one a file."""
    paths = [tmp_path / f"{name}.txt" for name in ("Oslo", "Bergen", "Hamar", "Molde")]
    for number, path in enumerate(paths):
        path.write_text(
            f"{path.stem} was founded in {1100 + number} by Harald. It has {300 + number} houses."
        )
    return paths


@pytest.fixture
def built(settings: Settings, files: list[Path]) -> DatasetInfo:
    ingest(files, settings, "local", by="ada")
    return build_dataset(settings, "local", BUILD)


def forget(settings: Settings, *tables: type[Dataset | Document | Cost]) -> None:
    """Lose rows, as a kill between an artifact and its registration does."""
    with open_registry(settings, "local") as registry, registry.database.write() as session:
        for table in tables:
            session.execute(delete(table))


def test_the_same_commands_repair_a_lost_registration(
    settings: Settings, files: list[Path], built: DatasetInfo
) -> None:
    """Documents and data sets that are whole on the disk are registered by running the command again."""
    forget(settings, Document, Dataset)
    with pytest.raises(UnknownDataset):
        find_dataset(settings, "local", built.id)
    again = ingest(files, settings, "local", by="bob")
    assert (again.added, len(again.unchanged)) == ((), 4)
    assert build_dataset(settings, "local", BUILD) == built
    with open_registry(settings, "local") as registry:
        assert set(registry.documents.list("local")) == set(again.unchanged)
        assert registry.datasets.list("local") == [built]
        assert registry.datasets.forgotten("local") == {}


def test_a_home_from_before_is_registered_once(settings: Settings, built: DatasetInfo) -> None:
    """Without its registry's file a home has all it had, and other guilds have none of it."""
    for file in settings.home.glob("raftbot.sqlite3*"):
        file.unlink()
    assert find_dataset(settings, "local", "ds-").name == built.id
    with open_registry(settings, "local") as registry:
        assert len(registry.documents.list("local")) == 4
        assert registry.datasets.list("local") == [built]
    with open_registry(settings, "other") as registry:
        assert (registry.documents.list("other"), registry.datasets.list("other")) == ([], [])
    with pytest.raises(UnknownDataset, match="in guild 'other'"):
        find_dataset(settings, "other", built.id)


def test_removing_takes_everything_and_marks_what_learnt_from_it(
    settings: Settings, built: DatasetInfo
) -> None:
    """Vectors, text and row go; the data set keeps its rows, and is named and marked."""
    gone = built.documents[0]
    removal = remove_document(settings, "local", gone[:12])
    assert (removal.removed, removal.chunks) == (gone, 1)
    assert (removal.datasets, removal.adapters) == ((built.id,), ())
    assert not (settings.guild_dir("local") / "documents" / gone).exists()
    with ChunkStore(settings, "local") as store:
        assert store.count(gone) == 0
    with open_registry(settings, "local") as registry:
        assert len(registry.documents.list("local")) == 3
        assert registry.datasets.forgotten("local") == {built.id: (gone,)}
    with pytest.raises(UnknownDocument):
        remove_document(settings, "local", gone)


def test_a_removal_that_was_cut_off_can_be_run_again(
    settings: Settings, built: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document stays listed, its data set is marked from the start, and the second call does the rest."""
    gone = built.documents[0]

    def fail(_: ChunkStore, __: str) -> int:
        raise StoreError("Chroma is away")

    with monkeypatch.context() as patch:
        patch.setattr(ChunkStore, "remove", fail)
        with pytest.raises(StoreError):
            remove_document(settings, "local", gone)
    with open_registry(settings, "local") as registry:
        assert registry.documents.provenance("local", gone).status == "removing"
        assert registry.datasets.forgotten("local") == {built.id: (gone,)}
    assert isinstance(remove_document(settings, "local", gone), Removal)
    with open_registry(settings, "local") as registry:
        assert gone not in {info.id for info in registry.documents.list("local")}


def test_a_build_costs_once(settings: Settings, files: list[Path]) -> None:
    """Rows, tokens, time and dollars; the same build again, or its repair, adds nothing and no rate."""
    ingest(files, settings, "local")
    with OpenAIServer() as teacher:
        wanted = BuildSettings(distractors=2, generator=teacher.url)
        info = build_dataset(settings, "local", wanted)
        build_dataset(settings, "local", wanted)
        with open_registry(settings, "local") as registry:
            (cost,) = registry.costs.recent("build", 9)
            assert cost == Spending(info.rows, info.tokens, cost.seconds, info.cost_usd)
            assert cost.seconds > 0
            assert registry.costs.spent("local", info.created_at) == info.cost_usd > 0
            assert registry.costs.spent("other", "2000") == 0
        forget(settings, Cost)
        build_dataset(settings, "local", wanted)
    with open_registry(settings, "local") as registry:
        assert registry.costs.spent("local", info.created_at) == info.cost_usd
        assert registry.costs.recent("build", 9) == []
