"""Everything raftbot raises on purpose.

    RaftError
    ├── SettingsError           a setting is missing or makes no sense
    ├── MissingExtra            an optional part of the package is not installed
    ├── DocumentError
    │   ├── UnreadableDocument  broken, encrypted, empty, or of a type no reader knows
    │   └── UnknownDocument
    ├── StoreError              Chroma or the embeddings failed
    ├── DatasetError
    │   ├── UnknownDataset
    │   ├── TooFewChunks        fewer chunks than distractors + 1
    │   └── BadRow              an imported row does not fit its schema
    ├── ModelError              a model folder or adapter cannot be used
    │   └── UnknownModel
    ├── TrainingError
    │   └── AlreadyTraining     another process is at the same training
    ├── EndpointError           a model server is down, slow, refuses or returns rubbish
    │   └── BadReply            it answered, and this answer is of no use; another may be
    │       └── PromptTooLong   prompt and answer do not fit into the model's context
    ├── HubError                a hub of models cannot be reached or refuses
    ├── EvaluationError
    │   └── BadRecord           a gold or prediction record does not fit the HotpotQA format
    ├── JobError
    │   ├── UnknownJob
    │   ├── QueueFull
    │   ├── OverBudget          the job would cost more than is left of the guild's daily budget
    │   ├── WorkFailed          what a job's own process raised, or how that process ended
    │   └── WorkStopped         the job was cancelled
    ├── RegistryError           the database of the registry is locked, unreachable, broken or too new
    ├── StorageError            the disk is full or not writable
    └── MachineError            the processes of one machine cannot run together
        ├── AlreadyUp
        └── ServiceFailed       one of them did not start; holds the end of its log

Errors of other libraries are translated at the boundary where they appear; `str(error)` is one
line that says what happened, `error.remedy` one line that says what to do.
"""

from __future__ import annotations


class RaftError(Exception):
    """Anything raftbot reports to people: what happened, and what to do about it."""

    remedy: str = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        if remedy:
            self.remedy = remedy


class SettingsError(RaftError):
    """A setting is missing or makes no sense."""


class MissingExtra(RaftError):
    """An optional part of the package is needed and not installed."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"this needs {module}, which is not installed", remedy=f'run: pip install "raftbot[{extra}]"'
        )
        self.extra = extra


class DocumentError(RaftError):
    """Something about a document."""


class UnreadableDocument(DocumentError):
    """A file gives no text: broken, encrypted, empty, or of a type no reader knows."""

    def __init__(self, path: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"cannot read {path}: {reason}", remedy=remedy)
        self.path = path
        self.reason = reason


class UnknownDocument(DocumentError):
    """No document has this id."""

    remedy = "see the ids with: raftbot docs list"

    def __init__(self, document_id: str, guild: str) -> None:
        super().__init__(f"no document {document_id!r} in guild {guild!r}")
        self.document_id = document_id


class StoreError(RaftError):
    """Chroma or the embeddings failed."""


class DatasetError(RaftError):
    """Something about a data set."""


class UnknownDataset(DatasetError):
    """No data set has this id."""

    remedy = "see the ids with: raftbot dataset list"

    def __init__(self, dataset_id: str, guild: str) -> None:
        super().__init__(f"no data set {dataset_id!r} in guild {guild!r}")
        self.dataset_id = dataset_id


class TooFewChunks(DatasetError):
    """There are fewer chunks than one row needs."""

    def __init__(self, chunks: int, distractors: int, *, stand_in: bool = False) -> None:
        more = ", and one that stands in for a chunk left out" if stand_in else ""
        super().__init__(
            f"{chunks} chunks are too few: a row needs its own chunk and {distractors} distractors{more}",
            remedy="add documents (raftbot docs add …) or ask for at most "
            f"{max(chunks - 1 - stand_in, 0)} distractors",
        )
        self.chunks = chunks
        self.distractors = distractors


class BadRow(DatasetError):
    """An imported row does not fit its schema."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}, row {line}: {reason}")
        self.path = path
        self.line = line


class ModelError(RaftError):
    """A model folder or an adapter cannot be used."""


class UnknownModel(ModelError):
    """No base model or adapter has this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no model {name!r}", remedy=f"known models: {', '.join(known) or 'none'}")
        self.name = name


class TrainingError(RaftError):
    """Training cannot start or go on."""


class AlreadyTraining(TrainingError):
    """Another process is at the same training."""

    def __init__(self, adapter_id: str) -> None:
        super().__init__(f"{adapter_id} is being trained by another process", remedy="wait until it is done")
        self.adapter_id = adapter_id


class EndpointError(RaftError):
    """A model server is down, slow, refuses, or returns rubbish; `status` is what it answered with, if it did."""

    def __init__(
        self, url: str, reason: str, *, remedy: str = "", retryable: bool = False, status: int | None = None
    ) -> None:
        where = f" at {url}" if url else ""
        super().__init__(f"the model server{where} {reason}", remedy=remedy)
        self.url = url
        self.reason = reason
        self.retryable = retryable
        self.status = status


class BadReply(EndpointError):
    """A model server answered, but this answer is of no use: it costs a row, not the build."""


class PromptTooLong(BadReply):
    """Prompt and answer do not fit into a model's context: `limit` and `tokens` of the prompt, where the server counts."""

    remedy = "show fewer chunks (--top-k), or take a base model with a longer context"

    def __init__(
        self,
        url: str,
        message: str,
        *,
        limit: int | None = None,
        tokens: int | None = None,
        remedy: str = "",
        status: int | None = None,
    ) -> None:
        reason = f"refused the prompt as too long: {message}"
        super().__init__(url, reason, remedy=remedy or self.remedy, status=status)
        self.limit = limit
        self.tokens = tokens


class HubError(RaftError):
    """A hub of models and data sets cannot be reached or refuses."""

    def __init__(self, url: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"the hub at {url} {reason}", remedy=remedy)


class EvaluationError(RaftError):
    """An evaluation cannot be run as asked."""


class BadRecord(EvaluationError):
    """A gold or prediction record does not fit the HotpotQA format."""

    def __init__(self, path: str, record: str, field: str, reason: str) -> None:
        super().__init__(f"{path}, record {record}, field {field!r}: {reason}")
        self.record = record
        self.field = field


class JobError(RaftError):
    """Something about a job."""


class UnknownJob(JobError):
    """No job has this id."""

    remedy = "see the ids with: raftbot jobs list"

    def __init__(self, job_id: str, guild: str) -> None:
        super().__init__(f"no job {job_id!r} in guild {guild!r}")
        self.job_id = job_id


class QueueFull(JobError):
    """So many jobs wait already that no more are taken; `whose` says for whom that limit is."""

    def __init__(self, waiting: int, limit: int, whose: str) -> None:
        super().__init__(
            f"the queue is full: {waiting} jobs of {whose} are unfinished, and {limit} is the limit",
            remedy="wait until one is done, or cancel one with: raftbot jobs cancel ID",
        )
        self.limit = limit


class OverBudget(JobError):
    """A job would cost more than is left of its guild's daily budget. Amounts are US dollars."""

    def __init__(self, estimate: float, spent: float, budget: float) -> None:
        super().__init__(
            f"this would cost about ${estimate:.2f}, and ${spent:.2f} of today's ${budget:.2f} are spent "
            "or asked for",
            remedy="wait until midnight UTC, make the job smaller, or raise RAFTBOT_DAILY_BUDGET_USD",
        )
        self.estimate, self.spent, self.budget = estimate, spent, budget


class WorkFailed(JobError):
    """What a job's own process raised, or how it ended; `type` names the error there.

    `retryable` says that it may pass by itself: a server that is being restarted.
    """

    def __init__(self, type: str, message: str, remedy: str = "", retryable: bool = False) -> None:  # noqa: A002  # the JSON key
        super().__init__(message, remedy=remedy)
        self.type = type
        self.retryable = retryable


class WorkStopped(JobError):
    """A job was cancelled while its process worked."""

    def __init__(self) -> None:
        super().__init__("the job was cancelled", remedy="raftbot jobs resume goes on where it was")


class RegistryError(RaftError):
    """The registry's database cannot be used; `url` is shown without its password."""

    def __init__(self, url: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"the registry at {url} {reason}", remedy=remedy)
        self.url = url


class StorageError(RaftError):
    """The disk is full or not writable."""


class MachineError(RaftError):
    """The processes of one machine cannot run together."""


class AlreadyUp(MachineError):
    """Another `raftbot up` runs on the same home."""

    def __init__(self, home: str, pid: str) -> None:
        super().__init__(
            f"raftbot is up already on {home}, as process {pid}",
            remedy=f"use it as it is, stop it with: kill {pid}, or set RAFTBOT_HOME to another folder",
        )
        self.pid = pid


class ServiceFailed(MachineError):
    """A service did not start; `tail` is the end of what it wrote."""

    def __init__(self, name: str, reason: str, log: str, tail: str) -> None:
        super().__init__(f"the service {name} {reason}", remedy=f"see its log: {log}")
        self.name = name
        self.tail = tail
