"""The training job: a data set becomes an adapter."""

from __future__ import annotations

from raft_core.artifacts import Artifacts
from raft_core.dataset.files import load_dataset
from raft_core.jobs.catalogue import open_registry, register_adapter
from raft_core.jobs.costs import estimate
from raft_core.jobs.curation import curated
from raft_core.jobs.queue import job_curve
from raft_core.jobs.turns import gpu_turn
from raft_core.progress import Report, silent
from raft_core.records import AdapterInfo
from raft_core.settings import Settings
from raft_core.training.curve import Curve
from raft_core.training.recipe import Recipe
from raft_core.training.run import train


def train_adapter(
    settings: Settings,
    guild: str,
    dataset_id: str,
    recipe: Recipe,
    report: Report = silent,
    *,
    job: str = "",
) -> AdapterInfo:
    """Train a LoRA adapter on a guild's data set, less the rows that curators dropped.

    A unique prefix of the data set's id will do; the loss is drawn beside the log of `job`. Started again after a
    kill it goes on from the last checkpoint; when finished it returns at once.

    Raises:
        UnknownDataset: no data set has this id, or several begin so.
        DatasetError: curators dropped all of its rows.
        TrainingError, ModelError, StorageError: as `raft_core.training.run.train`.
    """
    dataset, examples = load_dataset(curated(settings, guild, dataset_id))
    expected_s = _expected_s(settings, guild, dataset.id)
    with gpu_turn(settings, f"training on {dataset.id}", expected_s, report) as told:
        adapter = train(
            dataset,
            examples,
            recipe,
            settings.guild_dir(guild) / "adapters",
            guild=guild,
            home=settings.home,
            price_per_hour_usd=settings.price_per_gpu_hour_usd * settings.training_processes,
            processes=settings.training_processes,
            accelerate_config=settings.accelerate_config,
            curve=Curve(job_curve(settings, job), Artifacts(settings).share) if job else None,
            report=told,
        )
    register_adapter(settings, adapter, job=job)
    return adapter


def _expected_s(settings: Settings, guild: str, dataset_id: str) -> float:
    with open_registry(settings, guild) as registry:
        return estimate(settings, registry, guild, "train", {"dataset": dataset_id}).seconds
