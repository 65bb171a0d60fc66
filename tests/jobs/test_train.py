from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from raft_core.dataset.files import rows_hash, save
from raft_core.errors import DatasetError, UnknownDataset
from raft_core.jobs.train import train_adapter
from raft_core.records import DatasetInfo
from raft_core.settings import Settings, load_settings
from raft_core.training.adapters import list_adapters, load_adapter
from tests.training.examples import dataset, example, recipe


def saved_dataset(settings: Settings, guild: str = "local", name: str = "ds-00000001") -> DatasetInfo:
    """Save a data set of four rows as the dataset stage does."""
    rows = [example(number) for number in range(4)]
    info = dataclasses.replace(dataset(rows), id=name, guild=guild, content_hash=rows_hash(rows))
    save(settings.guild_dir(guild) / "datasets" / name, info, rows, [])
    return info


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(price_per_gpu_hour_usd=3600.0)


def test_a_saved_data_set_becomes_a_listed_adapter(settings: Settings, tiny_model: Path) -> None:
    """By a prefix of its id; with its lineage and the cost of its time; in its own guild only."""
    made = saved_dataset(settings)
    info = train_adapter(settings, "local", "ds-0", recipe(tiny_model, num_train_epochs=1))
    assert (info.guild, info.dataset, info.dataset_hash, info.rows) == (
        "local",
        made.id,
        made.content_hash,
        4,
    )
    assert info.cost_usd == pytest.approx(info.seconds, rel=1e-3, abs=1e-2)
    adapters = settings.guild_dir("local") / "adapters"
    assert list_adapters(adapters) == [info]
    assert load_adapter(adapters, info.id) == info
    assert list_adapters(settings.guild_dir("other") / "adapters") == []


@pytest.mark.parametrize("name", ["ds-0", "ds-9", "", "../../other/datasets/ds-00000003"])
def test_an_unknown_data_set_is_named(settings: Settings, tiny_model: Path, name: str) -> None:
    """A prefix of two, of none, and another guild's."""
    saved_dataset(settings)
    saved_dataset(settings, name="ds-00000002")
    saved_dataset(settings, guild="other", name="ds-00000003")
    with pytest.raises(UnknownDataset, match="in guild 'local'"):
        train_adapter(settings, "local", name, recipe(tiny_model))


def test_changed_rows_are_not_trained_on(settings: Settings, tiny_model: Path) -> None:
    """The adapter's id stands for the rows' hash."""
    made = saved_dataset(settings)
    rows = settings.guild_dir("local") / "datasets" / made.id / "rows.jsonl"
    rows.write_text(rows.read_text(encoding="utf-8").replace("fox1", "fox9"), encoding="utf-8")
    with pytest.raises(DatasetError, match="were changed"):
        train_adapter(settings, "local", made.id, recipe(tiny_model))
