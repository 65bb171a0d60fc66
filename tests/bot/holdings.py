"""What a guild of a test has, put straight into the registry: made by nobody, as if it had been made long ago."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from raft_core.records import AdapterInfo, DatasetInfo, DocumentInfo
from raft_core.registry.registry import Registry
from tests.bot.place import Place
from tests.discord_server import Guild

AT = "2026-01-0{}T00:00:00+00:00"


def document(name: str, title: str, day: int = 1) -> DocumentInfo:
    """Return a document of two pages and three chunks."""
    return DocumentInfo(name, title, f"/somewhere/{name}.md", "text/markdown", name, 2, 3, 40, AT.format(day))


def dataset(guild: Guild, name: str, *documents: str) -> DatasetInfo:
    """Return a data set of six rows."""
    return DatasetInfo(name, str(guild.id), 6, 0, name, 0, 0.0, "rules", {}, documents, AT.format(2))


def adapter(guild: Guild, name: str, learnt: str, day: int = 3) -> AdapterInfo:
    """Return an adapter of rank 4."""
    return AdapterInfo(
        name, str(guild.id), "org/base", learnt, 0.25, 900, 60.0, 0.5, "", 4, learnt, AT.format(day), rows=6
    )


def stock(registry: Registry, guild: Guild, by: str = "") -> None:
    """Give a guild two documents, a data set from one of them, and two adapters."""
    infos = [document("d0c1", "Norway"), document("d0c2", "Sweden", 2)]
    registry.documents.add(str(guild.id), infos, by=by, consent=True)
    registry.datasets.add(dataset(guild, "ds-0000aaaa", "d0c1"))
    registry.adapters.add(adapter(guild, "raft-0000aaaa", "ds-0000aaaa"))
    registry.adapters.add(adapter(guild, "raft-0000bbbb", "ds-0000aaaa", 4))


@contextmanager
def heard_of_a_worker(place: Place) -> Iterator[None]:
    """Have the registry list a worker that nothing was heard against, and that does nothing."""
    place.registry.workers.enter("worker-idle", "nowhere", 1, "cpu")
    try:
        yield
    finally:
        place.registry.workers.forget("worker-idle")
