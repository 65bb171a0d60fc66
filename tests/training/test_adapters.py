from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from raft_core.errors import ModelError, UnknownModel
from raft_core.files import write_json
from raft_core.records import AdapterInfo
from raft_core.training.adapters import list_adapters, load_adapter, remove_adapter

INFO = AdapterInfo(
    id="raft-11111111",
    guild="local",
    base="org/base",
    dataset="ds-1",
    loss=0.5,
    tokens=100,
    seconds=2.0,
    cost_usd=0.0,
    path="",
    rank=64,
    dataset_hash="ab",
    created_at="2026-01-02T00:00:00+00:00",
    rows=7,
    left_out=1,
)


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    """Two finished adapters and an unfinished one."""
    for name, day in (("raft-11111111", 2), ("raft-11222222", 1)):
        info = dataclasses.replace(INFO, id=name, created_at=f"2026-01-0{day}T00:00:00+00:00")
        write_json(tmp_path / name / "adapter.json", info)
    write_json(tmp_path / ".raft-33333333.partial" / "adapter.json", INFO)
    return tmp_path


def test_finished_adapters_are_listed_oldest_first(adapters: Path) -> None:
    """What is being trained is not an adapter yet."""
    assert [info.id for info in list_adapters(adapters)] == ["raft-11222222", "raft-11111111"]
    assert list_adapters(adapters / "missing") == []


def test_an_adapter_is_where_its_folder_is(adapters: Path) -> None:
    """A home that was moved takes its adapters along."""
    assert load_adapter(adapters, "raft-111") == dataclasses.replace(
        INFO, path=str(adapters / "raft-11111111")
    )


@pytest.mark.parametrize("name", ["raft-11", "raft-9", "", ".raft-33333333.partial", "../raft-11111111"])
def test_other_names_are_unknown(adapters: Path, name: str) -> None:
    """A prefix of several, of none, and paths."""
    with pytest.raises(UnknownModel) as caught:
        load_adapter(adapters, name)
    assert caught.value.remedy == "known models: raft-11111111, raft-11222222"


def test_a_removed_adapter_is_gone(adapters: Path) -> None:
    """With its weights."""
    assert remove_adapter(adapters, "raft-112").id == "raft-11222222"
    assert [info.id for info in list_adapters(adapters)] == ["raft-11111111"]
    assert not list(adapters.glob("*raft-11222222*"))


def test_a_broken_info_is_named(adapters: Path) -> None:
    """Not skipped."""
    (adapters / "raft-11111111" / "adapter.json").write_text('{"id": "x"}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"raft-11111111 has a broken adapter\.json"):
        list_adapters(adapters)


def test_listing_needs_no_torch() -> None:
    """Nor does anything up to the training itself: the bot may list adapters and read recipes."""
    code = "import sys, raft_core.jobs.train; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    assert done.stdout == "False False\n"
