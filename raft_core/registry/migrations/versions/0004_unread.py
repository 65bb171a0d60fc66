"""What of a document is not in its text."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("documents", sa.Column("unread", sa.JSON(), nullable=False, server_default="[]"))
