"""How much of a job its card's thread has told, and which rows of data sets curators keep or drop."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("cards", sa.Column("told", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "verdicts",
        sa.Column("guild", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["guild", "dataset"],
            ["datasets.guild", "datasets.id"],
            name="fk_verdicts_datasets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild", "dataset", "row", name="pk_verdicts"),
    )
