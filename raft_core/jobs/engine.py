"""What serves the models of an evaluation: its name, what it takes at a time, and whether it is still the same.

An answer given before is used again only where nothing can have changed: an engine in this process computes
with the weights whose hash is in the answers' file name; `raftbot serve` says when it started, and keeps
its weights until it ends. Of any other server nobody knows what it serves tomorrow: its answers are kept for
a killed evaluation to go on from, and dropped once it is done.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.files import content_hash
from raft_core.models import weights_hash

if TYPE_CHECKING:
    from raft_core.evaluation.answers import AnswerFile
    from raft_core.records import AdapterInfo
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings

AT_ONCE = {"raftbot": 64, "vllm": 256}
"""Rows in the embedded engine's batch, and vLLM's default of max_num_seqs: as many requests keep it full."""
OTHERS_AT_ONCE = 16
KEPT_DAYS = 30
"""Answers that nobody added to for so long are removed."""


@dataclass(frozen=True, slots=True)
class ServedBy:
    """An engine by name, and how many requests it takes at a time."""

    name: str
    concurrent: int


def served_by(settings: Settings, server: ModelServer) -> ServedBy:
    """Return what is known of the engine behind a server."""
    owner = str(next(iter(server.listing()), {}).get("owned_by", ""))
    concurrent = AT_ONCE.get(owner, OTHERS_AT_ONCE)
    if settings.model_server_url is None:
        return ServedBy("embedded", concurrent)
    return ServedBy(f"{owner or 'unnamed'} at {settings.model_server_url}", concurrent)


@contextmanager
def kept_answers(
    settings: Settings,
    guild: str,
    server: ModelServer,
    model: str,
    adapter: AdapterInfo | None,
    scope: str,
) -> Iterator[AnswerFile]:
    """Yield the answers of one model so far; `scope` names the questions, for a server nobody knows."""
    from raft_core.evaluation.answers import AnswerFile

    folder = settings.guild_dir(guild) / "answers"
    _prune(folder)
    lasting = _lasting(settings, server, model, adapter)
    identity = lasting or content_hash(server.url, model, scope)
    path = folder / f"{content_hash(model, identity, length=32)}.jsonl"
    with AnswerFile(path) as answers:
        yield answers
    if lasting is None:
        path.unlink(missing_ok=True)


def adapter_hash(adapter: AdapterInfo) -> str:
    """Return a hash of an adapter's weights."""
    weights = Path(adapter.path) / "adapter_model.safetensors"
    if not weights.is_file():
        return "not at hand"
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def base_hash(settings: Settings) -> str:
    """Return a hash of the base's weights, and the bits where it is quantised; a server elsewhere has its own."""
    if settings.model_server_url is not None:
        return "not at hand"
    return weights_hash(settings.base_model) + ("-4bit" if settings.load_in_4bit else "")


def _lasting(settings: Settings, server: ModelServer, model: str, adapter: AdapterInfo | None) -> str | None:
    """Return a hash of all that a model's answers depend on, None where that is not known."""
    if settings.model_server_url is None:
        import torch

        weights = (base_hash(settings), adapter_hash(adapter) if adapter else "")
        computed_by = (torch.cuda.is_available(), versions_of("raftbot", "torch"))
        return content_hash("embedded", weights, computed_by)
    listed: dict[str, Any] = next((each for each in server.listing() if each["id"] == model), {})
    if listed.get("owned_by") != "raftbot" or "created" not in listed:
        return None
    return content_hash(server.url, listed["root"], listed["created"])


def versions_of(*names: str) -> dict[str, str]:
    """Return the installed versions of packages."""
    from importlib.metadata import version

    return {name: version(name) for name in names}


def _prune(folder: Path) -> None:
    oldest = time.time() - KEPT_DAYS * 86_400
    for path in folder.glob("*.jsonl"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
