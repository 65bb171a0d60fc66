"""The first tables: everything architecture.md's "State" names, and jobs and workers.

Migrations only go forward: an older raftbot refuses a newer registry.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    _create_guilds()
    _create_library()
    _create_scores()
    _create_community()
    _create_jobs()


def _create_guilds() -> None:
    op.create_table(
        "guilds",
        _text("id"),
        _json("settings"),
        _text("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_guilds"),
    )


def _create_library() -> None:
    op.create_table(
        "documents",
        _text("guild"),
        _text("id"),
        _text("title"),
        _text("source"),
        _text("media_type"),
        _text("sha256"),
        _integer("pages"),
        _integer("chunks"),
        _integer("tokens"),
        _text("added_at"),
        _text("added_by"),
        _boolean("consent"),
        _text("status"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_documents_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_documents"),
    )
    op.create_table(
        "datasets",
        _text("guild"),
        _text("id"),
        _integer("rows"),
        _integer("rejected"),
        _text("content_hash"),
        _integer("tokens"),
        _real("cost_usd"),
        _text("generator"),
        _json("settings"),
        _text("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_datasets_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_datasets"),
    )
    op.create_table(
        "dataset_documents",
        _text("guild"),
        _text("dataset"),
        _text("document"),
        _integer("position"),
        _text("forgotten_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["guild", "dataset"],
            ["datasets.guild", "datasets.id"],
            name="fk_dataset_documents_datasets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild", "dataset", "document", name="pk_dataset_documents"),
    )
    op.create_index("ix_dataset_documents_guild_document", "dataset_documents", ["guild", "document"])
    op.create_table(
        "adapters",
        _text("guild"),
        _text("id"),
        _text("base"),
        _text("dataset"),
        _text("dataset_hash"),
        _integer("rank"),
        _integer("rows"),
        _integer("left_out"),
        _integer("validation_rows"),
        sa.Column("validation_loss", sa.Double(), nullable=True),
        sa.Column("best_step", sa.BigInteger(), nullable=True),
        _real("loss"),
        _integer("tokens"),
        _real("seconds"),
        _real("cost_usd"),
        _text("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_adapters_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_adapters"),
    )
    op.create_index("ix_adapters_guild_dataset", "adapters", ["guild", "dataset"])


def _create_scores() -> None:
    op.create_table(
        "evaluations",
        _text("guild"),
        _text("id"),
        _text("data"),
        _integer("n"),
        _integer("seed"),
        _json("result"),
        _text("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_evaluations_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_evaluations"),
    )
    op.create_table(
        "samples",
        _text("guild"),
        _text("evaluation"),
        _text("model"),
        _text("prompt"),
        _integer("number"),
        _text("question_id"),
        _text("question"),
        _text("gold"),
        _text("prediction"),
        _real("f1"),
        _real("em"),
        _real("prec"),
        _real("recall"),
        _boolean("truncated"),
        _boolean("tagged"),
        _integer("tokens"),
        _real("seconds"),
        sa.ForeignKeyConstraint(
            ["guild", "evaluation"],
            ["evaluations.guild", "evaluations.id"],
            name="fk_samples_evaluations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild", "evaluation", "model", "prompt", "number", name="pk_samples"),
    )
    op.create_table(
        "costs",
        _text("guild"),
        _text("kind"),
        _text("what"),
        _text("at"),
        _text("job"),
        _integer("units"),
        _integer("tokens"),
        _real("seconds"),
        _real("usd"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_costs_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "kind", "what", "at", name="pk_costs"),
    )
    op.create_index("ix_costs_guild_at", "costs", ["guild", "at"])
    op.create_index("ix_costs_guild_job", "costs", ["guild", "job"])
    op.create_index("ix_costs_kind_at", "costs", ["kind", "at"])
    op.create_table(
        "replies",
        _text("text"),
        _integer("tokens"),
        _boolean("cut_off"),
        _text("guild"),
        _text("id"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_replies_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_replies"),
    )


def _create_community() -> None:
    op.create_table(
        "duels",
        _text("guild"),
        _text("id"),
        _text("question"),
        _text("left_model"),
        _text("right_model"),
        _text("left_answer"),
        _text("right_answer"),
        _text("asked_by"),
        _text("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_duels_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_duels"),
    )
    op.create_table(
        "votes",
        _text("guild"),
        _text("duel"),
        _text("voter"),
        _text("choice"),
        _text("created_at"),
        sa.ForeignKeyConstraint(
            ["guild", "duel"], ["duels.guild", "duels.id"], name="fk_votes_duels", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("guild", "duel", "voter", name="pk_votes"),
    )
    op.create_table(
        "corrections",
        _text("guild"),
        _text("id"),
        _text("question"),
        _text("model"),
        _text("answer"),
        _text("correction"),
        _text("author"),
        _text("status"),
        _text("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_corrections_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_corrections"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        _text("id"),
        _text("guild"),
        _text("kind"),
        _text("requester"),
        _json("spec"),
        _text("parent", nullable=True),
        _text("state"),
        _text("queue"),
        _integer("priority"),
        _real("share"),
        _text("stage"),
        _integer("done"),
        _integer("total"),
        _text("detail"),
        _integer("tokens"),
        _real("cost_usd"),
        _json("result"),
        _text("reason"),
        _text("worker"),
        _real("created_at"),
        _real("started_at", nullable=True),
        _real("finished_at", nullable=True),
        _real("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_guild_created_at", "jobs", ["guild", "created_at"])
    op.create_index("ix_jobs_parent", "jobs", ["parent"])
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_table(
        "workers",
        _text("id"),
        _text("host"),
        _integer("pid"),
        _text("device"),
        _real("started_at"),
        _real("seen_at"),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _boolean(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _json(name: str) -> sa.Column[dict[str, object]]:
    return sa.Column(name, sa.JSON(), nullable=False)
