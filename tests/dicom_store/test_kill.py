"""A writer killed at any moment: every acknowledged film is there and whole, nothing is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from blake3 import blake3

from dicom_store.app import open_archive
from dicom_store.model import Level, Search
from tests.builders.archives import everything_of, settings

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import asyncio, sys
from pathlib import Path
from dicom_store.app import open_archive
from tests.builders import films
from tests.builders.archives import origin, settings

async def main() -> None:
    async with open_archive(settings(Path(sys.argv[1]))) as archive:
        async def one(number: int) -> None:
            while True:
                batch_films = films.ct_series(4, size=200)
                async with archive.ingest.batch(origin()) as batch:
                    for film in batch_films:
                        await batch.add(film)
                    for stored in await batch.commit():
                        print(stored.key.study, stored.series, stored.instance, stored.digest, flush=True)
        await asyncio.gather(*[one(number) for number in range(3)])

asyncio.run(main())
"""


@pytest.mark.fault
async def test_every_acknowledged_film_survives_kill_9(tmp_path: Path) -> None:
    acknowledged: list[list[str]] = []
    for round_number in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.1 + 0.13 * round_number)
        os.kill(writer.pid, signal.SIGKILL)
        lines = [first, *writer.stdout.read().splitlines(keepends=True)]
        writer.wait()
        writer.stdout.close()
        acknowledged += [line.split() for line in lines if line.endswith("\n")]
    assert len(acknowledged) >= 6
    scope = everything_of("east")
    async with open_archive(settings(tmp_path)) as archive:
        for study, series, instance, digest in acknowledged:
            record = await archive.index.instance(scope, study, series, instance)  # type: ignore[arg-type]
            assert blake3(await archive.films.whole(record)).hexdigest() == digest == record.digest
        # What was indexed without an answer having got out is whole too.
        found = await archive.index.search(scope, Search(Level.STUDY, limit=5000))
        for row in found:
            for record in await archive.index.instances(scope, row.study):  # type: ignore[arg-type]
                assert blake3(await archive.films.whole(record)).hexdigest() == record.digest
        arrivals = await archive.index.arrivals_after(0, 5000)
        assert {line[2] for line in acknowledged} <= {arrival.subject for arrival in arrivals}
        numbers = [arrival.number for arrival in arrivals]
        assert numbers == sorted(set(numbers))
