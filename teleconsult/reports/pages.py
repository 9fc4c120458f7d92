"""The page of an opinion: write it, hand it to review, sign it, amend it. Nothing typed is lost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Actor, Permission
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.service import Consults
from teleconsult.consults.state import Move
from teleconsult.consults.timeleft import time_left
from teleconsult.consults.views import ConsultView, MaterialView
from teleconsult.errors import Conflict, FieldsRefused, Refused, Stale, StepRefused, TooMany
from teleconsult.http.bodies import Incoming, validated
from teleconsult.http.errors import problem_of
from teleconsult.http.forms import raw_form, typed_of
from teleconsult.http.guard import actor_of, query_of
from teleconsult.http.i18n import CLOCK, ZONE, day, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.routing import Route, get, post
from teleconsult.people.banner import banner
from teleconsult.reports.bodies import DraftBody, KeyImageAnswer
from teleconsult.reports.check_pages import CheckPages
from teleconsult.reports.drafts import LockHeld
from teleconsult.reports.rules import Chosen, Content
from teleconsult.reports.service import Reports
from teleconsult.reports.views import DraftView, Standing

_EDITOR = "/consults/{id}/report"
_TEXTS = ("findings", "opinion", "suggestion", "finding")
_LABELS = {"findings": "Findings", "opinion": "Opinion", "suggestion": "Suggestion"}
"""msgids; the same words as on the form."""


LabValues = Callable[[Actor, str], Awaitable[Sequence[Mapping[str, str]]]]
"""A consult's lab values for the editor's `@`: name, value, unit, flag, range, date."""


class EditorQuery(Incoming):
    """`amend` asks for the reason first; `done` is what was just done."""

    amend: str = Field("", max_length=10)
    done: str = Field("", max_length=20)


@dataclass(frozen=True, slots=True)
class _Back:
    """What the form shows again after a refusal."""

    typed: Mapping[str, Any] = field(default_factory=dict)
    error: Refused | None = None


class ReportPages:
    """The pages."""

    def __init__(self, reports: Reports, consults: Consults, lab_values: LabValues | None = None) -> None:
        self._reports = reports
        self._consults = consults
        self._lab_values = lab_values or _no_values

    def table(self) -> list[Route]:
        """All routes."""
        read = Permission.REPORT_READ
        return [
            get(_EDITOR, self.editor, read, query=EditorQuery, page=True, summary="Write or read an opinion"),
            post(_EDITOR, self.act, Permission.REPORT_WRITE, page=True, status=303, summary="Save, sign, hand over"),
            *CheckPages(self._reports).table(),
        ]

    async def editor(self, request: web.Request) -> web.Response:
        """The form; whoever may write takes the lock by opening it."""
        return await self._page(request, _Back())

    async def act(self, request: web.Request) -> web.Response:
        """One of the form's buttons. What was typed is saved before anything else happens."""
        typed = await _typed(request)
        try:
            goal = await self._do(actor_of(request), request.match_info["id"], typed)
        except (FieldsRefused, Conflict, TooMany) as error:
            view = await self._consults.view(actor_of(request), request.match_info["id"])
            if isinstance(error, StepRefused) and _is_signed_by(view, actor_of(request)):
                raise web.HTTPSeeOther(f"/consults/{view.id}?done=signed") from None
            return await self._page(request, _Back(typed, error))
        raise web.HTTPSeeOther(goal)

    async def _do(self, actor: Actor, consult_id: str, typed: Mapping[str, Any]) -> str:
        go = typed.get("go", "save")
        here = _EDITOR.format(id=consult_id)
        if go == "break":
            await self._reports.take_lock(actor, consult_id, by_force=True)
            return here
        if go == "begin_amend":
            if not str(typed.get("reason", "")).strip():
                raise FieldsRefused({"reason": "Please write this; it cannot be left empty."})
            await self._reports.amend(actor, consult_id, typed["reason"])
            return here
        if go == "reject":
            await self._reports.reject_audit(actor, consult_id, typed.get("reason", ""))
            return f"/consults/{consult_id}?done=moved"
        version = await self._saved(actor, consult_id, typed) if "findings" in typed else None
        if go == "audit":
            await self._reports.submit_for_audit(actor, consult_id)
            return f"/consults/{consult_id}?done=moved"
        if go == "sign":
            await self._reports.sign(actor, consult_id, version, typed.get("password", ""))
            return f"/consults/{consult_id}?done=signed"
        return f"{here}?done=saved"

    async def _saved(self, actor: Actor, consult_id: str, typed: Mapping[str, Any]) -> int:
        body = validated(DraftBody, {name: typed[name] for name in (*_TEXTS, "labs") if name in typed})
        version = int(typed["version"]) if str(typed.get("version", "")).isdecimal() else None
        try:
            return (await self._reports.save_draft(actor, consult_id, version, body.changes())).version
        except Stale:
            # Sent twice, or saved by the script a moment before: what is kept already says the same.
            draft = (await self._reports.standing(actor, consult_id)).draft
            if draft is None or _newer(draft, typed):
                raise
            return draft.version

    async def _page(self, request: web.Request, back: _Back) -> web.Response:
        actor, language, consult_id = actor_of(request), language_of(request), request.match_info["id"]
        query = query_of(request, EditorQuery) if request.method == "GET" else EditorQuery()
        view = await self._consults.view(actor, consult_id)
        offered = {offer.move for offer in view.moves}
        if Move.BEGIN_REPORT in offered:
            raise web.HTTPSeeOther(f"/consults/{consult_id}")  # begun by its button: reading a page changes nothing
        standing = await self._standing(actor, consult_id)
        draft = standing.draft
        if draft is None and not standing.may_write and Move.AMEND not in offered:
            raise web.HTTPSeeOther(f"/consults/{consult_id}")
        error, now = back.error, request.config_dict[CLOCK].now()
        errors = error.errors if isinstance(error, FieldsRefused) else {}
        newer = _newer(draft, back.typed) if isinstance(error, Stale) and draft else []
        mine = standing.may_write and (standing.lock is None or standing.lock.mine)
        materials = await self._consults.materials(actor, consult_id)
        today = now.astimezone(request.config_dict[ZONE]).date()
        return page(
            request,
            "reports/editor.html",
            status=problem_of(error).status if error else 200,
            wasm=True,
            consult=view,
            banner=banner(view.patient, today) if view.patient else None,
            clock=time_left(view.clock, now),
            studies=[one.reference for one in materials if one.kind == MaterialKind.STUDY],
            draft_version=draft.version if draft else 0,
            saved_at=draft.saved_at if draft else None,
            typed=_shown(draft, standing) | {name: text for name, text in back.typed.items() if name != "password"},
            errors=errors,
            problem=translate(error.message, language, **error.fields) if error and not (errors or newer) else "",
            newer=[(translate(label, language), text) for label, text in newer],
            images=[KeyImageAnswer.of(image) for image in _images(standing)],
            lab_choices=[_lab_choice(one, language, today) for one in materials if one.lab_report is not None],
            lab_values=await self._lab_values(actor, consult_id) if mine else [],
            phrases=[asdict(one) for one in await self._reports.phrases(actor, consult_id)] if mine else [],
            deliver_to=f"{view.institution.name} {view.requester.name}",
            done=query.done,
            **_rights(
                standing, offered, mine=mine, wants_amend=bool(query.amend) or "begin_amend" in back.typed.values()
            ),
        )

    async def _standing(self, actor: Actor, consult_id: str) -> Standing:
        standing = await self._reports.standing(actor, consult_id)
        if standing.may_write and (standing.lock is None or standing.lock.mine):
            try:
                await self._reports.take_lock(actor, consult_id)
            except LockHeld:
                return await self._reports.standing(actor, consult_id)
        return standing


def _rights(standing: Standing, offered: set[Move], *, mine: bool, wants_amend: bool) -> dict[str, Any]:
    draft, lock = standing.draft, standing.lock
    amends = draft.amends if draft else 0
    held = lock is not None and not lock.mine
    return {
        "may_write": mine,
        "amends": amends,
        "can_begin_amend": Move.AMEND in offered and not amends and (wants_amend or draft is None),
        "can_sign": (Move.SIGN in offered or (bool(amends) and Move.AMEND in offered)) and not held,
        "can_submit": Move.SUBMIT_FOR_AUDIT in offered and mine,
        "can_reject": Move.REJECT_AUDIT in offered,
        "may_break": standing.may_break and held,
        "lock_holder": lock.holder_name if lock and held else "",
        "lock_since": lock.taken_at if lock else None,
    }


async def _typed(request: web.Request) -> dict[str, Any]:
    parts = await raw_form(request)
    found: dict[str, Any] = dict(await typed_of(request))
    found["labs"] = [value for name, value in parts if name == "labs[]" and isinstance(value, str)]
    found["password"] = next((value for name, value in parts if name == "password" and isinstance(value, str)), "")
    return found


async def _no_values(_actor: Actor, _consult: str) -> Sequence[Mapping[str, str]]:
    return ()


def _images(standing: Standing) -> Sequence[Chosen]:
    if standing.draft is not None:
        return standing.draft.images
    return standing.reports[-1].images if standing.reports else ()


def _shown(draft: DraftView | None, standing: Standing | None = None) -> dict[str, Any]:
    """The draft; where none is begun, the newest signed text."""
    signed = standing.reports[-1] if standing is not None and standing.reports else None
    content = draft.content if draft is not None else signed.content if signed is not None else Content()
    return {
        "findings": content.findings,
        "opinion": content.opinion,
        "suggestion": content.suggestion,
        "finding": content.finding,
        "labs": content.labs,
        "reason": draft.reason if draft is not None else "",
    }


def _newer(draft: DraftView, typed: Mapping[str, Any]) -> list[tuple[str, str]]:
    kept = _shown(draft)
    return [
        (label, kept[name])
        for name, label in _LABELS.items()
        if " ".join(str(kept[name]).split()) != " ".join(str(typed.get(name, "")).split())
    ]


def _is_signed_by(view: ConsultView, actor: Actor) -> bool:
    return view.signer_id == actor.id and view.report_version > 0


def _lab_choice(material: MaterialView, language: str, today: date) -> tuple[str, str]:
    report = material.lab_report
    taken = day(report.taken_at.date(), language, today) if report and report.taken_at else ""
    title = (report.title if report else "") or translate("Lab report", language)
    return material.reference, f"{title} {taken}".strip()
