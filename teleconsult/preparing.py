"""What happens before the house opens: migrations and, for a new demo, the sample county.

A process of its own, so that its memory is given back; where there is nothing to do it imports next to nothing.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from teleconsult.clock import SystemClock
from teleconsult.config import Settings, SettingsRefused
from teleconsult.db import Database
from teleconsult.demo import SAMPLE_FILE, base_url
from teleconsult.migrations import upgrade
from teleconsult.processes import Inheritance, inherit, speak_json


def run(*, sample: bool) -> None:
    """Be the child that prepares."""
    speak_json()
    try:
        asyncio.run(_prepare(inherit(), sample=sample))
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


async def migrate(settings: Settings) -> None:
    """Bring the clinic's database to this version; the archive does so whenever it is opened."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.clinic_database_url, SystemClock())
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await database.close()


async def _prepare(given: Inheritance, *, sample: bool) -> None:
    await migrate(given.settings)
    if not sample:
        return
    path = given.settings.data_dir / SAMPLE_FILE
    if not path.exists():
        _keep(path, await _build(given.settings))
    sys.stdout.write(path.read_text() + "\n")


async def _build(settings: Settings) -> dict[str, Any]:
    from teleconsult.app import open_clinic
    from teleconsult.sample.build import build
    from teleconsult.sample.clock import StoryClock

    clock = StoryClock()
    async with open_clinic(settings, base_url(settings), clock) as clinic:
        return await build(clinic, clock)


def _keep(path: Path, told: dict[str, Any]) -> None:
    aside = path.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(told, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
