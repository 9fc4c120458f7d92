"""An archive with its upload door in a process of its own, to be killed.

Run by `python -m tests.dicom_store.uploads.server DIR`.

Prints its port. With SLOW as second word it is killed while it finishes: nothing is ever taken by `ingest`.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from dicom_store.app import open_archive
from dicom_store.config import ArchiveSettings
from dicom_store.uploads.finish import Finisher
from dicom_store.uploads.parts import Part
from dicom_store.uploads.reception import Reception
from dicom_store.uploads.results import About, FileResult
from dicom_store.uploads.routes import routes
from dicom_store.uploads.shelf import Shelf
from dicom_store.workers import Workers
from tests.builders.doorkeeper import Doorkeeper, say_it_plainly


class _NeverFinishes(Finisher):
    async def files(self, upload: str, about: About, part: Part, tell: object) -> list[FileResult]:
        await asyncio.sleep(600)
        return []


async def main(folder: Path, *, slow: bool) -> None:
    settings = ArchiveSettings(data_dir=folder, key=b"k" * 32, clock=lambda: datetime.now(UTC))
    kind = _NeverFinishes if slow else Finisher
    async with open_archive(settings) as archive, Workers(count=1) as workers:
        uploads = folder / "uploads"
        finisher = kind(archive.ingest, workers, uploads)
        reception = Reception(Shelf(uploads, archive.blobs.keys), archive.blobs, finisher, settings.clock)
        await reception.start()
        app = web.Application()
        app.add_routes(routes(reception, Doorkeeper(), say_it_plainly))
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)  # noqa: T201
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), slow="SLOW" in sys.argv))
