"""What the Discord bot remembers: what was asked, what members think of the answers, and which messages show jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "exchanges",
        *_texts("guild", "id", "channel", "message", "asker", "question"),
        sa.Column("comparison", sa.JSON(), nullable=False),
        *_texts("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_exchanges_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_exchanges"),
    )
    op.create_index("ix_exchanges_guild_asker_created_at", "exchanges", ["guild", "asker", "created_at"])
    op.create_index("ix_exchanges_guild_message", "exchanges", ["guild", "message"])
    op.create_table(
        "opinions",
        *_texts("guild", "exchange", "model", "member"),
        sa.Column("good", sa.Boolean(), nullable=False),
        *_texts("created_at"),
        sa.ForeignKeyConstraint(
            ["guild", "exchange"],
            ["exchanges.guild", "exchanges.id"],
            name="fk_opinions_exchanges",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild", "exchange", "model", "member", name="pk_opinions"),
    )
    op.create_table(
        "cards",
        *_texts("guild", "id", "channel", "message", "thread", "requester"),
        sa.Column("announced", sa.Boolean(), nullable=False),
        *_texts("created_at"),
        sa.ForeignKeyConstraint(["guild"], ["guilds.id"], name="fk_cards_guilds", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guild", "id", name="pk_cards"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]
