"""The clinic's database, version by version. Alembic's environment; run by `upgrade`, never by hand."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

VERSION_TABLE = "clinic_alembic_version"


def config(connection: Connection) -> Config:
    """Alembic's configuration for a connection that is already open."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest version; on SQLite and PostgreSQL alike."""
    command.upgrade(config(connection), "head")
