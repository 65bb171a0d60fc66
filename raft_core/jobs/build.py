"""Documents of a guild → a data set of theirs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from raft_core.dataset import builder
from raft_core.dataset.builder import BuildSettings
from raft_core.dataset.generators import Generator
from raft_core.errors import DatasetError, EndpointError, SettingsError
from raft_core.progress import Report, silent
from raft_core.records import DatasetInfo
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore


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
        SettingsError: the generator is neither `extractive` nor a URL.
    """
    store = ChunkStore(settings, guild)
    try:
        chunks = store.all()
        if not chunks:
            raise DatasetError(
                f"guild {guild!r} has no documents", remedy="add some with: raftbot docs add PATH…"
            )
        return builder.build(
            chunks,
            build,
            make_generator(settings, guild, build),
            datasets_dir(settings, guild),
            guild,
            nearest=store.nearest,
            nearest_by=settings.embeddings,
            price_per_1k_tokens_usd=settings.price_per_1k_tokens_usd,
            report=report,
        )
    finally:
        store.close()


def make_generator(settings: Settings, guild: str, build: BuildSettings) -> Generator:
    """Return the generator that `build` names: rules, or a model behind an OpenAI-compatible URL."""
    if build.generator == "extractive":
        from raft_core.dataset.generators.extractive import Extractive

        return Extractive()
    url = urlsplit(build.generator)
    if url.scheme not in {"http", "https"} or not url.netloc:
        raise SettingsError(
            f"no generator {build.generator!r}",
            remedy="use extractive, or an OpenAI-compatible URL ending in /v1",
        )
    from raft_core.dataset.generators.endpoint import Endpoint

    address = build.generator.rstrip("/")
    return Endpoint(
        address,
        build.generator_model or _only_model(address, settings),
        settings.generator_key,
        datasets_dir(settings, guild) / "responses.jsonl",
        concurrency=settings.generator_concurrency,
    )


def _only_model(url: str, settings: Settings) -> str:
    """Return the model that a server lists, where it lists one."""
    import httpx

    key = settings.generator_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    remedy = "name the model with --generator-model or RAFTBOT_GENERATOR_MODEL"
    try:
        response = httpx.get(f"{url}/models", headers=headers, timeout=10)
        models = [str(model["id"]) for model in response.raise_for_status().json()["data"]]
    except httpx.TransportError as error:
        raise EndpointError(
            url, f"cannot be reached: {error}", remedy="check the URL and that the server runs"
        ) from error
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        raise EndpointError(url, "does not list its models", remedy=remedy) from error
    if len(models) != 1:
        raise SettingsError(
            f"the server at {url} has {len(models)} models", remedy=f"{remedy}: {', '.join(models[:8])}"
        )
    return models[0]
