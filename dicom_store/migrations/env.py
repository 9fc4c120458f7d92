"""Alembic runs this: always on a connection that the archive hands over."""

from alembic import context

from dicom_store.migrations import VERSION_TABLE
from dicom_store.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
