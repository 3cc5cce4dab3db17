"""Alembic's way in. ``migrate`` brings the connection, its transaction open."""

from alembic import context

from notifier.store import schema

context.configure(
    connection=context.config.attributes["connection"], target_metadata=schema.metadata
)
with context.begin_transaction():
    context.run_migrations()
