"""The pages of a new request: five steps that save whatever they hold, by plain forms. No text is ever lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Actor, Permission
from teleconsult.agreements.service import Agreements
from teleconsult.agreements.state import ConsentPurpose, Language
from teleconsult.consults import request_form
from teleconsult.consults.fields import DraftFields, MoveFields
from teleconsult.consults.request_form import Step
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move, State
from teleconsult.consults.views import ConsultView
from teleconsult.errors import Conflict, FieldsRefused, NotFound, Refused, Stale
from teleconsult.http.bodies import Incoming
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import typed_of
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import CLOCK, ZONE, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.paths import see_other
from teleconsult.http.routing import Route, get, post
from teleconsult.people.banner import banner
from teleconsult.people.forms import fields_of as patient_of
from teleconsult.people.patients import PatientExists
from teleconsult.people.service import People
from teleconsult.people.views import SpecialistView

_NEW = "/consults/new"
_EDIT = "/consults/{id}/edit/{step}"


class RequestQuery(Incoming):
    """Search for a patient, or begin with one; `done` is what was just done."""

    q: str = Field("", max_length=60)
    patient: str = Field("", max_length=64)
    done: str = Field("", max_length=20)


@dataclass(frozen=True, slots=True)
class _Back:
    """What a form shows again after a refusal."""

    typed: Mapping[str, str] = field(default_factory=dict)
    error: Refused | None = None


class RequestPages:
    """The pages."""

    def __init__(self, consults: Consults, people: People, agreements: Agreements) -> None:
        self._consults = consults
        self._people = people
        self._agreements = agreements

    def table(self) -> list[Route]:
        """All routes."""
        ask = Permission.CONSULT_CREATE
        return [
            get(_NEW, self.new, ask, query=RequestQuery, page=True, summary="New request"),
            post(_NEW, self.begin, ask, page=True, status=303, creates=True, summary="Begin a request"),
            get(_EDIT, self.edit, ask, query=RequestQuery, page=True, summary="A step of a request"),
            post(_EDIT, self.save, ask, page=True, status=303, summary="Save a step of a request"),
        ]

    async def new(self, request: web.Request) -> web.Response:
        """The first step, before there is a draft."""
        return await self._page(request, None, Step.PATIENT, _Back())

    async def begin(self, request: web.Request) -> web.Response:
        """Begin a draft with a patient, found or new."""
        actor, typed = actor_of(request), await typed_of(request)
        try:
            patient = await self._patient(actor, typed)
            begun = await self._consults.untouched(actor, patient) if patient else None
            begun = begun or (await self._consults.draft(actor, DraftFields(patient_id=patient))).id
        except (FieldsRefused, PatientExists) as error:
            return await self._page(request, None, Step.PATIENT, _Back(typed, error))
        return see_other(f"/consults/{begun}/edit/{Step.QUESTION}")

    async def edit(self, request: web.Request) -> web.Response:
        """A step; a request that was sent is shown as a case."""
        view = await self._draft(request)
        return await self._page(request, view, _step(request), _Back())

    async def save(self, request: web.Request) -> web.Response:
        """Save a step and go on, stay, or submit."""
        actor, step, typed = actor_of(request), _step(request), await typed_of(request)
        view = await self._draft(request)
        try:
            saved = await self._saved(actor, view, step, typed)
            if typed.get("go") == "submit":
                await self._submit(actor, saved)
                raise web.HTTPSeeOther(f"/consults/{view.id}?done=submitted")
        except (FieldsRefused, Conflict) as error:
            now = await self._draft(request)
            return await self._page(request, now, step, _Back(typed, error))
        goal = step if typed.get("go") == "stay" else request_form.after(step)
        raise web.HTTPSeeOther(f"/consults/{view.id}/edit/{goal}" + ("?done=saved" if goal is step else ""))

    async def _saved(self, actor: Actor, view: ConsultView, step: Step, typed: Mapping[str, str]) -> ConsultView:
        fields = await self._fields(actor, step, typed)
        try:
            return await self._consults.save_draft(actor, view.id, _version(typed), fields)
        except Stale:
            # Sent twice, or saved by the script a moment before: what is kept already says the same.
            now = await self._consults.view(actor, view.id)
            if step is Step.PATIENT or request_form.newer(now, typed):
                raise
            return now

    async def _submit(self, actor: Actor, saved: ConsultView) -> None:
        fields = MoveFields(move=Move.SUBMIT, version=saved.version, reason=saved.incomplete_reason)
        await self._consults.move(actor, saved.id, fields)

    async def _draft(self, request: web.Request) -> ConsultView:
        view = await self._consults.view(actor_of(request), request.match_info["id"])
        if view.state is not State.DRAFT:
            raise web.HTTPSeeOther(f"/consults/{view.id}")
        return view

    async def _fields(self, actor: Actor, step: Step, typed: Mapping[str, str]) -> DraftFields:
        if step is Step.PATIENT:
            return DraftFields(patient_id=await self._patient(actor, typed))
        specialists = await self._people.specialists(actor) if step is Step.WHOM else []
        return request_form.fields_of(step, typed, specialists)

    async def _patient(self, actor: Actor, typed: Mapping[str, str]) -> str | None:
        if typed.get("new") != "yes":
            return typed.get("patient_id") or None
        try:
            return (await self._people.add_patient(actor, patient_of(typed))).id
        except PatientExists as error:
            if typed.get("use_existing") == error.patient:
                return error.patient
            raise

    async def _page(self, request: web.Request, view: ConsultView | None, step: Step, back: _Back) -> web.Response:
        actor, language = actor_of(request), language_of(request)
        query = query_of(request, RequestQuery) if request.method == "GET" else RequestQuery()
        error = back.error
        errors = error.errors if isinstance(error, FieldsRefused) else {}
        problem = translate(error.message, language, **error.fields) if error and not errors else ""
        materials = await self._consults.materials(actor, view.id) if view else ()
        where = request_form.paths(view.id if view else None)
        kept = request_form.shown(view) if view else request_form.empty()
        stale = isinstance(error, Stale) and view is not None
        newer = request_form.newer(view, back.typed) if stale and view else []
        today = request.config_dict[CLOCK].now().astimezone(request.config_dict[ZONE]).date()
        return page(
            request,
            f"consults/request_{step}.html",
            status=problem_of(error).status if error else 200,
            step=step,
            draft=view,
            banner=banner(view.patient, today) if view and view.patient else None,
            typed=kept | dict(back.typed),
            errors=errors,
            ids={"consent": "consent_how", "reason": "incomplete_reason"},
            problem="" if newer else problem,
            newer=[(translate(label, language), text) for label, text in newer],
            exists=error.patient if isinstance(error, PatientExists) else "",
            step_paths=where,
            done_steps=request_form.done(view, materials),
            step_notes=dict.fromkeys(where, "") | {"patient": view.patient.name if view and view.patient else ""},
            completeness=view.completeness if view else request_form.nothing_yet(),
            item_steps={word: _item_path(view, place) for word, place in request_form.ITEM_STEPS.items()},
            autosave_url=f"/api/v1/consults/{view.id}" if view else "",
            done=query.done,
            **await self._step_context(actor, step, view, query, language),
            materials=[request_form.arrived(one) for one in materials],
        )

    async def _step_context(
        self, actor: Actor, step: Step, view: ConsultView | None, query: RequestQuery, language: str
    ) -> dict[str, Any]:
        if step is Step.PATIENT:
            first = [await self._people.patient(actor, query.patient)] if query.patient else []
            return {"text": query.q, "found": first or await self._people.find_patients(actor, query.q)}
        if step is Step.WHOM:
            return await self._targets(actor)
        if step is Step.CONSENT and view is not None:
            text = await self._agreements.current_text(actor.institution, ConsentPurpose.CONSULT, Language(language))
            return {
                "consent_text": text,
                "is_complete": all(item.present for item in view.completeness),
                "withdraw_path": f"/consults/{view.id}/moves/{Move.WITHDRAW}",
                "whom": view.target_specialist or view.target_department or view.target_institution,
            }
        return {}

    async def _targets(self, actor: Actor) -> dict[str, Any]:
        partners = await self._partners(actor)
        specialists: list[SpecialistView] = await self._people.specialists(actor)
        return {
            "institutions": list(partners.items()),
            "departments": request_form.department_groups(await self._people.departments(), partners),
            "specialists": request_form.specialist_groups(one for one in specialists if one.institution in partners),
        }

    async def _partners(self, actor: Actor) -> dict[str, str]:
        invited = {
            one.invited_id
            for one in await self._agreements.agreements_of(actor)
            if one.inviting_id == actor.institution
        }
        return {one.id: one.name for one in await self._people.institutions() if one.id in invited}


def _step(request: web.Request) -> Step:
    try:
        return Step(request.match_info["step"])
    except ValueError:
        raise NotFound from None


def _version(typed: Mapping[str, str]) -> int:
    text = typed.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _item_path(view: ConsultView | None, place: str) -> str:
    return f"/consults/{view.id}/edit/{place}" if view else ""
