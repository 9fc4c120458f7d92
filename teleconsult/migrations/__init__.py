"""The clinic's database, version by version. Alembic's environment; run by `upgrade`, never by hand.

Nothing of Alembic is imported where the database is new enough: it takes time that a start need not spend.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "clinic_alembic_version"
_FOLDER = Path(__file__).parent


def newest() -> str:
    """The newest version: each file of `versions/` is named by its own, and they count up."""
    return max(path.stem for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def config(connection: Connection) -> "Config":
    """Alembic's configuration for a connection that is already open."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest version; on SQLite and PostgreSQL alike."""
    if current(connection) == newest():
        return
    from alembic import command

    command.upgrade(config(connection), "head")


def current(connection: Connection) -> str | None:
    """The database's version; None when it has none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return str(found) if found else None
