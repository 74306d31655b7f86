"""The entry point of Alembic. `server.store.migrate` gives it the connection; it opens none."""

from alembic import context

from server.store.tables import load_all_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=load_all_tables(),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
