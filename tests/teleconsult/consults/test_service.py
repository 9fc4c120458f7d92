"""A consult's whole life through the service, on a real database."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.consults.fields import DraftFields, MoveFields
from teleconsult.consults.models import Entry, Seat
from teleconsult.consults.state import Adoption, Move, Room, State
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Stale, StepRefused
from teleconsult.events import OutboxRow
from tests.builders.consults import QUESTION, a_site


def words(view) -> set[Move]:
    return {offer.move for offer in view.moves}


async def test_a_consult_goes_from_draft_to_closed(site):
    consult = await site.draft()
    assert (consult.state, consult.version) == (State.DRAFT, 1)
    assert re.fullmatch(r"HZ20261120-\d{4}", consult.number)
    consult = await site.make(site.doctor, consult, Move.SUBMIT, reason="影像在上传")
    assert consult.state is State.TRIAGE
    assert consult.clock.word == "accept"
    consult = await site.make(site.coordinator, consult, Move.ASSIGN, specialist_id=site.specialist.id)
    assert [(seat.lead, seat.user.name) for seat in consult.seats] == [(True, "specialist")]
    consult = await site.make(site.specialist, consult, Move.ACCEPT)
    assert (consult.state, consult.clock.word) == (State.ACCEPTED, "answer")
    async with site.database.write(site.specialist) as work:
        await site.consults.may_write(work, consult.id)
    consult = await site.consults.view(site.specialist, consult.id)
    assert consult.state is State.REPORTING
    async with site.database.write(site.specialist) as work:
        await site.consults.record_report(work, consult.id, consult.version, 1)
    consult = await site.consults.view(site.doctor, consult.id)
    assert consult.state is State.DELIVERED
    assert consult.delivered_at == site.clock.now()
    consult = await site.make(site.doctor, consult, Move.ANSWER, adoption=Adoption.ADOPTED)
    assert (consult.state, consult.adoption) == (State.ANSWERED, Adoption.ADOPTED)
    consult = await site.make(site.doctor, consult, Move.RECORD_FINAL_DIAGNOSIS, diagnosis="周围型肺癌")
    assert consult.final_diagnosis == "周围型肺癌"
    consult = await site.make(site.doctor, consult, Move.CLOSE)
    assert consult.state is State.CLOSED
    entries = (await site.consults.timeline(site.doctor, consult.id)).items
    assert [entry.move for entry in entries] == [
        "submit", "assign", "accept", "begin_report", "sign", "deliver", "answer", "record_final_diagnosis", "close",
    ]  # fmt: skip


async def test_every_move_writes_one_entry_one_audit_row_and_one_event(site):
    consult = await site.delivered()
    async with site.database.read() as session:
        moved = await session.scalar(select(func.count()).where(OutboxRow.kind == "ConsultMoved"))
        entries = await session.scalar(select(func.count()).where(Entry.kind == "move"))
        audited = await session.scalar(
            select(func.count()).where(
                AuditRow.subject == f"consults/{consult.id}",
                AuditRow.action.in_([f"consult.{move}" for move in Move]),
            )
        )
    assert moved == entries == audited == 6


async def test_a_move_that_fails_in_the_middle_leaves_nothing(site):
    consult = await site.submitted()
    with pytest.raises(FieldsRefused):
        await site.make(site.coordinator, consult, Move.ASSIGN, specialist_id=site.city_specialist.id)
    after = await site.consults.view(site.coordinator, consult.id)
    assert (after.state, after.version, after.seats) == (State.TRIAGE, consult.version, ())
    assert len((await site.consults.timeline(site.coordinator, consult.id)).items) == 1


async def test_fifty_parallel_accepts_have_exactly_one_effect(site):
    consult = await site.submitted()
    consult = await site.make(site.coordinator, consult, Move.ASSIGN, department_id=site.department)

    async def accept(actor):
        try:
            await site.consults.move(actor, consult.id, MoveFields(move=Move.ACCEPT, version=consult.version))
        except (Stale, StepRefused, NotFound):
            return 0
        return 1

    actors = [site.specialist, site.second] * 25
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(accept(actor)) for actor in actors]
    assert sum(task.result() for task in tasks) == 1
    async with site.database.read() as session:
        assert await session.scalar(select(func.count()).where(Entry.move == Move.ACCEPT)) == 1
        held = list(await session.scalars(select(Seat).where(Seat.left_at.is_(None))))
    assert [seat.lead for seat in held] == [True]
    assert held[0].user_id in {site.specialist.id, site.second.id}


async def test_an_old_version_is_told_the_new_one_and_what_is_allowed(site):
    consult = await site.assigned()
    with pytest.raises(Stale) as stale:
        await site.consults.move(site.specialist, consult.id, MoveFields(move=Move.ACCEPT, version=1))
    assert stale.value.current == consult.version
    assert Move.ACCEPT in {offer.move for offer in stale.value.moves}


async def test_a_refused_step_names_the_allowed_ones(site):
    consult = await site.submitted()
    with pytest.raises(StepRefused) as refused:
        await site.make(site.doctor, consult, Move.ANSWER, adoption="adopted")
    assert [offer.move for offer in refused.value.moves] == [Move.WITHDRAW]


async def test_what_a_move_lacks_is_named_by_field(site):
    consult = await site.submitted()
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.coordinator, consult, Move.ASSIGN)
    assert set(refused.value.errors) == {"specialist_id", "department_id"}


async def test_without_consent_nothing_is_sent(site):
    consult = await site.draft(consent_how=None)
    assert "consent" in {need.name for offer in consult.moves if offer.move is Move.SUBMIT for need in offer.needs}
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.doctor, consult, Move.SUBMIT, reason="x")
    assert set(refused.value.errors) == {"consent"}
    consult = await site.make(
        site.doctor, consult, Move.SUBMIT, reason="x", consent={"how": "screen", "by": "relative", "name": "周小梅"}
    )
    assert consult.state is State.TRIAGE
    assert (consult.consent.how, consult.consent.name) == ("screen", "周小梅")
    assert consult.consent.given_at == site.clock.now()


async def test_an_incomplete_request_asks_why_and_a_complete_one_does_not(site):
    consult = await site.draft()
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.doctor, consult, Move.SUBMIT)
    assert set(refused.value.errors) == {"reason"}
    site.shelf.add(site.village, "1.2.3")
    await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    consult = await site.make(site.doctor, consult, Move.SUBMIT)
    assert consult.state is State.TRIAGE
    assert all(item.present for item in consult.completeness)


async def test_a_request_without_patient_question_or_target_names_all_three(site):
    async with site.database.write(SYSTEM):
        pass
    consult = await site.consults.draft(site.doctor, DraftFields(target_institution_id=None, consent_how="paper"))
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.doctor, consult, Move.SUBMIT, reason="x")
    assert set(refused.value.errors) == {"patient_id", "question", "target_institution_id"}


async def test_the_only_partner_is_proposed_as_target(site):
    consult = await site.consults.draft(site.doctor, DraftFields(question="?"))
    assert consult.target_institution.id == site.county


async def test_an_institution_without_agreement_cannot_be_asked(site):
    consult = await site.draft(target_institution_id=site.city)
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.doctor, consult, Move.SUBMIT, reason="x")
    assert set(refused.value.errors) == {"target_institution_id"}


async def test_a_named_specialist_is_asked_directly(site):
    consult = await site.submitted(target_specialist_id=site.specialist.id)
    assert consult.state is State.ASSIGNED
    assert Move.ACCEPT in words(await site.consults.view(site.specialist, consult.id))


async def test_an_emergency_goes_to_who_is_on_duty(site):
    site.duty.who = site.second.id
    consult = await site.submitted(priority="emergency")
    assert consult.state is State.ASSIGNED
    assert consult.seats[0].user.id == site.second.id
    assert consult.clock.due_at == site.clock.now() + timedelta(minutes=3)


async def test_an_emergency_with_nobody_on_duty_waits_for_the_coordinator(site):
    assert (await site.submitted(priority="emergency")).state is State.TRIAGE


async def test_an_institution_may_ask_for_its_own_approval(tmp_path: Path):
    async with a_site(tmp_path, needs_approval=True) as site:
        consult = await site.submitted()
        assert consult.state is State.APPROVAL
        with pytest.raises(NotFound):
            await site.consults.view(site.coordinator, consult.id)
        consult = await site.make(site.approver, consult, Move.REFUSE_APPROVAL, reason="请补充病史")
        assert consult.state is State.DRAFT
        consult = await site.make(site.doctor, consult, Move.SUBMIT, reason="x")
        consult = await site.make(site.approver, consult, Move.APPROVE)
        assert consult.state is State.TRIAGE
        assert (await site.consults.view(site.coordinator, consult.id)).state is State.TRIAGE


async def test_where_audit_is_asked_the_author_does_not_sign(tmp_path: Path):
    async with a_site(tmp_path, needs_audit=True) as site:
        consult = await site.accepted()
        async with site.database.write(site.specialist) as work:
            await site.consults.may_write(work, consult.id)
            with pytest.raises(StepRefused):
                await site.consults.record_report(work, consult.id, None, 1)
            await site.consults.send_to_audit(work, consult.id, None)
        assert (await site.consults.view(site.auditor, consult.id)).state is State.AUDIT
        async with site.database.write(site.auditor) as work:
            await site.consults.refuse_audit(work, consult.id, None, "所见不全")
        async with site.database.write(site.specialist) as work:
            await site.consults.send_to_audit(work, consult.id, None)
        async with site.database.write(site.auditor) as work:
            await site.consults.record_report(work, consult.id, None, 1)
        consult = await site.consults.view(site.doctor, consult.id)
        assert consult.state is State.DELIVERED
        assert (consult.author_id, consult.signer_id) == (site.specialist.id, site.auditor.id)


async def test_material_is_asked_for_given_and_the_clock_stands_meanwhile(site):
    consult = await site.accepted(priority="urgent")
    due = consult.clock.due_at
    consult = await site.make(
        site.specialist,
        consult,
        Move.RETURN_FOR_MATERIAL,
        items=[{"kind": "study", "text": "增强 CT 动脉期"}, {"kind": "lab_report", "text": "凝血"}],
    )
    assert consult.state is State.RETURNED
    assert consult.clock.paused
    assert [item.text for item in consult.asked] == ["增强 CT 动脉期", "凝血"]
    site.clock.turn(hours=5)
    with pytest.raises(FieldsRefused):
        await site.make(site.doctor, consult, Move.RESUBMIT, replies=[{"item": 1, "given": True}])
    with pytest.raises(FieldsRefused):
        await site.make(
            site.doctor, consult, Move.RESUBMIT, replies=[{"item": 1, "given": True}, {"item": 2, "given": False}]
        )
    consult = await site.make(
        site.doctor,
        consult,
        Move.RESUBMIT,
        replies=[{"item": 1, "given": True}, {"item": 2, "given": False, "reason": "本院不能做"}],
    )
    assert consult.state is State.ACCEPTED
    assert consult.clock.due_at == due + timedelta(hours=5)
    assert [(item.given, item.reason) for item in consult.asked] == [(True, ""), (False, "本院不能做")]


async def test_declining_gives_the_case_back_and_closes_it_for_the_decliner(site):
    consult = await site.make(site.specialist, await site.accepted(), Move.DECLINE, reason="手术中")
    assert consult.state is State.TRIAGE
    with pytest.raises(NotFound):
        await site.consults.view(site.specialist, consult.id)


async def test_handing_over_passes_the_lead_and_the_access(site):
    consult = await site.make(
        site.specialist, await site.accepted(), Move.HAND_OVER, specialist_id=site.third.id, reason="下班"
    )
    assert consult.state is State.ASSIGNED
    with pytest.raises(NotFound):
        await site.consults.view(site.specialist, consult.id)
    assert Move.ACCEPT in words(await site.consults.view(site.third, consult.id))


async def test_a_multidisciplinary_consult_needs_members_and_moves_by_its_lead(site):
    consult = await site.submitted(kind="mdt")
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.coordinator, consult, Move.ASSIGN, specialist_id=site.specialist.id)
    assert set(refused.value.errors) == {"member_ids"}
    people = {"specialist_id": site.specialist.id, "member_ids": [site.second.id, site.third.id]}
    consult = await site.make(site.coordinator, consult, Move.ASSIGN, **people)
    consult = await site.make(site.second, consult, Move.ACCEPT)
    assert consult.state is State.ASSIGNED
    assert Move.ACCEPT not in words(consult)
    consult = await site.make(site.third, consult, Move.DECLINE, reason="出差")
    assert consult.state is State.ASSIGNED
    assert len(consult.seats) == 2
    assert (await site.make(site.specialist, consult, Move.ACCEPT)).state is State.ACCEPTED


async def test_a_redirect_opens_the_next_level_and_each_sees_its_own_part(site):
    consult = await site.submitted()
    await site.consults.post_message(site.coordinator, consult.id, "转上级")
    consult = await site.make(site.coordinator, consult, Move.REDIRECT, institution_id=site.city, reason="需上级专家")
    assert consult.state is State.TRIAGE
    assert consult.level == 1
    assert not consult.moves
    await site.consults.post_message(site.city_coordinator, consult.id, "已收到")
    before = await site.consults.messages(site.coordinator, consult.id)
    assert [entry.text for entry in before.items] == ["转上级"]
    assert len((await site.consults.messages(site.city_coordinator, consult.id)).items) == 2
    assert Move.ASSIGN in words(await site.consults.view(site.city_coordinator, consult.id))


async def test_a_booked_session_is_never_booked_twice(site):
    first = await site.accepted(mode="live")
    second = await site.accepted(mode="live")
    at = site.clock.now() + timedelta(hours=2)
    first = await site.make(site.specialist, first, Move.SCHEDULE, starts_at=at)
    assert (first.state, first.starts_at) == (State.SCHEDULED, at)
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.specialist, second, Move.SCHEDULE, starts_at=at + timedelta(minutes=10))
    assert set(refused.value.errors) == {"starts_at"}
    with pytest.raises(FieldsRefused):
        await site.make(site.specialist, second, Move.SCHEDULE, starts_at=at - timedelta(days=1))
    await site.make(site.specialist, second, Move.SCHEDULE, starts_at=at + timedelta(hours=1))


async def test_a_live_consult_that_fails_goes_on_in_writing(site):
    consult = await site.accepted(mode="live")
    consult = await site.make(site.specialist, consult, Move.START, physician_present=True)
    assert consult.state is State.IN_SESSION
    due = consult.clock.due_at
    consult = await site.make(site.doctor, consult, Move.FAIL_OVER, reason="网络中断")
    assert (consult.state, consult.mode, consult.clock.due_at) == (State.REPORTING, "asynchronous", due)


async def test_a_small_child_needs_a_guardian_at_the_session(site):
    from datetime import date

    from tests.builders.people import a_patient

    child = await a_patient(site.people, site.doctor, "彭小满", birth_date=date(2022, 1, 1), allergies="")
    consult = await site.accepted(mode="live", patient_id=child.id)
    with pytest.raises(FieldsRefused) as refused:
        await site.make(site.specialist, consult, Move.START, physician_present=True)
    assert set(refused.value.errors) == {"guardian_present"}


async def test_an_amended_opinion_is_answered_anew(site):
    consult = await site.make(site.doctor, await site.delivered(), Move.ANSWER, adoption="adopted")
    assert Move.ANSWER not in words(consult)
    async with site.database.write(site.specialist) as work:
        await site.consults.record_amendment(work, consult.id, None, 2, "更正侧别")
    consult = await site.consults.view(site.doctor, consult.id)
    assert (consult.state, consult.report_version) == (State.ANSWERED, 2)
    assert Move.ANSWER in words(consult)
    with pytest.raises(FieldsRefused):
        await site.make(site.doctor, consult, Move.ANSWER, adoption="not_adopted")
    consult = await site.make(site.doctor, consult, Move.ANSWER, adoption="not_adopted", reason="与病理不符")
    assert (consult.state, consult.adoption) == (State.ANSWERED, "not_adopted")


async def test_a_closed_consult_reopens_with_a_new_question_for_thirty_days(site):
    consult = await site.make(site.doctor, await site.delivered(), Move.ANSWER, adoption="adopted")
    consult = await site.make(site.doctor, consult, Move.CLOSE)
    site.clock.turn(days=29)
    consult = await site.make(site.doctor, consult, Move.REOPEN, question="术后如何随访？")
    assert (consult.state, consult.question) == (State.ACCEPTED, "术后如何随访？")
    assert consult.clock.due_at > site.clock.now()


async def test_after_thirty_days_a_closed_consult_stays_closed(site):
    consult = await site.make(site.doctor, await site.delivered(), Move.ANSWER, adoption="adopted")
    consult = await site.make(site.doctor, consult, Move.CLOSE)
    site.clock.turn(days=31)
    with pytest.raises(StepRefused):
        await site.make(site.doctor, consult, Move.REOPEN, question="?")


async def test_time_closes_what_is_delivered_and_expires_what_is_left_lying(site):
    delivered, draft = await site.delivered(), await site.draft()
    assert await site.consults.time_passed(delivered.id) is None
    site.clock.turn(days=8)
    assert await site.consults.time_passed(delivered.id) is Move.CLOSE
    assert await site.consults.time_passed(delivered.id) is None
    assert await site.consults.time_passed(draft.id) is None
    site.clock.turn(days=30)
    assert await site.consults.time_passed(draft.id) is Move.EXPIRE


async def test_a_withdrawn_request_is_no_longer_open_to_the_specialist(site):
    consult = await site.make(site.doctor, await site.assigned(), Move.WITHDRAW, reason="患者已转院")
    assert consult.state is State.WITHDRAWN
    assert consult.moves == ()
    with pytest.raises(NotFound):
        await site.consults.view(site.specialist, consult.id)


async def test_signing_at_the_consults_door_is_the_reports_business(site):
    consult = await site.accepted()
    async with site.database.write(site.specialist) as work:
        await site.consults.may_write(work, consult.id)
    consult = await site.consults.view(site.specialist, consult.id)
    assert {offer.move for offer in consult.moves if offer.room is Room.REPORTS} == {Move.SIGN}
    with pytest.raises(StepRefused) as refused:
        await site.make(site.specialist, consult, Move.SIGN, password="x")
    assert refused.value.code == "done_in_report"

    class Reports:
        asked: tuple = ()

        async def make_move(self, actor, consult, move, version, *, password, reason):
            self.asked = (actor.id, consult, move, version, password)

    reports = Reports()
    site.consults.let_reports_move(reports)
    await site.make(site.specialist, consult, Move.SIGN, password="secret")
    assert reports.asked == (site.specialist.id, consult.id, Move.SIGN, consult.version, "secret")


async def test_a_report_on_an_old_version_is_refused_whole(site):
    consult = await site.accepted()

    async def report() -> None:
        async with site.database.write(site.specialist) as work:
            await site.consults.may_write(work, consult.id)
            await site.consults.record_report(work, consult.id, consult.version, 1)

    with pytest.raises(Stale):
        await report()
    assert (await site.consults.view(site.specialist, consult.id)).state is State.ACCEPTED


async def test_nothing_of_the_case_is_readable_in_the_database_file(site, tmp_path: Path):
    consult = await site.delivered()
    await site.consults.post_message(site.doctor, consult.id, "支架是三月放的")
    await site.database.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("clinic.db*"))
    for text in (QUESTION, "痰中带血", "支架是三月放的", "没有影像"):
        assert text.encode() not in raw


async def test_numbers_rise_per_institution_and_day(site):
    first, second = await site.draft(), await site.draft()
    assert [consult.number[-4:] for consult in (first, second)] == ["0001", "0002"]
    site.clock.turn(hours=13)
    assert (await site.draft()).number == "HZ20261121-0001"


async def test_only_requesters_ask(site):
    with pytest.raises(NotAllowed):
        await site.consults.draft(site.specialist, DraftFields())
