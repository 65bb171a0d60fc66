"""Alembic's entry: run the migrations in the transaction that `raft_core.registry.database.migrate` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
