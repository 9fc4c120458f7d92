"""Brings the archive's tables up to date: Alembic's steps, with a version table of the archive's own.

A new SQLite file gets all tables at once, and nothing is imported when there is nothing to do: Alembic takes time and
memory that a small server need not spend at every start.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "archive_alembic_version"
NEWEST = "0004_digest"


def config(connection: Connection | None = None) -> "Config":
    """Alembic's settings for the archive, on a connection that the caller owns."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


# Of a room above, which puts it on the metadata when it is imported.
_LAST_TABLE = "lab_reports"


def upgrade(connection: Connection) -> None:
    """Bring the tables up to date, in the connection's transaction."""
    from dicom_store.storage.tables import metadata

    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        if connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == NEWEST:  # noqa: S608
            return
    elif not tables and connection.dialect.name == "sqlite" and _LAST_TABLE in metadata.tables:
        _make(connection, metadata)
        return
    from alembic import command

    command.upgrade(config(connection), "head")


def _make(connection: Connection, metadata: MetaData) -> None:
    """All tables as they are now; a test holds them against what the steps make."""
    metadata.create_all(connection)
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:newest)"), {"newest": NEWEST})  # noqa: S608
