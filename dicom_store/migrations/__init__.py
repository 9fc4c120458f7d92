"""The archive's own Alembic environment, with a version table of its own."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

VERSION_TABLE = "archive_alembic_version"


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings for the archive, on a connection that the caller owns."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection) -> None:
    """Bring the tables up to date, in the connection's transaction."""
    command.upgrade(config(connection), "head")
