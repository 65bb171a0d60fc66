"""Documents of a guild → a data set of theirs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from raft_core.dataset import builder
from raft_core.dataset.builder import BuildSettings
from raft_core.dataset.files import is_complete, load_info
from raft_core.dataset.generators import RULES, SELF, Drafts, Generator
from raft_core.dataset.generators.responses import Response, ResponseFile, Responses
from raft_core.errors import DatasetError, SettingsError
from raft_core.jobs.catalogue import open_registry, register_dataset
from raft_core.progress import Report, silent
from raft_core.records import BASE, Chunk, DatasetInfo
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore

if TYPE_CHECKING:
    from raft_core.dataset.generators.roundtrip import RoundTrip
    from raft_core.registry.registry import Registry


def datasets_dir(settings: Settings, guild: str) -> Path:
    """Return the folder that holds a guild's data sets."""
    return settings.guild_dir(guild) / "datasets"


def build_dataset(
    settings: Settings, guild: str, build: BuildSettings, report: Report = silent
) -> DatasetInfo:
    """Build a data set from all chunks of a guild, or return the one that the same inputs gave before.

    Raises:
        DatasetError: the guild has no documents, or no row passed the checks.
        TooFewChunks: it has too few for one row.
        EndpointError: the generator cannot go on; what it had finished is used by the next run.
        SettingsError: the generator is none, or the base too small for `self`.
        MissingExtra: it is `rules`, and spaCy is not installed.
    """
    began = time.perf_counter()
    with _opened(settings, guild, build) as generator, ChunkStore(settings, guild) as store:
        planned, finished = _plan(store, settings, guild, build, generator)
        if finished:
            return finished
        drafts = _draft(settings, guild, build, planned.asked, report)
        info = _assemble(store, settings, guild, build, planned, drafts, generator)
    register_dataset(settings, info, seconds=time.perf_counter() - began)
    return info


def plan_dataset(
    settings: Settings, guild: str, build: BuildSettings
) -> tuple[builder.Plan, DatasetInfo | None]:
    """Return what `build_dataset` will do, and the data set where it is done already.

    Raises:
        DatasetError, TooFewChunks, SettingsError: as `build_dataset`.
    """
    with _opened(settings, guild, build) as generator, ChunkStore(settings, guild) as store:
        return _plan(store, settings, guild, build, generator)


def draft_chunks(
    settings: Settings, guild: str, build: BuildSettings, chunk_ids: Sequence[str], report: Report = silent
) -> list[Drafts]:
    """Return the drafts about some of a guild's chunks.

    Raises:
        DatasetError: a chunk has been removed.
        EndpointError: the generator cannot go on; what it had finished is used by the next run.
    """
    with ChunkStore(settings, guild) as store:
        chunks = {chunk.id: chunk for chunk in store.all()}
    try:
        asked = [chunks[chunk_id] for chunk_id in chunk_ids]
    except KeyError as error:
        raise DatasetError(
            f"the chunk {error} was removed while the data set was built", remedy="build it again"
        ) from error
    return _draft(settings, guild, build, asked, report)


def assemble_dataset(
    settings: Settings,
    guild: str,
    build: BuildSettings,
    drafts: Sequence[Drafts],
    *,
    job: str = "",
    seconds: float = 0.0,
) -> DatasetInfo:
    """Make the data set from the drafts about all chunks that `plan_dataset` named, in their order.

    `job` and the `seconds` that the drafts took are noted with its cost.

    Raises:
        DatasetError: documents were added or removed meanwhile, or no row passed the checks.
    """
    with _opened(settings, guild, build) as generator, ChunkStore(settings, guild) as store:
        planned, finished = _plan(store, settings, guild, build, generator)
        if finished:
            return finished
        if len(drafts) != len(planned.asked):
            raise DatasetError(
                "documents were added or removed while the data set was built", remedy="build it again"
            )
        info = _assemble(store, settings, guild, build, planned, drafts, generator)
    register_dataset(settings, info, job=job, seconds=seconds)
    return info


def _draft(
    settings: Settings, guild: str, build: BuildSettings, asked: Sequence[Chunk], report: Report
) -> list[Drafts]:
    """Draft with what `build` names; where that is the base and no server runs, with one started for it."""
    if build.generator != SELF or settings.model_server_url:
        return builder.draft(asked, build, make_generator(settings, guild, build), report)
    from raft_core.jobs.served import served

    with served(settings, {BASE: None}, report) as server:
        generator = _round_trip(settings, guild, build, server.url)
        return builder.draft(asked, build, generator, report)


@contextmanager
def _opened(settings: Settings, guild: str, build: BuildSettings) -> Iterator[Generator]:
    """Yield the generator that `build` names, and close it also where nobody drafts with it."""
    generator = make_generator(settings, guild, build)
    try:
        yield generator
    finally:
        asyncio.run(generator.close())


def _plan(
    store: ChunkStore, settings: Settings, guild: str, build: BuildSettings, generator: Generator
) -> tuple[builder.Plan, DatasetInfo | None]:
    with open_registry(settings, guild) as registry:
        withheld = registry.documents.withheld(guild)
    chunks = [chunk for chunk in store.all() if chunk.document_id not in withheld]
    if not chunks:
        raise DatasetError(
            f"guild {guild!r} has no documents that may be trained on",
            remedy="add some with: raftbot docs add PATH…",
        )
    planned = builder.plan(chunks, build, generator, settings.embeddings)
    folder = datasets_dir(settings, guild) / planned.dataset_id
    if not is_complete(folder):
        return planned, None
    finished = load_info(folder)
    register_dataset(settings, finished)  # a crash may have come before it was
    return planned, finished


def _assemble(
    store: ChunkStore,
    settings: Settings,
    guild: str,
    build: BuildSettings,
    planned: builder.Plan,
    drafts: Sequence[Drafts],
    generator: Generator,
) -> DatasetInfo:
    return builder.assemble(
        planned,
        drafts,
        build,
        datasets_dir(settings, guild),
        guild,
        generator=generator.name,
        nearest=store.nearest,
        price_per_1k_tokens_usd=settings.price_per_1k_tokens_usd,
        price_per_request_usd=settings.price_per_request_usd,
    )


def make_generator(settings: Settings, guild: str, build: BuildSettings) -> Generator:
    """Return the generator that `build` names: rules, the served base, or a model behind an OpenAI-compatible URL.

    Raises:
        MissingExtra: the rules' parser is not installed.
        SettingsError: no such generator, or a base too small for it.
    """
    if build.generator == RULES:
        from raft_core.dataset.generators.rules import Rules

        return Rules()
    if build.generator == SELF:
        check_base(settings, force=build.force)
        return _round_trip(settings, guild, build, settings.model_server_url or NOT_STARTED)
    url = urlsplit(build.generator)
    if url.scheme not in {"http", "https"} or not url.netloc:
        raise SettingsError(
            f"no generator {build.generator!r}",
            remedy="use rules, self, or an OpenAI-compatible URL ending in /v1",
        )
    from raft_core.dataset.generators.endpoint import Endpoint

    address = build.generator.rstrip("/")
    return Endpoint(
        address,
        build.generator_model or _only_model(address, settings),
        settings.generator_key,
        _responses(settings, guild),
        concurrency=settings.generator_concurrency,
    )


NOT_STARTED = "http://127.0.0.1:9/v1"
"""Stands for a server that is started once there is something to draft."""


def _round_trip(settings: Settings, guild: str, build: BuildSettings, url: str) -> RoundTrip:
    from raft_core.dataset.generators.roundtrip import RoundTrip
    from raft_core.jobs.engine import base_hash

    return RoundTrip(
        url.rstrip("/"),
        build.generator_model or BASE,
        settings.model_server_key,
        _responses(settings, guild),
        concurrency=settings.generator_concurrency,
        identity=settings.model_server_url or base_hash(settings),
    )


def check_base(settings: Settings, *, force: bool = False) -> None:
    """Refuse `self` where the base that is served is known to be too small.

    Raises:
        SettingsError: it is, and this is not forced.
        EndpointError: the model server cannot be reached.
    """
    from raft_core.dataset.generators.roundtrip import check_size
    from raft_core.models import parameters_of
    from raft_core.serving.client import ModelServer

    name = settings.base_model
    if settings.model_server_url:
        listed = ModelServer(settings.model_server_url, settings.server_key).listing()
        base = next((each for each in listed if each.get("id") == BASE), {})
        name = str(base.get("root") or ("" if base.get("owned_by") != "raftbot" else name))
    elif settings.engine == "remote":
        name = next((endpoint.model for endpoint in settings.endpoints if endpoint.name == BASE), "")
    check_size(Path(name).name, parameters_of(name) if name else None, force=force)


def _responses(settings: Settings, guild: str) -> Responses:
    """Return where answers are kept: in the database that machines share, else in a file of the guild's."""
    if settings.database_url is None:
        return ResponseFile(datasets_dir(settings, guild) / "responses.jsonl")
    from raft_core.registry.registry import Registry

    return SharedResponses(Registry(settings.registry_url), guild)


class SharedResponses:
    """A guild's answers in the registry that all machines share."""

    def __init__(self, registry: Registry, guild: str) -> None:
        self._registry = registry
        self._guild = guild

    def get(self, key: str) -> Response | None:
        """Return the answer kept under `key`."""
        kept = self._registry.replies.get(self._guild, key)
        return Response(kept.text, kept.tokens, kept.cut_off) if kept else None

    def add(self, key: str, response: Response) -> None:
        """Keep an answer; the first one stays."""
        self._registry.replies.add(self._guild, key, response.text, response.tokens, cut_off=response.cut_off)

    def close(self) -> None:
        """Close the registry."""
        self._registry.close()


def _only_model(url: str, settings: Settings) -> str:
    """Return the model that a server lists, where it lists one."""
    from raft_core.dataset.generators.endpoint import ADVICE
    from raft_core.openai.client import models
    from raft_core.urls import shown_url

    key = settings.generator_key
    names = models(url, key.get_secret_value() if key else None, advice=ADVICE)
    if len(names) != 1:
        remedy = f"name the model with --generator-model or RAFTBOT_GENERATOR_MODEL: {', '.join(names[:8])}"
        raise SettingsError(f"the server at {shown_url(url)} has {len(names)} models", remedy=remedy)
    return names[0]
