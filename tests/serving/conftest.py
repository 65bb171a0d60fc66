"""A tiny base with two adapters, loaded once, and a model server around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from raft_core.records import AdapterInfo
from raft_core.settings import Settings
from tests.serving.adapters import make_adapter


@dataclass(frozen=True)
class Served:
    """A running model server: where it is, which models it serves, and the folders behind them."""

    url: str
    base: str
    adapters: tuple[str, str]
    folder: Path
    adapter_folders: tuple[Path, Path]


@pytest.fixture(scope="session")
def adapter_folders(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters of the tiny model, of different ranks, one of them rank-stabilised."""
    folder = tmp_path_factory.mktemp("adapters")
    first = make_adapter(folder / "first", tiny_model, seed=1)
    second = make_adapter(folder / "second", tiny_model, seed=2, rank=8, use_rslora=True, scale=0.3)
    return first, second


def info(name: str, folder: Path) -> AdapterInfo:
    """What the jobs know of an adapter."""
    return AdapterInfo(name, "local", "tiny", "ds", 0.0, 0, 0.0, 0.0, str(folder), 4, "hash", "2026-01-01")


@pytest.fixture(scope="session")
def server(tiny_model: Path, adapter_folders: tuple[Path, Path]) -> Iterator[Served]:
    """The server that the contract tests run over; another implementation may stand here."""
    import torch

    from raft_core.serving.local import model_server

    torch.set_num_threads(1)  # tiny matrices: two threads only wait for each other
    names = ("raft-first", "raft-second")
    adapters = [info(name, folder) for name, folder in zip(names, adapter_folders, strict=True)]
    with model_server(Settings(base_model=str(tiny_model), precision="float32"), adapters) as running:
        yield Served(running.url, "base", names, tiny_model, adapter_folders)
