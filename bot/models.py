"""What the commands of /models ask for. All of it blocks: it runs in a thread, by `services.run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.replies.models import Lineage, Listed, Taught
from bot.settings import GuildSettings, change_settings, read_settings
from raft_core.errors import RaftError, UnknownDataset
from raft_core.records import BASE
from raft_core.training.recipe import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from bot.services import Services
    from raft_core.training.recipe import Recipe

KEPT = 20
"""Former default models that a rollback can go back to."""


def read_list(services: Services, guild: str, default: str) -> Listed:
    """Return a guild's adapters, the newest first, with their latest scores; `default` answers by default."""
    registry = services.registry
    adapters = registry.adapters.list(guild)[::-1]
    return Listed(adapters, registry.evaluations.latest_scores(guild), default)


def read_lineage(services: Services, guild: str, adapter_id: str) -> Lineage:
    """Return where an adapter comes from: its data set, whose documents may be gone since, and its recipe.

    Raises:
        UnknownModel: the guild has no such adapter.
    """
    registry = services.registry
    adapter = registry.adapters.get(guild, adapter_id)
    folder = services.settings.guild_dir(guild) / "adapters" / adapter.id
    return Lineage(
        adapter,
        _taught(services, guild, adapter.dataset),
        registry.evaluations.latest_scores(guild).get(adapter.id),
        _recipe(folder),
        _bytes(folder),
    )


def use(services: Services, guild: str, model: str, before: str) -> GuildSettings:
    """Have a model answer by default, and remember what did `before`."""
    former = read_settings(services.registry.guilds, guild).former_models
    if before != model:
        former = [*former, before][-KEPT:]
    return change_settings(services.registry.guilds, guild, default_model=model, former_models=former)


def rollback(services: Services, guild: str) -> str:
    """Have the model answer again that did before, and return it; models that are gone are passed over.

    Raises:
        RaftError: there is none.
    """
    known = {BASE, *(info.id for info in services.registry.adapters.list(guild))}
    former = read_settings(services.registry.guilds, guild).former_models
    while former and former[-1] not in known:
        former = former[:-1]
    if not former:
        raise RaftError("no other model answered here before", remedy="choose one with `/models use`")
    change_settings(services.registry.guilds, guild, default_model=former[-1], former_models=former[:-1])
    return former[-1]


def _taught(services: Services, guild: str, dataset_id: str) -> Taught | None:
    registry = services.registry
    try:
        dataset = registry.datasets.get(guild, dataset_id)
    except UnknownDataset:  # made elsewhere
        return None
    titles: dict[str, str] = {}
    gone = set(registry.datasets.forgotten(guild).get(dataset.id, ()))
    for document_id in dataset.documents:
        if document_id not in gone and len(titles) < Taught.NAMED:
            titles[document_id] = registry.documents.get(guild, document_id).title
    return Taught(dataset, list(titles.values()), len(gone))


def _recipe(folder: Path) -> Recipe | None:
    path = folder / "recipe.yaml"  # it may be on the machine that trained, and nowhere else
    try:
        return load_recipe(path) if path.is_file() else None
    except RaftError:
        return None


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
