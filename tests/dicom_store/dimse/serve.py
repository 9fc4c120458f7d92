"""`python -m tests.dicom_store.dimse.serve FOLDER`: a listener and an HL7 door in a process that a test may kill."""

import asyncio
import sys
from pathlib import Path

from dicom_store.app import open_archive
from dicom_store.dimse.listener import serve_dimse
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.mllp import serve_mllp
from dicom_store.ports import Caller
from tests.builders.archives import settings
from tests.dicom_store.dimse.conftest import AET, Stations


class AnyAnalyser(Stations):
    """Lets HL7 senders in as a station of `east`."""

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        return await super().identify_station("EAST" if ae_title == "LIS" else ae_title, address)


async def main(folder: Path) -> None:
    gate = AnyAnalyser()
    async with open_archive(settings(folder)) as archive:
        labs = LabIngest(archive.labs, gate, archive.settings.clock)
        async with (
            serve_dimse(archive, gate, ("127.0.0.1", 0), AET) as dimse,
            serve_mllp(labs.answer, "127.0.0.1", 0) as mllp,
        ):
            sys.stdout.write(f"{dimse.port} {mllp.sockets[0].getsockname()[1]}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
