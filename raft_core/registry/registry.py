"""The index and memory of everything the guilds have. What it indexes lies on the disk and in Chroma."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from raft_core.records import AdapterInfo, DatasetInfo, DocumentInfo
from raft_core.registry.adapters import Adapters, register_adapter
from raft_core.registry.cards import Cards
from raft_core.registry.costs import Costs
from raft_core.registry.database import BUSY_TIMEOUT_S, Database
from raft_core.registry.datasets import Datasets, register_dataset
from raft_core.registry.documents import Documents, register_documents
from raft_core.registry.evaluations import Evaluations, register_evaluation
from raft_core.registry.exchanges import Exchanges
from raft_core.registry.guilds import Guilds
from raft_core.registry.jobs import Jobs
from raft_core.registry.queries import add_guild
from raft_core.registry.replies import Replies
from raft_core.registry.tables import Guild
from raft_core.registry.verdicts import Verdicts
from raft_core.registry.workers import Workers


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that a guild has on the disk; each evaluation with its samples."""

    documents: Sequence[DocumentInfo]
    datasets: Sequence[DatasetInfo]
    adapters: Sequence[AdapterInfo]
    evaluations: Sequence[tuple[Mapping[str, Any], Iterable[Mapping[str, Any]]]]


class Registry:
    """The registry at `url`, one shelf for each kind of thing; all that is asked of it names the guild.

    `busy_timeout_s` is how long a write waits while another process writes to the same SQLite file.

    Raises:
        RegistryError: its database cannot be used.
        StorageError: its file cannot be written.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.database = Database(url, busy_timeout_s=busy_timeout_s)
        self.documents = Documents(self.database)
        self.datasets = Datasets(self.database)
        self.adapters = Adapters(self.database)
        self.evaluations = Evaluations(self.database)
        self.costs = Costs(self.database)
        self.replies = Replies(self.database)
        self.jobs = Jobs(self.database)
        self.workers = Workers(self.database)
        self.guilds = Guilds(self.database)
        self.exchanges = Exchanges(self.database)
        self.cards = Cards(self.database)
        self.verdicts = Verdicts(self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def meet(self, guild: str, holdings: Callable[[], Holdings]) -> None:
        """Register what a guild has from before the registry, where the registry does not know the guild yet.

        All of it or nothing: what fails is tried again at the next meeting.
        """
        with self.database.read() as session:
            if session.get(Guild, guild) is not None:
                return
        found = holdings()
        with self.database.write() as session:
            if not add_guild(session, guild):  # another process was faster
                return
            register_documents(session, guild, found.documents, by="", consent=True)
            for dataset in found.datasets:
                register_dataset(session, dataset)
            for adapter in found.adapters:
                register_adapter(session, adapter)
            for result, samples in found.evaluations:
                register_evaluation(session, result, samples)
