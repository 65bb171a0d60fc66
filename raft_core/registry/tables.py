"""The registry's tables. Whatever belongs to a guild begins its primary key with the guild's id.

    guilds
    ├── documents ◀─ dataset_documents ─▶ datasets ◀─ adapters    (lineage; kept when a document goes)
    │                                         └── verdicts         (rows that curators keep or drop)
    ├── evaluations ── samples                                     (a score per model, prompt and question)
    ├── costs
    ├── replies                                                    (of the models that write data sets)
    ├── exchanges ── opinions                                      (what was asked in Discord, 👍 and 👎)
    ├── cards                                                      (messages that show a job)
    ├── duels ── votes
    └── corrections
    jobs · workers                                                 (what runs, and who runs it)

Times are ISO 8601 in UTC, as in the records; those of jobs and workers are Unix seconds.
A change here needs a migration in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from raft_core.registry.columns import Owned, Table


class Guild(Table):
    """A community."""

    __tablename__ = "guilds"

    id: Mapped[str] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[str]


class Document(Owned):
    """A document of the library: what the record says, who added it, and with whose consent."""

    __tablename__ = "documents"

    title: Mapped[str]
    source: Mapped[str]
    media_type: Mapped[str]
    sha256: Mapped[str]
    pages: Mapped[int]
    chunks: Mapped[int]
    tokens: Mapped[int]
    added_at: Mapped[str]
    added_by: Mapped[str] = mapped_column(default="")
    consent: Mapped[bool]
    """Whether the adder said that it may be trained on."""
    unread: Mapped[tuple[str, ...]] = mapped_column(default=())
    """What of it is not in its text: "3 pictures"."""
    status: Mapped[str] = mapped_column(default="ready")
    """`ready`, or `removing` from the start of a removal to its end."""


class Dataset(Owned):
    """A data set; its rows are an artifact."""

    __tablename__ = "datasets"

    rows: Mapped[int]
    rejected: Mapped[int]
    content_hash: Mapped[str]
    tokens: Mapped[int]
    cost_usd: Mapped[float]
    generator: Mapped[str]
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[str]


class DatasetDocument(Table):
    """A data set learnt from a document, which may be gone since: hence no foreign key to it."""

    __tablename__ = "dataset_documents"
    __table_args__ = (
        ForeignKeyConstraint(["guild", "dataset"], ["datasets.guild", "datasets.id"], ondelete="CASCADE"),
        Index(None, "guild", "document"),
    )

    guild: Mapped[str] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    """Its place among the data set's documents."""
    forgotten_at: Mapped[str | None]
    """When the document was removed: the mark of what still knows it."""


class Verdict(Table):
    """What a curator says of one row of a data set, the last word counts; `row` is its place, from 0."""

    __tablename__ = "verdicts"
    __table_args__ = (
        ForeignKeyConstraint(["guild", "dataset"], ["datasets.guild", "datasets.id"], ondelete="CASCADE"),
    )

    guild: Mapped[str] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    keep: Mapped[bool]
    member: Mapped[str]
    created_at: Mapped[str]


class Adapter(Owned):
    """A trained adapter; its weights are an artifact. Its data set may have been made elsewhere."""

    __tablename__ = "adapters"
    __table_args__ = (Index(None, "guild", "dataset"),)

    base: Mapped[str]
    dataset: Mapped[str]
    dataset_hash: Mapped[str]
    rank: Mapped[int]
    rows: Mapped[int]
    left_out: Mapped[int]
    validation_rows: Mapped[int]
    validation_loss: Mapped[float | None]
    best_step: Mapped[int | None]
    loss: Mapped[float]
    tokens: Mapped[int]
    seconds: Mapped[float]
    cost_usd: Mapped[float]
    created_at: Mapped[str]


class Evaluation(Owned):
    """An evaluation; `result` is what `raftbot eval --json` printed."""

    __tablename__ = "evaluations"

    data: Mapped[str]
    n: Mapped[int]
    seed: Mapped[int]
    result: Mapped[dict[str, Any]]
    created_at: Mapped[str]


class Sample(Table):
    """How one model, under one prompt, answered one question of an evaluation."""

    __tablename__ = "samples"
    __table_args__ = (
        ForeignKeyConstraint(
            ["guild", "evaluation"], ["evaluations.guild", "evaluations.id"], ondelete="CASCADE"
        ),
    )

    guild: Mapped[str] = mapped_column(primary_key=True)
    evaluation: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    prompt: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """The question's place, from 0."""
    question_id: Mapped[str]
    question: Mapped[str]
    gold: Mapped[str]
    prediction: Mapped[str]
    f1: Mapped[float]
    em: Mapped[float]
    prec: Mapped[float]
    recall: Mapped[float]
    truncated: Mapped[bool]
    tagged: Mapped[bool]
    tokens: Mapped[int]
    seconds: Mapped[float]


class Cost(Table):
    """What one piece of work took. Its key is what was made and when: told twice, by whatever job, it counts once."""

    __tablename__ = "costs"
    __table_args__ = (Index(None, "guild", "at"), Index(None, "guild", "job"), Index(None, "kind", "at"))

    guild: Mapped[str] = mapped_column(ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    """What came of it, for example an adapter's id."""
    at: Mapped[str] = mapped_column(primary_key=True)
    job: Mapped[str]
    """The job that did it; empty where a command did."""
    units: Mapped[int]
    """How much work it was, as its kind counts: rows made, rows trained on, answers scored."""
    tokens: Mapped[int]
    seconds: Mapped[float]
    usd: Mapped[float]


class Reply(Owned):
    """What a model server answered while a data set was made; the id is a hash of server, model, prompt, limit."""

    __tablename__ = "replies"

    text: Mapped[str]
    tokens: Mapped[int]
    cut_off: Mapped[bool]


class Exchange(Owned):
    """A question that a member asked, and what the models answered: what its buttons show after a restart."""

    __tablename__ = "exchanges"
    __table_args__ = (Index(None, "guild", "asker", "created_at"), Index(None, "guild", "message"))

    channel: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    """The Discord message with the answers; empty until it is sent."""
    asker: Mapped[str]
    question: Mapped[str]
    comparison: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The Comparison record; empty until it is answered."""
    created_at: Mapped[str]


class Opinion(Table):
    """What one member thinks of one model's answer, the last word counts."""

    __tablename__ = "opinions"
    __table_args__ = (
        ForeignKeyConstraint(["guild", "exchange"], ["exchanges.guild", "exchanges.id"], ondelete="CASCADE"),
    )

    guild: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    member: Mapped[str] = mapped_column(primary_key=True)
    good: Mapped[bool]
    created_at: Mapped[str]


class Card(Owned):
    """The Discord message that shows a job; its id is the job's."""

    __tablename__ = "cards"

    channel: Mapped[str]
    message: Mapped[str]
    """Empty until it is sent."""
    thread: Mapped[str] = mapped_column(default="")
    """Where the job's milestones are told; empty until there is one."""
    requester: Mapped[str]
    told: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many of the job's milestones have been told."""
    announced: Mapped[bool] = mapped_column(default=False)
    """Whether the job's end has been told."""
    created_at: Mapped[str]


class Duel(Owned):
    """Two models' answers to one question, shown without their names."""

    __tablename__ = "duels"

    question: Mapped[str]
    left_model: Mapped[str]
    right_model: Mapped[str]
    left_answer: Mapped[str]
    right_answer: Mapped[str]
    asked_by: Mapped[str]
    created_at: Mapped[str]


class Vote(Table):
    """One member's vote in a duel, the last one counts: `left`, `right`, `both` or `neither`."""

    __tablename__ = "votes"
    __table_args__ = (
        ForeignKeyConstraint(["guild", "duel"], ["duels.guild", "duels.id"], ondelete="CASCADE"),
    )

    guild: Mapped[str] = mapped_column(primary_key=True)
    duel: Mapped[str] = mapped_column(primary_key=True)
    voter: Mapped[str] = mapped_column(primary_key=True)
    choice: Mapped[str]
    created_at: Mapped[str]


class Correction(Owned):
    """What a member says the answer should have been."""

    __tablename__ = "corrections"

    question: Mapped[str]
    model: Mapped[str]
    answer: Mapped[str]
    correction: Mapped[str]
    author: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    """`open`, `accepted` or `refused`."""
    created_at: Mapped[str]


class Job(Table):
    """A job, or with a `parent` one unit of a job's work; DBOS runs it as the workflow with the same id."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "guild", "created_at"), Index(None, "parent"), Index(None, "state"))

    id: Mapped[str] = mapped_column(primary_key=True)
    guild: Mapped[str]
    kind: Mapped[str]
    requester: Mapped[str] = mapped_column(default="")
    spec: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parent: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="queued")
    """`queued`, `running`, `succeeded`, `failed` or `cancelled`."""
    queue: Mapped[str] = mapped_column(default="")
    priority: Mapped[int] = mapped_column(default=0)
    """Among the units that wait in its queue: the lowest goes first."""
    share: Mapped[float] = mapped_column(default=0.0)
    """A unit's part of the whole job's work; all units of a job make 1."""
    stage: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(default="")
    tokens: Mapped[int] = mapped_column(default=0)
    cost_usd: Mapped[float] = mapped_column(default=0.0)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(default="")
    worker: Mapped[str] = mapped_column(default="")
    """The worker that runs it; empty while nobody does."""
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    updated_at: Mapped[float]


class Worker(Table):
    """A worker process, and when it was last heard of."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(default="")
    started_at: Mapped[float]
    seen_at: Mapped[float]
