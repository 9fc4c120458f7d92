"""Writes a migration of the clinic's tables: `python -m tools.migration WORD`, or `--first` for the very first one.

What the newest migration makes is compared with the models; the differences become `versions/NNNN_WORD.py`, for a
person to read before it is kept. `--first` makes the first version anew, which is right only while no site runs it.
Migrations are frozen: they import nothing of the clinic, so that a model that changes later changes no old version.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import DDL, Connection, create_engine, create_mock_engine

from teleconsult.db import UtcTime
from teleconsult.migrations import VERSION_TABLE, upgrade
from teleconsult.records import metadata

VERSIONS = Path(__file__).resolve().parent.parent / "teleconsult" / "migrations" / "versions"
DIALECTS = ("sqlite", "postgresql")


def main() -> None:
    """Write the file and say where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("word", nargs="?", default="clinic")
    parser.add_argument("--first", action="store_true")
    asked = parser.parse_args()
    before = sorted(VERSIONS.glob("[0-9]*.py"))
    number = 1 if asked.first else len(before) + 1
    down = None if asked.first else before[-1].stem
    path = VERSIONS / f"{number:04d}_{asked.word}.py"
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        if not asked.first:
            upgrade(connection)
        path.write_text(written(connection, path.stem, down, triggers=asked.first))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=True)
    print(path)


def written(connection: Connection, revision: str, down: str | None, *, triggers: bool) -> str:
    """The text of a migration from what a database has to what the models say."""
    options = {
        "render_item": _frozen,
        "compare_type": True,
        "version_table": VERSION_TABLE,
        "sqlalchemy_module_prefix": "sa.",
        "alembic_module_prefix": "op.",
        "user_module_prefix": None,
        "render_as_batch": down is not None,
    }
    context = MigrationContext.configure(connection, opts=options)
    found = produce_migrations(context, metadata)
    assert found.upgrade_ops is not None
    assert found.downgrade_ops is not None
    up = render_python_code(found.upgrade_ops, render_item=_frozen, render_as_batch=down is not None)
    back = render_python_code(found.downgrade_ops, render_item=_frozen, render_as_batch=down is not None)
    guards, also = "", ""
    if triggers:
        guards = "\n# What the database itself forbids: changes of the audit and of signed opinions.\n" + "\n".join(
            f"_{dialect.upper()} = (\n" + "\n".join(f"    {statement!r}," for statement in guarding(dialect)) + "\n)"
            for dialect in DIALECTS
        )
        also = (
            '\n    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:\n'
            "        op.get_bind().exec_driver_sql(statement)\n"
        )
    title = "All tables of the clinic" if triggers else revision.split("_", 1)[1].replace("_", " ").capitalize()
    return f'''"""{title}."""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = None
{guards}


def upgrade() -> None:  # noqa: PLR0915 - one statement for each table
    {_plain(up)}
{also}

def downgrade() -> None:  # noqa: PLR0915
    {_plain(back)}
'''


def guarding(dialect: str) -> list[str]:
    """The triggers and functions that the models add for a database, in order, each once."""
    statements: list[str] = []

    def note(statement: Any, *_parameters: Any, **_more: Any) -> None:
        if isinstance(statement, DDL):
            statements.append(str(statement.compile(dialect=engine.dialect)).strip())

    engine = create_mock_engine(f"{dialect}://", note)
    metadata.create_all(engine, checkfirst=False)
    return list(dict.fromkeys(statements))


def _plain(code: str) -> str:
    return re.sub(r"^\s*# ###.*$\n?", "", code, flags=re.MULTILINE).strip()


def _frozen(kind: str, item: Any, context: AutogenContext) -> str | bool:
    """Types of our own as what they are in the database."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    return False


if __name__ == "__main__":
    main()
