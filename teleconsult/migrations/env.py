"""Alembic runs this: always on a connection that the clinic hands over."""

from alembic import context

from teleconsult.migrations import VERSION_TABLE
from teleconsult.records import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=False,
    compare_type=True,
)
context.run_migrations()
