"""What each move does beside changing the state: seats, items, appointments, answers. Texts go sealed into entries."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from teleconsult.actor import PatientId
from teleconsult.agreements.service import ConsentFields
from teleconsult.agreements.state import Consenter, ConsentHow, Language
from teleconsult.consults import seating
from teleconsult.consults.fields import MoveFields
from teleconsult.consults.levels import agreement_for, enter_level
from teleconsult.consults.models import AskedItem, Consult, Seat
from teleconsult.consults.office import Office, on_duty
from teleconsult.consults.rules import Facts, lead_of
from teleconsult.consults.sealing import Content
from teleconsult.consults.state import Kind, Mode, Move, Party, State
from teleconsult.consults.table import Row
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused, StepRefused

_USUAL_SESSION = timedelta(minutes=30)
_LONGEST_SESSION = timedelta(hours=8)
_FARTHEST = timedelta(days=180)
REOPENABLE_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Step:
    """One move on its way.

    Attributes:
        party: As what the actor makes it.
        row: The line of the table that it follows.
    """

    office: Office
    work: Work
    consult: Consult
    given: MoveFields
    party: Party
    row: Row
    facts: Facts


Told = Mapping[str, Any]
Effect = Callable[[Step], Awaitable[Told]]


async def _only_reason(step: Step) -> Told:
    return {"reason": step.given.reason} if step.given.reason else {}


async def _submit(step: Step) -> Told:
    consult, office = step.consult, step.office
    content = office.sealing.content(consult)
    _check_request(step, content)
    await _check_target(step)
    if step.given.consent is not None:
        body = step.given.consent
        fields = ConsentFields(body.how, body.by, body.name, language=body.language)
    else:
        fields = ConsentFields(
            ConsentHow(content.consent_how or ConsentHow.PAPER),
            Consenter(content.consent_by or Consenter.PATIENT),
            content.consent_name,
            language=Language(content.consent_language or Language.CHINESE),
        )
    if step.given.consent is not None or await office.agreements.consent_of(step.work.session, consult.id) is None:
        await office.agreements.record_consent(
            step.work, consult.id, PatientId(consult.patient_id or ""), consult.institution_id, fields
        )
    consult.approval_asked = step.facts.approval_asked
    consult.submitted_at = consult.submitted_at or step.work.at
    reason = step.given.reason or content.incomplete_reason
    if reason and not step.facts.complete:
        question = office.sealing.question(consult.id, consult.question)
        office.sealing.write(consult, question, content.with_changes({"incomplete_reason": reason}))
    await _seat_addressed(step)
    return {} if step.facts.complete else {"reason": reason}


def _check_request(step: Step, content: Content) -> None:
    consult = step.consult
    errors = {}
    if consult.patient_id is None:
        errors["patient_id"] = "Please choose the patient."
    if not step.office.sealing.question(consult.id, consult.question).strip():
        errors["question"] = "Please write what you want to know."
    if consult.target_institution_id is None:
        errors["target_institution_id"] = "Please choose whom to ask."
    if errors:
        raise FieldsRefused(errors)


async def _check_target(step: Step) -> None:
    try:
        await agreement_for(step.office, step.work, step.consult, step.consult.target_institution_id or "")
    except FieldsRefused as error:
        raise FieldsRefused({"target_institution_id": error.errors["institution_id"]}) from None
    specialist = step.consult.target_specialist_id
    if specialist and not await seating.is_specialist(step.work, specialist, step.consult.target_institution_id):
        raise FieldsRefused({"target_specialist_id": "This specialist cannot be asked any more. Choose another."})


async def _approve(step: Step) -> Told:
    await _check_target(step)
    await _seat_addressed(step)
    return {}


async def _seat_addressed(step: Step) -> None:
    if step.row.target is not State.ASSIGNED:
        return
    consult = step.consult
    person = consult.target_specialist_id or await on_duty(step.office, step.work.session, consult)
    await seating.seat_lead(step.work, consult, consult.target_institution_id or "", user=person)


async def _refuse_approval(step: Step) -> Told:
    return {"reason": step.given.reason}


async def _assign(step: Step) -> Told:
    given, consult = step.given, step.consult
    members = given.member_ids if consult.kind is Kind.MDT else []
    await seating.check_people(step.work, consult, given.specialist_id, given.department_id, members)
    institution = consult.target_institution_id or ""
    if given.specialist_id:
        await seating.seat_lead(step.work, consult, institution, user=given.specialist_id, members=members)
    else:
        await seating.seat_lead(step.work, consult, institution, department=given.department_id)
    told: dict[str, Any] = {"specialist_id": given.specialist_id, "department_id": given.department_id}
    told |= {"member_ids": members} if members else {}
    return {name: value for name, value in told.items() if value} | dict(await _only_reason(step))


async def _reassign(step: Step) -> Told:
    _unbook(step.consult)
    return await _assign(step)


async def _hand_over(step: Step) -> Told:
    given, consult = step.given, step.consult
    await seating.check_people(step.work, consult, given.specialist_id, None, [])
    lead = lead_of(consult)
    if lead is not None and lead.user_id == given.specialist_id:
        raise FieldsRefused({"specialist_id": "Please choose a colleague, not yourself."})
    await seating.replace_lead(step.work, consult, given.specialist_id or "")
    _unbook(consult)
    return {"specialist_id": given.specialist_id, "reason": given.reason}


async def _redirect(step: Step) -> Told:
    institution = step.given.institution_id or ""
    if institution == step.consult.target_institution_id:
        raise FieldsRefused({"institution_id": "The request is there already. Choose another institution."})
    await seating.clear(step.work, step.consult)
    step.consult.target_department_id = step.consult.target_specialist_id = None
    former = step.consult.target_institution_id
    await enter_level(step.office, step.work, step.consult, institution)
    return {"institution_id": institution, "former_institution_id": former, "reason": step.given.reason}


async def _accept(step: Step) -> Told:
    if not seating.accept(step.work, step.consult, step.party):
        raise StepRefused("You have accepted already.", code="accepted_already")
    return {}


async def _decline(step: Step) -> Told:
    if step.party is Party.MEMBER:
        seating.leave(step.work, step.consult)
    else:
        await seating.clear(step.work, step.consult)
        _unbook(step.consult)
    return {"reason": step.given.reason}


async def _return_for_material(step: Step) -> Told:
    consult, work, office = step.consult, step.work, step.office
    consult.returned_from = consult.state
    last = await work.session.scalar(select(func.max(AskedItem.number)).where(AskedItem.consult_id == consult.id)) or 0
    told = []
    for number, item in enumerate(step.given.items, last + 1):
        work.session.add(
            AskedItem(
                consult_id=consult.id,
                number=number,
                kind=item.kind,
                text=office.sealing.seal_item(consult.id, number, "text", item.text),
                asked_at=work.at,
            )
        )
        told.append({"number": number, "kind": item.kind, "text": item.text})
    return {"items": told} | dict(await _only_reason(step))


async def _resubmit(step: Step) -> Told:
    consult, work, office = step.consult, step.work, step.office
    waiting = list(
        await work.session.scalars(
            select(AskedItem).where(AskedItem.consult_id == consult.id, AskedItem.answered_at.is_(None))
        )
    )
    replies = {reply.item: reply for reply in step.given.replies}
    if set(replies) != {item.number for item in waiting}:
        raise FieldsRefused({"replies": "Please answer every item: given, or why not."})
    if any(not reply.given and not reply.reason for reply in replies.values()):
        raise FieldsRefused({"replies": "Please say why an item cannot be given."})
    for item in waiting:
        reply = replies[item.number]
        item.given, item.answered_at = reply.given, work.at
        if reply.reason:
            item.reason = office.sealing.seal_item(consult.id, item.number, "reason", reply.reason)
    consult.returned_from = None
    return {"replies": [replies[item.number].model_dump() for item in waiting]}


async def _schedule(step: Step) -> Told:
    consult, work = step.consult, step.work
    starts, ends = _slot(step)
    busy = await work.session.scalar(_overlapping(consult, starts, ends))
    if busy is not None:
        raise FieldsRefused({"starts_at": "Somebody who must be there is already booked at this time."})
    for person in _must_be_there(consult):
        if await step.office.diary.is_taken(work.session, person, starts, ends):
            raise FieldsRefused({"starts_at": "Somebody who must be there is already booked at this time."})
    consult.starts_at, consult.ends_at = starts, ends
    return {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()} | dict(await _only_reason(step))


def _slot(step: Step) -> tuple[datetime, datetime]:
    starts = step.given.starts_at
    if starts is None:
        raise FieldsRefused({"starts_at": "Please choose a date and time."})
    ends = step.given.ends_at or starts + _USUAL_SESSION
    if not step.work.at < starts <= step.work.at + _FARTHEST:
        raise FieldsRefused({"starts_at": "Please choose a time in the coming six months."})
    if not starts < ends <= starts + _LONGEST_SESSION:
        raise FieldsRefused({"ends_at": "The end must be after the beginning, within eight hours."})
    return starts, ends


def _must_be_there(consult: Consult) -> list[str]:
    sitting = [seat.user_id for seat in consult.seats if seat.left_at is None and seat.user_id]
    return [*sitting, consult.requester_id]


def _overlapping(consult: Consult, starts: datetime, ends: datetime) -> Any:
    people = [seat.user_id for seat in consult.seats if seat.left_at is None and seat.user_id]
    sits = select(Seat.consult_id).where(Seat.user_id.in_(people), Seat.left_at.is_(None))
    return (
        select(Consult.id)
        .where(
            Consult.id != consult.id,
            Consult.state.in_([State.SCHEDULED, State.IN_SESSION]),
            Consult.starts_at < ends,
            Consult.ends_at > starts,
            or_(Consult.id.in_(sits), Consult.requester_id == consult.requester_id),
        )
        .limit(1)
    )


async def _no_show(step: Step) -> Told:
    _unbook(step.consult)
    return {"missing": step.given.missing} | dict(await _only_reason(step))


async def _fail_over(step: Step) -> Told:
    step.consult.mode = Mode.ASYNCHRONOUS
    return {"reason": step.given.reason}


async def _start(step: Step) -> Told:
    return {"physician_present": True, "guardian_present": step.given.guardian_present}


async def _answer(step: Step) -> Told:
    consult = step.consult
    consult.adoption, consult.answered_version = step.given.adoption, consult.report_version
    return {"adoption": step.given.adoption, "report_version": consult.report_version} | dict(await _only_reason(step))


async def _close(step: Step) -> Told:
    step.consult.closed_at = step.work.at
    step.consult.reopenable_until = step.work.at + REOPENABLE_FOR
    return {}


async def _final_diagnosis(step: Step) -> Told:
    step.consult.final_diagnosis = step.office.sealing.seal_diagnosis(step.consult.id, step.given.diagnosis)
    return {"diagnosis": step.given.diagnosis}


async def _reopen(step: Step) -> Told:
    consult, sealing = step.consult, step.office.sealing
    former = sealing.question(consult.id, consult.question)
    sealing.write(consult, step.given.question, sealing.content(consult))
    consult.closed_at = consult.reopenable_until = None
    return {"question": step.given.question, "former_question": former}


async def _sign(step: Step) -> Told:
    return {"report_version": step.consult.report_version}


async def _deliver(step: Step) -> Told:
    step.consult.delivered_at = step.work.at
    return {"report_version": step.consult.report_version}


async def _amend(step: Step) -> Told:
    return {"report_version": step.consult.report_version, "reason": step.given.reason}


def _unbook(consult: Consult) -> None:
    consult.starts_at = consult.ends_at = None


EFFECTS: Mapping[Move, Effect] = dict.fromkeys(Move, _only_reason) | {
    Move.SUBMIT: _submit,
    Move.APPROVE: _approve,
    Move.REFUSE_APPROVAL: _refuse_approval,
    Move.ASSIGN: _assign,
    Move.REASSIGN: _reassign,
    Move.REDIRECT: _redirect,
    Move.ACCEPT: _accept,
    Move.DECLINE: _decline,
    Move.HAND_OVER: _hand_over,
    Move.RETURN_FOR_MATERIAL: _return_for_material,
    Move.RESUBMIT: _resubmit,
    Move.SCHEDULE: _schedule,
    Move.RESCHEDULE: _schedule,
    Move.NO_SHOW: _no_show,
    Move.START: _start,
    Move.FAIL_OVER: _fail_over,
    Move.SIGN: _sign,
    Move.DELIVER: _deliver,
    Move.AMEND: _amend,
    Move.ANSWER: _answer,
    Move.CLOSE: _close,
    Move.RECORD_FINAL_DIAGNOSIS: _final_diagnosis,
    Move.REOPEN: _reopen,
}
