"""Alembic's entry: run the migrations in the transaction that `raft_core.registry.database.migrate` opened."""

from alembic import context

from raft_core.registry.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
