"""Alembic's way in: runs the migrations on the connection that `store.schema` hands over."""

from alembic import context

from stylegan_serving.competition import tables

connection = context.config.attributes['connection']
# SQLite changes columns by making the table anew.
context.configure(connection=connection, target_metadata=tables.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
