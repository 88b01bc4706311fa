"""Runs migrations on the connection that `central.store.migrate` hands over."""

from alembic import context

from central.tables import load_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=load_tables(),
    transactional_ddl=False,  # the caller's transaction holds all of it
    render_as_batch=True,
)
context.run_migrations()
