"""Where the registry and the artifacts meet: what was made is registered, what is asked for is found.

An artifact is registered once it is whole. Where a crash comes between the two, the same command run
again finds the artifact done and registers it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.artifacts import Artifacts
from raft_core.dataset.files import list_datasets
from raft_core.documents.library import Library
from raft_core.errors import ModelError, StorageError
from raft_core.files import read_json
from raft_core.records import AdapterInfo, DatasetInfo
from raft_core.settings import Settings
from raft_core.training.adapters import list_adapters, load_adapter

if TYPE_CHECKING:
    from raft_core.evaluation.result import Evaluation
    from raft_core.registry.registry import Holdings, Registry

log = logging.getLogger(__name__)


@contextmanager
def open_registry(settings: Settings, guild: str) -> Iterator[Registry]:
    """Open the registry; a guild that it does not know yet brings what lies in its folder.

    Raises:
        RegistryError: the database cannot be used.
        StorageError, DatasetError, ModelError: the folder holds something broken.
    """
    from raft_core.registry.registry import Registry

    with Registry(settings.registry_url) as registry:
        registry.meet(guild, lambda: _holdings(settings.guild_dir(guild), guild))
        yield registry


def find_dataset(settings: Settings, guild: str, dataset_id: str) -> Path:
    """Return the folder of the data set whose id is, or alone begins with, `dataset_id`.

    Raises:
        UnknownDataset: there is none, or several begin so.
    """
    with open_registry(settings, guild) as registry:
        folder = settings.guild_dir(guild) / "datasets" / registry.datasets.get(guild, dataset_id).id
    Artifacts(settings).pull(folder)
    return folder


def find_adapter(settings: Settings, guild: str, adapter_id: str) -> AdapterInfo:
    """Return the adapter whose id is, or alone begins with, `adapter_id`.

    Raises:
        UnknownModel: there is none, or there are several, or its weights are not on this machine.
    """
    with open_registry(settings, guild) as registry:
        found = registry.adapters.get(guild, adapter_id)
    folder = settings.guild_dir(guild) / "adapters"
    Artifacts(settings).pull(folder / found.id)
    return load_adapter(folder, found.id)


def served_adapters(settings: Settings) -> list[AdapterInfo]:
    """Return all guilds' adapters of the settings' base; those whose weights cannot be had are told and left out.

    Raises:
        RegistryError: the database cannot be used.
    """
    from raft_core.registry.registry import Registry

    with Registry(settings.registry_url) as registry:
        known = [
            info
            for guild, _ in registry.guilds.every()
            for info in registry.adapters.list(guild)
            if info.base == settings.base_model
        ]
    found = []
    for info in known:
        folder = settings.guild_dir(info.guild) / "adapters"
        try:
            Artifacts(settings).pull(folder / info.id)
            found.append(load_adapter(folder, info.id))
        except (ModelError, StorageError) as error:
            log.warning("adapter %s is not served: %s", info.id, error)
    return found


def register_dataset(settings: Settings, info: DatasetInfo, *, job: str = "", seconds: float = 0.0) -> None:
    """Register a data set and what it cost; `seconds` is 0 where it had been made before."""
    from raft_core.registry.costs import Spending

    Artifacts(settings).push(settings.guild_dir(info.guild) / "datasets" / info.id)
    with open_registry(settings, info.guild) as registry:
        registry.datasets.add(info)
        spending = Spending(info.rows, info.tokens, seconds, info.cost_usd)
        registry.costs.add(info.guild, "build", info.id, spending, at=info.created_at, job=job)


def register_adapter(settings: Settings, info: AdapterInfo, *, job: str = "") -> None:
    """Register an adapter and what it cost."""
    from raft_core.registry.costs import Spending

    Artifacts(settings).push(settings.guild_dir(info.guild) / "adapters" / info.id)
    with open_registry(settings, info.guild) as registry:
        registry.adapters.add(info)
        spending = Spending(info.rows, info.tokens, info.seconds, info.cost_usd)
        registry.costs.add(info.guild, "train", info.id, spending, at=info.created_at, job=job)


def register_evaluation(settings: Settings, evaluation: Evaluation, *, job: str = "") -> None:
    """Register an evaluation with its samples and what it cost."""
    from raft_core.evaluation.report import samples_jsonl
    from raft_core.registry.costs import Spending

    told = evaluation.circumstances
    samples = [sample for run in evaluation.runs for sample in run.samples]
    tokens = sum(sample.tokens for sample in samples)
    spending = Spending(len(samples), tokens, told.seconds, told.cost_usd)
    Artifacts(settings).push(settings.guild_dir(told.guild) / "evaluations" / told.id)
    with open_registry(settings, told.guild) as registry:
        registry.evaluations.add(evaluation.as_json(), _rows(samples_jsonl(evaluation)))
        registry.costs.add(told.guild, "evaluate", told.id, spending, at=told.created_at, job=job)


def _holdings(folder: Path, guild: str) -> Holdings:
    """Return what lies in a guild's folder; whose it is, is said by the folder."""
    from raft_core.registry.registry import Holdings

    whole = [path for path in sorted(folder.glob("evaluations/eval-*")) if (path / "samples.jsonl").is_file()]
    return Holdings(
        documents=Library(folder / "documents").list(),
        datasets=[replace(info, guild=guild) for info in list_datasets(folder / "datasets")],
        adapters=[replace(info, guild=guild) for info in list_adapters(folder / "adapters")],
        evaluations=[
            (
                read_json(path / "evaluation.json") | {"guild": guild},
                _rows((path / "samples.jsonl").read_text(encoding="utf-8")),
            )
            for path in whole
        ],
    )


def _rows(lines: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.split("\n") if line]
