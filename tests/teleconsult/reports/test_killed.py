"""The web process is killed while it signs: afterwards the opinion is either signed with its PDF, or not signed."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from teleconsult.consults.models import Consult
from teleconsult.consults.state import State
from teleconsult.db import Database
from teleconsult.reports.models import Report, ReportDraft, ReportFile
from tests.builders.clock import FixedClock

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.builders.cases import OPINION, PASSWORD, a_house

async def main():
    async with a_house(Path(sys.argv[1])) as house:
        cases = [await house.accepted() for _ in range(3)]
        for case in cases:
            await house.reports.save_draft(house.specialist, case, 0, OPINION)
        print("ready", flush=True)
        for case in cases:
            await house.reports.sign(house.specialist, case, 1, PASSWORD)
            print("signed", case, flush=True)

asyncio.run(main())
"""


@pytest.mark.fault
@pytest.mark.parametrize("turn", range(2))
async def test_a_kill_at_any_moment_leaves_it_whole(tmp_path: Path, turn: int) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, tmp_path, stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
    )
    assert child.stdout is not None
    acknowledged = set()
    async with asyncio.timeout(120):
        while (line := (await child.stdout.readline()).decode().split()) and line[0] != "ready":
            pass
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.Random(turn).uniform(0.1, 2.0)):
                while line := (await child.stdout.readline()).decode().split():
                    acknowledged.add(line[1])
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        acknowledged |= {line.split()[1] for line in (await child.stdout.read()).decode().splitlines()}
        await child.wait()

    database = Database.at(tmp_path / "clinic.db", FixedClock())
    async with database.read() as session:
        states = {row.id: row.state for row in await session.execute(select(Consult.id, Consult.state))}
        signed = set(await session.scalars(select(Report.consult_id)))
        files = set(
            await session.scalars(select(Report.consult_id).join(ReportFile, ReportFile.report_id == Report.id))
        )
        drafts = set(await session.scalars(select(ReportDraft.consult_id)))
    await database.close()
    assert acknowledged <= signed
    assert files == signed
    assert drafts == states.keys() - signed
    assert all((state is State.DELIVERED) == (case in signed) for case, state in states.items())
