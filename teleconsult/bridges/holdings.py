"""What the archive says of an arrival's patient: implements `unmatched.ports.Holdings`."""

from collections.abc import Collection
from datetime import datetime, tzinfo

from dicom_store.labs.store import LabStore
from dicom_store.model import InstitutionId, StudyKey, StudyUID
from dicom_store.storage import summaries
from dicom_store.storage.index import Index
from teleconsult.consults.fields import MaterialKind
from teleconsult.unmatched.ports import Holding, Identity

_SEXES = {"M": "male", "F": "female", "O": "other"}  # DICOM PS3.3 C.7.1.1
_SAID = frozenset(_SEXES.values())


class ArchiveHoldings:
    """Films' headers and reports' first lines.

    Args:
        index: The archive's.
        labs: Its lab reports.
        zone: The site's time zone: films carry none.
    """

    def __init__(self, index: Index, labs: LabStore, zone: tzinfo) -> None:
        self._index = index
        self._labs = labs
        self._zone = zone

    async def identities(self, wanted: Collection[Holding]) -> dict[Holding, Identity]:
        """See `unmatched.ports.Holdings.identities`."""
        return await self._films(wanted) | await self._reports(wanted)

    async def _films(self, wanted: Collection[Holding]) -> dict[Holding, Identity]:
        keys = {
            StudyKey(InstitutionId(one.institution), StudyUID(one.reference)): one
            for one in wanted
            if one.kind == MaterialKind.STUDY
        }
        if not keys:
            return {}
        about = {one.key: one for one in await summaries.studies_of(self._index, list(keys))}
        found = {}
        for said in await summaries.patients_of(self._index, list(keys)):
            study = about[said.key]
            found[keys[said.key]] = Identity(
                names=tuple(name for name in (said.ideographic, said.name) if name),
                number=said.number,
                birth_date=_dashed(said.birth_date),
                sex=_SEXES.get(said.sex, ""),
                title=study.description,
                taken_at=self._taken_at(study.date),
                count=study.instances,
                modalities=study.modalities,
            )
        return found

    async def _reports(self, wanted: Collection[Holding]) -> dict[Holding, Identity]:
        ids = {one.reference: one for one in wanted if one.kind == MaterialKind.LAB_REPORT}
        found = {}
        for kept in await self._labs.of(list(ids)) if ids else ():
            said, holding = kept.report, ids[kept.id]
            if kept.institution != holding.institution:
                continue
            found[holding] = Identity(
                names=(said.patient.name,) if said.patient.name else (),
                number=said.patient.identifier,
                birth_date=said.patient.birth_date,
                sex=said.patient.sex if said.patient.sex in _SAID else "",
                title=said.panel or said.panel_code,
                taken_at=said.collected_at or said.reported_at or kept.received_at,
                count=len(said.observations),
                corrects=kept.replaces or "",
            )
        return found

    def _taken_at(self, day: str) -> datetime | None:
        try:
            return datetime.strptime(day, "%Y%m%d").replace(tzinfo=self._zone)
        except ValueError:
            return None


def _dashed(day: str) -> str:
    """`YYYY-MM-DD` of DICOM's `YYYYMMDD`, "" for anything else."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdecimal() else ""
