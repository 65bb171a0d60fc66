"""The registry's tables. Whatever belongs to a guild begins its primary key with the guild's id.

    guilds
    ├── documents ◀─ dataset_documents ─▶ datasets ◀─ adapters    (lineage; kept when a document goes)
    ├── evaluations ── samples                                     (a score per model, prompt and question)
    ├── costs
    ├── duels ── votes
    └── corrections
    jobs · workers                                                 (what runs, and who runs it)

Times are ISO 8601 in UTC, as in the records; those of jobs and workers are Unix seconds.
A change here needs a migration in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class StorableText(TypeDecorator[str]):
    """Text that any database takes: Postgres refuses NUL, and no encoding has lone surrogates.

    Documents and models write both; only titles and short answers of theirs come here.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return value and value.replace("\0", "\ufffd").encode(errors="replace").decode()


class Table(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(
        naming_convention={  # a migration can only alter what has a name
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own way
        str: StorableText,
        int: BigInteger,
        float: Double,
        dict[str, Any]: JSON,
    }


def _guild() -> Mapped[str]:
    return mapped_column(ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


class Guild(Table):
    """A community."""

    __tablename__ = "guilds"

    id: Mapped[str] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[str]


class Document(Table):
    """A document of the library: what the record says, who added it, and with whose consent."""

    __tablename__ = "documents"

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
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
    status: Mapped[str] = mapped_column(default="ready")
    """`ready`, or `removing` from the start of a removal to its end."""


class Dataset(Table):
    """A data set; its rows are an artifact."""

    __tablename__ = "datasets"

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
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


class Adapter(Table):
    """A trained adapter; its weights are an artifact. Its data set may have been made elsewhere."""

    __tablename__ = "adapters"
    __table_args__ = (Index(None, "guild", "dataset"),)

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
    base: Mapped[str]
    dataset: Mapped[str]
    dataset_hash: Mapped[str]
    rank: Mapped[int]
    rows: Mapped[int]
    left_out: Mapped[int]
    loss: Mapped[float]
    tokens: Mapped[int]
    seconds: Mapped[float]
    cost_usd: Mapped[float]
    created_at: Mapped[str]


class Evaluation(Table):
    """An evaluation; `result` is what `raftbot eval --json` printed."""

    __tablename__ = "evaluations"

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
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
    """What one piece of work took. Its key is the work and when it was done: told twice, it counts once."""

    __tablename__ = "costs"
    __table_args__ = (Index(None, "guild", "at"), Index(None, "kind", "at"))

    guild: Mapped[str] = _guild()
    job: Mapped[str] = mapped_column(primary_key=True)
    """The job that did it; empty where a command did."""
    kind: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    """What came of it, for example an adapter's id."""
    at: Mapped[str] = mapped_column(primary_key=True)
    units: Mapped[int]
    """How much work it was, as its kind counts: rows made, tokens trained on, answers scored."""
    tokens: Mapped[int]
    seconds: Mapped[float]
    usd: Mapped[float]


class Duel(Table):
    """Two models' answers to one question, shown without their names."""

    __tablename__ = "duels"

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
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


class Correction(Table):
    """What a member says the answer should have been."""

    __tablename__ = "corrections"

    guild: Mapped[str] = _guild()
    id: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    model: Mapped[str]
    answer: Mapped[str]
    correction: Mapped[str]
    author: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    """`open`, `accepted` or `refused`."""
    created_at: Mapped[str]


class Job(Table):
    """What a job was asked for and how far it is; whether it runs is known to DBOS, under the same id."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "guild", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    guild: Mapped[str]
    kind: Mapped[str]
    requester: Mapped[str] = mapped_column(default="")
    spec: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parent: Mapped[str | None]
    stage: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(default="")
    eta_s: Mapped[float | None]
    tokens: Mapped[int] = mapped_column(default=0)
    cost_usd: Mapped[float] = mapped_column(default=0.0)
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
