"""Which models a command means, and a server that has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raft_core.errors import SettingsError, UnknownModel
from raft_core.progress import Report, silent
from raft_core.training.adapters import list_adapters

if TYPE_CHECKING:
    from raft_core.records import AdapterInfo
    from raft_core.serving.client import ModelServer
    from raft_core.settings import Settings

BASE = "base"
"""The name under which a model server serves the base model."""


def find_adapters(settings: Settings, guild: str, models: Sequence[str]) -> dict[str, AdapterInfo]:
    """Return the guild's adapters among `models`, by name.

    Raises:
        UnknownModel: a name is neither `base` nor an adapter of the guild, and there is no model server
            that might know it.
        SettingsError: no model is named, or one twice.
    """
    if not models or len(set(models)) != len(models):
        raise SettingsError(
            "the models must be at least one and all different", remedy="for example: --models base"
        )
    adapters = {adapter.id: adapter for adapter in list_adapters(settings.guild_dir(guild) / "adapters")}
    for name in models:
        if name != BASE and name not in adapters and settings.model_server_url is None:
            raise UnknownModel(name, [BASE, *adapters])
    return {name: adapters[name] for name in models if name in adapters}


@contextmanager
def served(
    settings: Settings, adapters: Sequence[AdapterInfo], models: Sequence[str], report: Report = silent
) -> Iterator[ModelServer]:
    """Yield a model server that serves all `models`, the embedded engine where no URL is set.

    Raises:
        UnknownModel: the server does not list a model.
        EndpointError: the server cannot be reached.
    """
    from raft_core.serving.local import model_server

    with model_server(settings, adapters, report) as server:
        known = server.models()
        for name in models:
            if name not in known:
                raise UnknownModel(name, known)
        yield server
