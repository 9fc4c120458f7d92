"""How the sample's people work: one line for each thing a doctor does at a consult, always by the services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from teleconsult.actor import Actor
from teleconsult.agreements.state import Consenter, ConsentHow
from teleconsult.app import Clinic
from teleconsult.consults.fields import Anticoagulants, AskedFields, DraftFields, MoveFields
from teleconsult.consults.state import Kind, Move
from teleconsult.people.state import Sex
from teleconsult.people.views import PatientFields
from teleconsult.reports.drafts import NewImage
from teleconsult.results.ports import NewResult
from teleconsult.results.service import LabFields
from teleconsult.sample import films
from teleconsult.sample.clock import StoryClock
from teleconsult.sample.town import Town

WITHOUT = "其余检查本院无条件完成。"
Rows = Sequence[tuple[str, str, str, str]]
"""Name, value, unit, range."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who works on both sides of a consult.

    Attributes:
        target: Key of the institution that is asked.
    """

    doctor: Actor
    specialist: Actor
    coordinator: Actor
    target: str


class Cases:
    """Builds consults between two sides.

    Args:
        clinic: The open clinic.
        town: Its people.
        clock: Says on which day of the story something happens.
        side: Who works.
    """

    def __init__(self, clinic: Clinic, town: Town, clock: StoryClock, side: Side) -> None:
        self.clinic = clinic
        self.town = town
        self.clock = clock
        self.doctor, self.specialist, self.coordinator = side.doctor, side.specialist, side.coordinator
        self._target = side.target

    def to(self, specialist: str) -> "Cases":
        """The same sides with another specialist."""
        side = Side(self.doctor, self.town.staff[specialist], self.coordinator, self._target)
        return Cases(self.clinic, self.town, self.clock, side)

    def today(self) -> date:
        """The day of the story."""
        return self.clock.now().date()

    async def patient(
        self, name: str, born: date, sex: Sex, allergies: str | None = None, *, number: str | None = None
    ) -> str:
        """A patient of the requester's institution."""
        fields = PatientFields(name=name, sex=sex, birth_date=born, allergies=allergies, record_number=number)
        return (await self.clinic.people.add_patient(self.doctor, fields)).id

    async def draft(self, patient: str, question: str, history: str, **more: object) -> str:
        """A draft with everything the completeness gate asks for."""
        fields = DraftFields.model_validate(
            {
                "patient_id": patient,
                "kind": Kind.CLINICAL,
                "question": question,
                "history": history,
                "target_institution_id": self.town.institutions[self._target],
                "anticoagulants": Anticoagulants.NO,
                "consent_how": ConsentHow.PAPER,
                "consent_by": Consenter.PATIENT,
                "working_diagnosis": "待查",
                "incomplete_reason": WITHOUT,
                **more,
            }
        )
        return (await self.clinic.consults.draft(self.doctor, fields)).id

    async def move(self, actor: Actor, consult: str, move: Move, **needs: object) -> None:
        """One step by one person, as they see the consult now."""
        view = await self.clinic.consults.view(actor, consult)
        await self.clinic.consults.move(
            actor, consult, MoveFields.model_validate({"move": move, "version": view.version, **needs})
        )

    async def films(self, consult: str, painted: Sequence[bytes]) -> None:
        """Films, by the archive's own door, with the consult as their reference."""
        origin = films.from_reference(self.doctor.institution, self.doctor.id, consult)
        await films.keep(self.clinic.archive.ingest, painted, origin)
        await self.clinic.arrivals.link_new()

    async def labs(self, consult: str, title: str, rows: Rows, days_ago: int = 0) -> None:
        """A typed lab report."""
        at = self.clock.now() - timedelta(days=days_ago)
        results = tuple(
            NewResult(name=name, value=value, unit=unit, range=limits) for name, value, unit, limits in rows
        )
        fields = LabFields(title=title, results=results, specimen="静脉血", collected_at=at, reported_at=at)
        await self.clinic.results.add(self.doctor, consult, fields)

    async def say(self, actor: Actor, consult: str, text: str) -> None:
        """A message in the consult's conversation."""
        await self.clinic.consults.post_message(actor, consult, text)

    async def submitted(self, consult: str) -> None:
        """On its way."""
        await self.move(self.doctor, consult, Move.SUBMIT, reason=WITHOUT)

    async def assigned(self, consult: str) -> None:
        """Submitted and assigned."""
        await self.submitted(consult)
        await self.move(self.coordinator, consult, Move.ASSIGN, specialist_id=self.specialist.id)

    async def accepted(self, consult: str) -> None:
        """Submitted, assigned, accepted."""
        await self.assigned(consult)
        await self.move(self.specialist, consult, Move.ACCEPT)

    async def written(self, consult: str, findings: str, opinion: str, image: NewImage | None = None) -> None:
        """The specialist writes; nothing is signed yet."""
        await self.move(self.specialist, consult, Move.BEGIN_REPORT)
        reports, text = self.clinic.reports, {"findings": findings, "opinion": opinion, "suggestion": "三个月后复查。"}
        if image is not None:
            await reports.add_key_image(self.specialist, consult, image)
        await reports.save_draft(self.specialist, consult, None, text)

    async def signed(self, consult: str, findings: str, opinion: str, image: NewImage | None = None) -> None:
        """Assigned already: accepted, written and signed by the specialist."""
        await self.move(self.specialist, consult, Move.ACCEPT)
        await self.written(consult, findings, opinion, image)
        await self.clinic.reports.sign(self.specialist, consult, None, self.town.password)

    async def asked_for(self, consult: str, *items: tuple[Any, str]) -> None:
        """The specialist asks for more material."""
        asked = [AskedFields(kind=kind, text=text).model_dump() for kind, text in items]
        await self.move(self.specialist, consult, Move.RETURN_FOR_MATERIAL, items=asked)
