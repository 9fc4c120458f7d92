"""Follows the archive's arrivals: what came in with a consult's id as its reference is linked to that consult, once.

What no consult holds after that is the unmatched room's: it matches by itself, or waits for a person.

The cursor is a row of the clinic: after a crash the same arrivals are read again, and linking twice is linking once.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlalchemy import BigInteger, String
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from dicom_store.errors import ArchiveError
from dicom_store.model import Arrival, ArrivalKind, InstitutionId, StudyKey, StudyUID
from dicom_store.ports import InstanceStored, LabReportStored
from dicom_store.storage import summaries
from dicom_store.storage.index import Index
from teleconsult.actor import SYSTEM
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.service import Consults
from teleconsult.db import Database, Record
from teleconsult.errors import ClinicError
from teleconsult.results.service import Results
from teleconsult.unmatched.intake import Intake
from teleconsult.unmatched.ports import Holding

log = structlog.get_logger()

_CURSOR = "archive.arrivals"
_LOOK_EVERY = timedelta(seconds=5)
"""How long an arrival of another process (a scanner's) may wait: no wake-up crosses processes."""
_PAGE = 500
_PAUSE_S, _LONG_PAUSE_S = 0.5, 2.0
"""Films of one upload come in bursts: the first is linked at once, those that come after it together."""


class BridgeCursor(Record):
    """How far a bridge has read."""

    __tablename__ = "bridge_cursors"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Arrivals:
    """The task that links. Also the archive's Listener: hearing only wakes it.

    Args:
        database: Where the cursor is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._news = asyncio.Event()
        self._pause_s = _PAUSE_S
        self._studies: set[tuple[InstitutionId, str]] = set()

    def follow(self, index: Index, consults: Consults, results: Results, intake: Intake) -> None:
        """The houses are open. You must call this before `run` or `link_new`."""
        self._index = index
        self._consults = consults
        self._results = results
        self._intake = intake

    def heard(self, event: InstanceStored | LabReportStored) -> None:
        """See `dicom_store.ports.Listener`."""
        self.wake()

    def wake(self) -> None:
        """Something came, here or in another process."""
        self._news.set()

    async def run(self) -> None:
        """Link what arrives, for ever."""
        while True:
            try:
                while await self.link_new() == _PAGE:
                    pass
            except (ArchiveError, ClinicError, SQLAlchemyError, OSError) as error:
                log.warning("arrivals.unavailable", error=type(error).__name__)
            await asyncio.sleep(self._pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY.total_seconds()):
                    await self._news.wait()
            self._news.clear()

    async def link_new(self) -> int:
        """Link the next page of arrivals. Returns how many there were."""
        async with self._database.read() as session:
            cursor = await session.get(BridgeCursor, _CURSOR)
        came = await self._index.arrivals_after(cursor.number if cursor else 0, _PAGE)
        if not came:
            return 0
        await self._link(came)
        studies = {(one.origin.institution, one.study) for one in came if one.kind is ArrivalKind.FILM}
        # More of what was linked just now: it changes little, and a scanner sends for minutes.
        self._pause_s = _LONG_PAUSE_S if studies and studies <= self._studies else _PAUSE_S
        self._studies = studies
        async with self._database.write(SYSTEM) as work:
            await work.session.merge(BridgeCursor(name=_CURSOR, number=came[-1].number))
        return len(came)

    async def _link(self, came: Sequence[Arrival]) -> None:
        films = [one for one in came if one.kind is ArrivalKind.FILM]
        named = {(one.origin.reference, one.origin.institution, one.study) for one in films if one.origin.reference}
        for reference, institution, study in sorted(named):
            await self._link_study(reference, institution, study)
        studies = sorted({(one.origin.institution, one.study) for one in films})
        await self._intake.take_in([Holding(at, MaterialKind.STUDY, study) for at, study in studies])
        for one in came:
            if one.kind is ArrivalKind.LAB:
                if one.origin.reference:
                    await self._link_lab(one)
                await self._intake.take_in([Holding(one.origin.institution, MaterialKind.LAB_REPORT, one.subject)])

    async def _link_study(self, consult: str, institution: InstitutionId, study: str) -> None:
        found = await summaries.studies_of(self._index, [StudyKey(institution, StudyUID(study))])
        modalities = found[0].modalities if found else ()
        await self._consults.link_arrival(
            consult, institution=institution, kind=MaterialKind.STUDY, reference=study, modalities=modalities
        )

    async def _link_lab(self, one: Arrival) -> None:
        linked = await self._consults.link_arrival(
            one.origin.reference,
            institution=one.origin.institution,
            kind=MaterialKind.LAB_REPORT,
            reference=one.subject,
        )
        if linked:
            await self._results.note_critical(one.origin.reference, one.subject)
