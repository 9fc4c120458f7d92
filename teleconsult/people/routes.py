"""JSON doors of institutions, specialists and patients."""

from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of, json_answer, query_of
from teleconsult.http.routing import Route, get, post, put
from teleconsult.people.service import People
from teleconsult.people.state import InstitutionKind, Sex
from teleconsult.people.views import PatientFields

_Name = Annotated[str, Field(min_length=1, max_length=60)]


class PatientBody(Incoming):
    """What is known of a patient. Sex and date of birth may be left out with an identity number."""

    name: _Name
    sex: Sex | None = None
    birth_date: date | None = None
    id_number: str | None = Field(None, max_length=40)
    phone: str | None = Field(None, max_length=40)
    record_number: str | None = Field(None, max_length=64)
    allergies: str | None = Field(None, max_length=1000)

    def fields(self) -> PatientFields:
        """As the service takes them."""
        return PatientFields(**{name: getattr(self, name) for name in PatientBody.model_fields})


class PatientChange(PatientBody):
    """All fields of a patient anew, on top of the version that was read."""

    version: int = Field(ge=1)


class PatientQuery(Incoming):
    """Name, pinyin, initials, identity number, phone or record number."""

    q: str = Field("", max_length=100)


class PatientAnswer(Outgoing):
    """A patient."""

    id: str
    institution: str
    name: str
    sex: Sex
    birth_date: date | None
    id_number_last4: str
    phone_last4: str
    record_number: str
    allergies: str | None
    version: int


class PatientsAnswer(Outgoing):
    """Patients found, fifty at most."""

    items: list[PatientAnswer]


class SpecialistQuery(Incoming):
    """Where to look."""

    institution: str | None = Field(None, max_length=64)
    department: str | None = Field(None, max_length=64)


class SpecialistAnswer(Outgoing):
    """Somebody who can be asked."""

    id: str
    name: str
    title: str
    department: str | None
    department_name: str
    institution: str
    institution_name: str


class SpecialistsAnswer(Outgoing):
    """Specialists by institution and department."""

    items: list[SpecialistAnswer]


class DepartmentAnswer(Outgoing):
    """A department."""

    id: str
    name: str


class InstitutionAnswer(Outgoing):
    """An institution and its departments."""

    id: str
    name: str
    kind: InstitutionKind
    parent: str | None
    departments: list[DepartmentAnswer]


class InstitutionsAnswer(Outgoing):
    """All institutions that take part."""

    items: list[InstitutionAnswer]


class PeopleRoutes:
    """The doors."""

    def __init__(self, people: People) -> None:
        self._people = people

    def table(self) -> list[Route]:
        """All routes of the room."""
        one = "/api/v1/patients/{id}"
        return [
            post(
                "/api/v1/patients",
                self.add_patient,
                Permission.PATIENT_WRITE,
                body=PatientBody,
                answer=PatientAnswer,
                status=201,
                creates=True,
                summary="Keep a new patient",
            ),
            get(
                "/api/v1/patients",
                self.find_patients,
                Permission.PATIENT_READ,
                query=PatientQuery,
                answer=PatientsAnswer,
                summary="Find patients of one's own institution",
            ),
            get(one, self.patient, Permission.PATIENT_READ, answer=PatientAnswer, summary="A patient"),
            put(
                one,
                self.change_patient,
                Permission.PATIENT_WRITE,
                body=PatientChange,
                answer=PatientAnswer,
                summary="Change a patient",
            ),
            get(
                "/api/v1/specialists",
                self.specialists,
                Permission.CONSULT_READ,
                query=SpecialistQuery,
                answer=SpecialistsAnswer,
                summary="Who can be asked",
            ),
            get(
                "/api/v1/institutions",
                self.institutions,
                Permission.SELF,
                answer=InstitutionsAnswer,
                summary="Who takes part",
            ),
        ]

    async def add_patient(self, request: web.Request) -> web.Response:
        """POST /api/v1/patients."""
        made = await self._people.add_patient(actor_of(request), body_of(request, PatientBody).fields())
        return json_answer(PatientAnswer.model_validate(made), 201, {"Location": f"/api/v1/patients/{made.id}"})

    async def find_patients(self, request: web.Request) -> PatientsAnswer:
        """GET /api/v1/patients?q=."""
        found = await self._people.find_patients(actor_of(request), query_of(request, PatientQuery).q)
        return PatientsAnswer(items=[PatientAnswer.model_validate(patient) for patient in found])

    async def patient(self, request: web.Request) -> PatientAnswer:
        """GET /api/v1/patients/{id}."""
        return PatientAnswer.model_validate(await self._people.patient(actor_of(request), request.match_info["id"]))

    async def change_patient(self, request: web.Request) -> PatientAnswer:
        """PUT /api/v1/patients/{id}."""
        body = body_of(request, PatientChange)
        changed = await self._people.change_patient(
            actor_of(request), request.match_info["id"], body.version, body.fields()
        )
        return PatientAnswer.model_validate(changed)

    async def specialists(self, request: web.Request) -> SpecialistsAnswer:
        """GET /api/v1/specialists."""
        query = query_of(request, SpecialistQuery)
        found = await self._people.specialists(actor_of(request), query.institution, query.department)
        return SpecialistsAnswer(items=[SpecialistAnswer.model_validate(one) for one in found])

    async def institutions(self, _request: web.Request) -> InstitutionsAnswer:
        """GET /api/v1/institutions."""
        departments = await self._people.departments()
        return InstitutionsAnswer(
            items=[
                InstitutionAnswer(
                    id=place.id,
                    name=place.name,
                    kind=place.kind,
                    parent=place.parent,
                    departments=[
                        DepartmentAnswer.model_validate(it) for it in departments if it.institution == place.id
                    ],
                )
                for place in await self._people.institutions()
            ]
        )
