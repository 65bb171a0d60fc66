"""Which models a command means, and a server that has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raft_core.errors import SettingsError, UnknownModel
from raft_core.jobs.catalogue import find_adapter, open_registry
from raft_core.progress import Report, silent
from raft_core.records import BASE

if TYPE_CHECKING:
    from raft_core.records import AdapterInfo
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings


def find_models(settings: Settings, guild: str, models: Sequence[str]) -> dict[str, AdapterInfo | None]:
    """Return whom `models` mean: by full name, an adapter of the guild, or None for what a server names.

    An adapter may be given by the beginning of its id. Another guild's is unknown, whatever the server serves.

    Raises:
        UnknownModel: a name is neither `base` nor an adapter of the guild, and there is no model server
            that might know it, or it is another guild's.
        SettingsError: no model is named, or one twice.
    """
    found: dict[str, AdapterInfo | None] = {}
    for name in models:
        adapter = None if name == BASE else _adapter(settings, guild, name)
        found[adapter.id if adapter else name] = adapter
    if not found or len(found) != len(models):
        raise SettingsError(
            "the models must be at least one and all different", remedy="for example: --models base"
        )
    return found


def _adapter(settings: Settings, guild: str, name: str) -> AdapterInfo | None:
    try:
        return find_adapter(settings, guild, name)
    except UnknownModel as error:
        has_server = settings.model_server_url is not None or settings.engine == "remote"
        with open_registry(settings, guild) as registry:
            if has_server and name not in registry.adapters.every_id():
                return None
            known = [BASE, *(info.id for info in registry.adapters.list(guild))]
        raise UnknownModel(name, known) from error


@contextmanager
def served(
    settings: Settings, models: Mapping[str, AdapterInfo | None], report: Report = silent
) -> Iterator[ModelServer]:
    """Yield a model server that serves all `models`, the embedded engine where no URL is set.

    Raises:
        UnknownModel: the server does not list a model.
        EndpointError: the server cannot be reached.
    """
    from raft_core.serving.local import model_server

    adapters = [adapter for adapter in models.values() if adapter is not None]
    with model_server(settings, adapters, report) as server:
        known = server.models()
        for name in models:
            if name not in known:
                raise UnknownModel(name, _nameable(settings, known, models))
        yield server


def _nameable(settings: Settings, known: Sequence[str], models: Collection[str]) -> list[str]:
    """Return which of a server's models an error may name: no adapter but those that were asked for."""
    from raft_core.registry.registry import Registry

    with Registry(settings.registry_url) as registry:
        adapters = registry.adapters.every_id() - set(models)
    return [name for name in known if name not in adapters]
