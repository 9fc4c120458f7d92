"""The archive's films as the clinic's rooms need them: summaries, series, pictures for opinions."""

from collections.abc import Collection, Sequence
from datetime import datetime, tzinfo

from dicom_store import errors as archive_errors
from dicom_store.app import Archive
from dicom_store.model import InstitutionId, StudyKey, StudyUID, instance_uid, series_uid, study_uid
from dicom_store.ports import Action, Gatekeeper, Scope
from dicom_store.render.look import Look, PictureKind
from dicom_store.render.look import Window as FilmWindow
from dicom_store.render.pictures import Render
from dicom_store.storage import summaries
from teleconsult.actor import Actor
from teleconsult.bridges.archive import KnownCaller
from teleconsult.consults.ports import LabSummary, StudyRef, StudySummary
from teleconsult.desk.ports import SeriesSummary
from teleconsult.errors import NotFound, Refused, Unavailable
from teleconsult.reports.ports import Window
from teleconsult.results.ports import KeptReport, LabStore

_PRINT_BOX_PX = (1024, 1024)
"""Half of an A4 column at 300 dpi: nothing finer can be seen on paper."""
_NORMAL = frozenset({"", "N"})


class ArchiveFilms:
    """Implements `consults.ports.Archive` and `desk.ports.Films`.

    Args:
        archive: The open archive.
        labs: Its lab reports, in the clinic's words.
        zone: The site's time zone: films carry none.
    """

    def __init__(self, archive: Archive, labs: LabStore, zone: tzinfo) -> None:
        self._archive = archive
        self._labs = labs
        self._zone = zone

    async def studies(self, refs: Collection[StudyRef]) -> list[StudySummary]:
        """Those of the studies that it holds."""
        found = await summaries.studies_of(self._archive.index, [_key(ref) for ref in refs])
        return [
            StudySummary(
                StudyRef(one.key.institution, one.key.study),  # type: ignore[arg-type]
                one.description,
                one.modalities,
                self._taken_at(one.date, one.time),
                one.instances,
            )
            for one in found
        ]

    async def lab_reports(self, ids: Collection[str]) -> list[LabSummary]:
        """Those of the lab reports that it holds."""
        return [_lab_summary(report) for report in await self._labs.read(ids)]

    async def series(self, studies: Collection[StudyRef]) -> Sequence[SeriesSummary]:
        """The series of these studies, by number."""
        found = await summaries.series_of(self._archive.index, [_key(ref) for ref in studies])
        return [
            SeriesSummary(
                StudyRef(one.study.institution, one.study.study),  # type: ignore[arg-type]
                one.series,
                one.description,
                one.modality,
                one.instances,
            )
            for one in found
        ]

    def _taken_at(self, date: str, time: str) -> datetime | None:
        for text, shape in ((date + time[:6], "%Y%m%d%H%M%S"), (date, "%Y%m%d")):
            try:
                return datetime.strptime(text, shape).replace(tzinfo=self._zone)
            except ValueError:
                continue
        return None


class ArchiveKeyImages:
    """Implements `reports.ports.KeyImages`.

    Args:
        archive: The open archive.
        render: Its picture maker.
        gatekeeper: Says what the actor may see, and writes it down.
    """

    def __init__(self, archive: Archive, render: Render, gatekeeper: Gatekeeper) -> None:
        self._archive = archive
        self._render = render
        self._gatekeeper = gatekeeper

    async def picture(
        self, actor: Actor, study: str, series: str, instance: str, frame: int, window: Window | None
    ) -> bytes:
        """See `reports.ports.KeyImages.picture`."""
        caller = KnownCaller(actor.id, actor)
        look = Look(
            kind=PictureKind.PNG,
            window=FilmWindow(window.center, window.width) if window else None,
            box=_PRINT_BOX_PX,
        )
        try:
            scope: Scope = await self._gatekeeper.scope(caller, Action.READ)
            record = await self._archive.index.instance(
                scope, study_uid(study), series_uid(series), instance_uid(instance)
            )
            await self._gatekeeper.witness(caller, Action.READ, [record.key])
            return (await self._render.picture(record, frame, look)).body
        except (archive_errors.NotFound, archive_errors.NotAllowed) as error:
            raise NotFound from error
        except archive_errors.Refused as error:
            raise Refused(error.message, code=error.code, **error.fields) from error
        except archive_errors.Unavailable as error:
            raise Unavailable(error.message, retry_after=error.retry_after) from error


def _key(ref: StudyRef) -> StudyKey:
    return StudyKey(InstitutionId(ref.institution), StudyUID(ref.study_uid))


def _lab_summary(report: KeptReport) -> LabSummary:
    abnormal = sum(1 for result in report.results if result.critical or result.computed not in _NORMAL)
    return LabSummary(
        report.id,
        report.institution,  # type: ignore[arg-type]
        report.title,
        report.taken_at,
        len(report.results),
        abnormal,
    )
