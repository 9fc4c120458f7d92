"""A follow-up from booking to the next step."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from teleconsult.consults.state import Move
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, Stale, StepRefused
from teleconsult.followups.fields import VisitMoveFields
from tests.builders.calls import last_words
from tests.builders.people import a_patient_actor


async def moved(calls, who, visit, move, **needs):
    now = await calls.followups.visit(who, visit.id)
    given = VisitMoveFields.model_validate({"move": move, "version": now.version, **needs})
    return await calls.followups.move(who, visit.id, given)


async def test_a_doctor_books_and_the_case_tells_of_it(calls):
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult, site.doctor, note_to_patient="带上药盒")
    assert booked.link.startswith("/p/")
    assert [offer.move for offer in booked.visit.moves] == ["start", "rebook", "finish", "miss", "cancel"]
    page = await site.consults.timeline(site.specialist, consult.id)
    line = next(entry for entry in page.items if entry.kind == "followup")
    assert (line.fields["move"], line.fields["reason"], line.actor.name) == ("book", "复查", "doctor")


async def test_the_booker_finds_the_link_and_the_other_side_hears_of_it(calls):
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult, site.doctor)
    await calls.settle()
    mine = await site.notifications.page(site.doctor)
    assert booked.link in [notice.path for notice in mine.items]
    theirs = await site.notifications.page(site.specialist)
    assert "followup.book" in [notice.word for notice in theirs.items]
    assert booked.link not in [notice.path for notice in theirs.items]


async def test_the_note_and_the_next_step_are_written(calls):
    site = calls.site
    consult = await site.accepted()
    visit = (await calls.booked(consult)).visit
    await moved(calls, site.specialist, visit, "start")
    with pytest.raises(FieldsRefused) as refusal:
        await moved(calls, site.specialist, visit, "finish", note="好转")
    assert list(refusal.value.errors) == ["next_step"]
    done = await moved(calls, site.specialist, visit, "finish", note="好转", next_step="三个月后复查", said="放心")
    assert (done.state, done.note, done.moves) == ("done", "好转", ())
    (seen,) = await calls.followups.own_visits(a_patient_actor(site.patient, site.village))
    assert (seen.next_step, seen.said) == ("三个月后复查", "放心")
    assert "好转" not in repr(seen)  # the doctor's own note


async def test_what_was_written_is_sealed(calls):
    consult = await calls.site.accepted()
    await calls.booked(consult, reason="复查结节")
    async with calls.site.database.read() as session:
        kept = (await session.execute(text("select texts from visits"))).scalar_one()
    assert "复查结节".encode() not in kept


async def test_a_visit_that_is_over_ends_its_call(calls):
    site = calls.site
    consult = await site.accepted()
    visit = (await calls.booked(consult)).visit
    patient = a_patient_actor(site.patient, site.village)
    socket, _ = await calls.in_call(patient, consult)
    await moved(calls, site.specialist, visit, "finish", note="好转", next_step="复查")
    await calls.settle()
    words, _ = await last_words(socket)
    assert words[-1]["code"] == "ended"
    with pytest.raises(StepRefused):
        await calls.scheduling.join(patient, consult.id, visit.id)


async def test_who_looked_at_an_older_version_is_told(calls):
    site = calls.site
    visit = (await calls.booked(await site.accepted())).visit
    await moved(calls, site.specialist, visit, "start")
    with pytest.raises(Stale):
        await calls.followups.move(
            site.doctor, visit.id, VisitMoveFields.model_validate({"move": "miss", "version": 1, "reason": "x"})
        )


async def test_a_missed_visit_gets_a_new_time_and_the_old_one_is_free(calls):
    site = calls.site
    consult = await site.accepted()
    visit = (await calls.booked(consult)).visit
    await moved(calls, site.doctor, visit, "miss", reason="patient")
    again = await calls.booked(consult, reason="别人")
    with pytest.raises(FieldsRefused):
        await moved(calls, site.doctor, visit, "rebook", starts_at=again.visit.starts_at)
    later = again.visit.starts_at + timedelta(hours=2)
    assert (await moved(calls, site.doctor, visit, "rebook", starts_at=later)).state == "booked"


async def test_strangers_and_readers_book_nothing(calls):
    site = calls.site
    consult = await site.accepted()
    for who in (site.colleague, site.second, site.city_specialist):
        with pytest.raises(NotFound):
            await calls.booked(consult, who)
    with pytest.raises(NotAllowed):
        await calls.booked(consult, site.coordinator)
    with pytest.raises(NotFound):
        await calls.booked(consult, a_patient_actor(site.patient, site.village))
    with pytest.raises(FieldsRefused):
        await calls.booked(consult, site.doctor, doctor_id=site.third.id)


async def test_a_draft_has_no_follow_up_and_a_withdrawn_consult_closes_its_own(calls):
    site = calls.site
    with pytest.raises(StepRefused):
        await calls.booked(await site.draft(), site.doctor)
    consult = await site.accepted()
    visit = (await calls.booked(consult)).visit
    await site.make(site.doctor, consult, Move.WITHDRAW, reason="转院")
    with pytest.raises(StepRefused):
        await calls.scheduling.join(a_patient_actor(site.patient, site.village), consult.id, visit.id)


async def test_after_the_consult_is_closed_follow_ups_go_on(calls):
    site = calls.site
    consult = await site.delivered()
    consult = await site.make(site.doctor, consult, Move.ANSWER, adoption="adopted")
    consult = await site.make(site.doctor, consult, Move.CLOSE)
    booked = await calls.booked(consult, site.doctor)
    joined = await calls.scheduling.join(site.doctor, consult.id, booked.visit.id)
    assert joined.purpose == "visit"


async def test_a_follow_up_of_another_case_is_not_found(calls):
    site = calls.site
    visit = (await calls.booked(await site.accepted())).visit
    for who in (site.colleague, site.city_specialist):
        status, _ = await calls.ask("GET", f"/api/v1/followups/{visit.id}", who)
        assert status == 404
        status, _ = await calls.ask("POST", f"/api/v1/followups/{visit.id}/link", who)
        assert status == 404
