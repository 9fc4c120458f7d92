"""Pages of an institution's patients: find, show, enter, change."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Actor, Permission
from teleconsult.errors import FieldsRefused, Refused, Stale
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import typed_of as typed_in
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import CLOCK, ZONE, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.people.banner import banner
from teleconsult.people.forms import fields_of, typed_of
from teleconsult.people.patients import PatientExists
from teleconsult.people.service import People

_ONE = "/patients/{id}"


class FindQuery(Incoming):
    """What to look for; `done` is what was just done."""

    q: str = Field("", max_length=60)
    done: str = Field("", max_length=20)


class PeoplePages:
    """The pages."""

    def __init__(self, people: People) -> None:
        self._people = people

    def table(self) -> list[Route]:
        """All routes."""
        read, write = Permission.PATIENT_READ, Permission.PATIENT_WRITE
        return [
            get("/patients", self.find, read, query=FindQuery, page=True, summary="Patients"),
            get("/patients/new", self.new, write, page=True, summary="New patient"),
            post("/patients/new", self.add, write, page=True, status=303, creates=True, summary="Enter a patient"),
            get(_ONE, self.show, read, query=FindQuery, page=True, summary="A patient"),
            get(f"{_ONE}/edit", self.edit, write, page=True, summary="Change a patient"),
            post(f"{_ONE}/edit", self.change, write, page=True, status=303, summary="Change a patient"),
        ]

    async def find(self, request: web.Request) -> web.Response:
        """The list, or what was found."""
        actor, text = actor_of(request), query_of(request, FindQuery).q
        found = await self._people.find_patients(actor, text)
        may_write = actor.may(Permission.PATIENT_WRITE)
        return page(request, "people/patients.html", text=text, found=found, may_write=may_write)

    async def show(self, request: web.Request) -> web.Response:
        """One patient."""
        actor = actor_of(request)
        patient = await self._people.patient(actor, request.match_info["id"])
        return page(
            request,
            "people/patient.html",
            patient=patient,
            banner=banner(patient, today(request)),
            may_write=actor.may(Permission.PATIENT_WRITE),
            may_request=actor.may(Permission.CONSULT_CREATE),
            done=query_of(request, FindQuery).done,
        )

    async def new(self, request: web.Request) -> web.Response:
        """The empty form."""
        return _form(request, {"name": request.query.get("name", "")[:60]})

    async def add(self, request: web.Request) -> web.Response:
        """Enter a patient."""
        typed = await typed_in(request)
        try:
            made = await self._people.add_patient(actor_of(request), fields_of(typed))
        except (FieldsRefused, PatientExists) as error:
            return _form(request, typed, error)
        return see_other(f"/patients/{made.id}?done=saved")

    async def edit(self, request: web.Request) -> web.Response:
        """The form with what is known."""
        actor, patient_id = actor_of(request), request.match_info["id"]
        typed = typed_of(await self._people.patients.fields(actor, patient_id))
        return await self._edit_form(request, actor, typed)

    async def change(self, request: web.Request) -> web.Response:
        """Save; nothing typed is lost when somebody was faster."""
        actor, patient_id = actor_of(request), request.match_info["id"]
        typed = await typed_in(request)
        version = int(typed.get("version", "0")) if typed.get("version", "").isdecimal() else 0
        try:
            await self._people.change_patient(actor, patient_id, version, fields_of(typed))
        except (FieldsRefused, PatientExists, Stale) as error:
            return await self._edit_form(request, actor, typed, error)
        return see_other(f"/patients/{patient_id}?done=saved")

    async def _edit_form(
        self, request: web.Request, actor: Actor, typed: Mapping[str, str], error: Refused | None = None
    ) -> web.Response:
        patient = await self._people.patient(actor, request.match_info["id"])
        newer = None
        if isinstance(error, Stale):
            kept = typed_of(await self._people.patients.fields(actor, patient.id))
            newer = [(_LABELS[name], kept[name]) for name in _LABELS if kept[name] != typed.get(name, "")]
        more = {"banner": banner(patient, today(request)), "version": patient.version, "newer": newer}
        return _form(request, typed, error, **more, back=f"/patients/{patient.id}")


def today(request: web.Request) -> date:
    """The day it is here."""
    return request.config_dict[CLOCK].now().astimezone(request.config_dict[ZONE]).date()


_LABELS = {
    "name": "Name",
    "id_number": "Identity number",
    "sex": "Sex",
    "birth_date": "Date of birth",
    "phone": "Mobile number",
    "record_number": "Record number",
    "allergies": "Allergies",
}
"""msgids; the same words as on the form."""


def _form(request: web.Request, typed: Mapping[str, str], error: Refused | None = None, **more: Any) -> web.Response:
    language = language_of(request)
    errors = error.errors if isinstance(error, FieldsRefused) else {}
    told = translate(error.message, language, **error.fields) if error and not errors else ""
    always = {"banner": None, "version": None, "newer": None, "back": "/patients"}
    shown = always | more
    if shown["newer"]:
        shown["newer"] = [(translate(label, language), text) for label, text in shown["newer"]]
    return page(
        request,
        "people/edit.html",
        status=problem_of(error).status if error else 200,
        typed=typed,
        errors=errors,
        problem=told,
        exists_path=f"/patients/{error.patient}" if isinstance(error, PatientExists) else "",
        **shown,
    )
