"""What /raft, /train and /pipeline ask for. All of it blocks: it runs in a thread, by `services.run`."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from raft_core.artifacts import Artifacts
from raft_core.dataset.generators import RULES, SELF, canonical
from raft_core.errors import DatasetError, SettingsError, TooFewChunks
from raft_core.jobs.catalogue import find_dataset
from raft_core.records import DatasetInfo, RaftExample
from raft_core.registry.verdicts import Verdict

if TYPE_CHECKING:
    from bot.services import Services
    from raft_core.dataset.builder import BuildSettings
    from raft_core.dataset.formats import FileType, Format
    from raft_core.training.recipe import Recipe

Json = dict[str, Any]

ENDPOINT = "endpoint"
Generator = Literal["rules", "self", "endpoint", "extractive"]
"""The generators that a member may choose: rules, the base that is served, or the model server that the operator set. Never a URL.

`extractive` is an old word for rules, in commands that members saved.
"""
MOST_RANK = 256
MOST_QUESTIONS, MOST_DISTRACTORS, MOST_CHUNKS, MOST_EPOCHS = 10, 20, 100_000, 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A guild's data sets, the oldest first, how many rows of each are dropped, and which saw removed documents."""

    infos: list[DatasetInfo]
    dropped: Mapping[str, int]
    stale: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a data set, at place `number` from 0, and what curators say of it and of the others."""

    info: DatasetInfo
    number: int
    row: RaftExample
    verdict: Verdict | None
    dropped: int


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported file: its bytes where they fit into a message, or its address, or neither."""

    info: DatasetInfo
    name: str
    size: int
    dropped: int
    data: bytes | None = field(default=None, repr=False)
    address: str = ""


def build_spec(services: Services, guild: str, generator: str, **values: Any) -> Json:
    """Return the spec of a build; `values` are BuildSettings'.

    Raises:
        SettingsError: a value is out of range, or no model server is set that could write questions.
        DatasetError, TooFewChunks: the guild's documents do not do for it.
    """
    from raft_core.jobs.specs import build_spec as spec

    build = _build(services, generator, **values)
    _check_documents(services, guild, build)
    return spec(build)


def train_spec(services: Services, guild: str, dataset_id: str, **values: Any) -> Json:
    """Return the spec of a training; `values` are a Recipe's, None for what the recipe says.

    Raises:
        UnknownDataset: the guild has no such data set.
        SettingsError: the base is none that may be trained here.
        TrainingError: a value is out of range.
    """
    from raft_core.jobs.specs import train_spec as spec

    recipe = _recipe(services, guild, **values)
    return spec(services.settings, guild, dataset_id, recipe)


def pipeline_spec(
    services: Services, guild: str, build: Json, recipe: Json, *, samples: int, split: str, seed: int
) -> Json:
    """Return the spec of a pipeline that scores the base and the new adapter.

    Raises:
        SettingsError, DatasetError, TooFewChunks, TrainingError: as those of its parts.
        EvaluationError: the guild has no such questions.
    """
    from raft_core.jobs.evaluate import EvaluationSettings
    from raft_core.jobs.questions import data_of
    from raft_core.jobs.specs import pipeline_spec as spec
    from raft_core.records import BASE

    chosen = _build(services, seed=seed, **build)
    _check_documents(services, guild, chosen)
    what = EvaluationSettings(data_of(services.settings, guild, split), (BASE,), limit=samples, seed=seed)
    return spec(services.settings, guild, chosen, _recipe(services, guild, seed=seed, **recipe), what)


def bases(services: Services, guild: str) -> list[str]:
    """Return the bases that a guild may train: the one that is served, and those of its adapters.

    Any other would be downloaded, or read from the operator's disk, on a member's word.
    """
    known = [services.settings.base_model, *(info.base for info in services.registry.adapters.list(guild))]
    return list(dict.fromkeys(known))


def _recipe(services: Services, guild: str, **values: Any) -> Recipe:
    from raft_core.training.recipe import load_recipe

    base, known = values.get("base"), bases(services, guild)
    if base is not None and base not in known:
        raise SettingsError(
            f"the base {base!r} cannot be trained here",
            remedy=f"choose one of {', '.join(known)}; whoever runs this bot sets which one is served",
        )
    return load_recipe(settings=services.settings, **values)


def _build(services: Services, generator: str, **values: Any) -> BuildSettings:
    from raft_core.dataset.builder import BuildSettings

    settings = services.settings
    model = ""
    if generator == ENDPOINT:
        generator, model = settings.generator, settings.generator_model
        if canonical(generator) == RULES:
            raise SettingsError(
                "no model server is set that could write questions",
                remedy="build by rule, or have whoever runs this bot set one",
            )
    if generator == SELF:
        from raft_core.jobs.build import check_base

        check_base(settings)
    return BuildSettings(generator=generator, generator_model=model, **values)


def _check_documents(services: Services, guild: str, build: BuildSettings) -> None:
    """Say before anything waits what the build would say after."""
    documents = services.registry.documents
    withheld = documents.withheld(guild)
    infos = [info for info in documents.list(guild) if info.id not in withheld]
    if not infos:
        raise DatasetError(
            "this server has no documents that may be trained on", remedy="add some with `/docs add`"
        )
    chunks, absent = sum(info.chunks for info in infos), build.p < 1
    if chunks < build.distractors + 1 + absent:
        raise TooFewChunks(chunks, build.distractors, stand_in=absent)


def listed(services: Services, guild: str) -> Listed:
    """Return a guild's data sets."""
    registry = services.registry
    datasets = registry.datasets
    return Listed(datasets.list(guild), registry.verdicts.dropped(guild), datasets.forgotten(guild))


def dropped_rows(services: Services, guild: str, dataset_id: str) -> int:
    """Return how many rows of a data set curators dropped."""
    return services.registry.verdicts.dropped(guild).get(dataset_id, 0)


def read_sample(services: Services, guild: str, dataset_id: str, number: int) -> Sample:
    """Return a row of a data set; beyond the last one, the last.

    Raises:
        UnknownDataset: the guild has no such data set.
        DatasetError: its files are damaged.
    """
    from raft_core.dataset.files import read_row

    info = services.registry.datasets.get(guild, dataset_id)
    folder = find_dataset(services.settings, guild, info.id)
    at = max(0, min(number, info.rows - 1))
    verdicts = services.registry.verdicts.of(guild, info.id)
    dropped = sum(not verdict.keep for verdict in verdicts.values())
    return Sample(info, at, read_row(folder, at), verdicts.get(at), dropped)


def judge(services: Services, guild: str, dataset_id: str, number: int, *, keep: bool, member: str) -> Sample:
    """Keep or drop a row, and return it as it is then.

    Raises:
        UnknownDataset, DatasetError: as `read_sample`.
    """
    sample = read_sample(services, guild, dataset_id, number)
    services.registry.verdicts.give(guild, sample.info.id, sample.number, keep=keep, member=member)
    return read_sample(services, guild, dataset_id, number)


def export(
    services: Services, guild: str, dataset_id: str, form: Format, file_type: FileType, limit: int
) -> Exported:
    """Write a data set in one of the official formats; compressed, or to the artifacts' URL, over `limit` bytes.

    Raises:
        UnknownDataset: the guild has no such data set.
        DatasetError: its files are damaged.
        StorageError: the disk is full, or the URL cannot be written.
    """
    from raft_core.dataset import files, formats

    info, rows = files.load_dataset(find_dataset(services.settings, guild, dataset_id))
    name = f"{info.id}-{form}.{file_type}"
    dropped = dropped_rows(services, guild, info.id)
    with tempfile.TemporaryDirectory(prefix="raftbot-") as folder:
        path = Path(folder) / name
        formats.export(rows, form, file_type, path)
        size = path.stat().st_size
        if size <= limit:
            return Exported(info, name, size, dropped, path.read_bytes())
        packed = gzip.compress(
            path.read_bytes(), mtime=0
        )  # the documents of a data set repeat: a tenth is left
        if len(packed) <= limit:
            return Exported(info, f"{name}.gz", len(packed), dropped, packed)
        address = _publish(services, guild, path)
    return Exported(info, name, size, dropped, address=address)


def _publish(services: Services, guild: str, path: Path) -> str:
    """Copy a file to the artifacts' URL and return its address; empty where there is no URL."""
    settings = services.settings
    if settings.artifacts_url is None:
        return ""
    target = settings.guild_dir(guild) / "exports" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.write_bytes(path.read_bytes())
        Artifacts(settings).push(target)
    finally:
        target.unlink(missing_ok=True)
    return f"{settings.artifacts_url.rstrip('/')}/{target.relative_to(settings.home).as_posix()}"
