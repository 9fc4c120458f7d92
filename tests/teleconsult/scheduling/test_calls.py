"""Who may enter a call, under which name, and what is remembered of it."""

import asyncio
from datetime import timedelta

import pytest

from teleconsult.consults.state import Move
from teleconsult.errors import NotAllowed, NotFound, StepRefused
from tests.builders.people import a_patient_actor


async def test_only_the_parties_of_the_moment_get_a_ticket(calls):
    site = calls.site
    consult = await site.accepted()
    assert (await calls.scheduling.join(site.doctor, consult.id)).room == f"c.{consult.id}.1"
    assert (await calls.scheduling.join(site.specialist, consult.id)).rtc == "/rtc"
    for stranger in (site.colleague, site.second, site.city_specialist, a_patient_actor(site.patient, site.village)):
        with pytest.raises(NotFound):
            await calls.scheduling.join(stranger, consult.id)
    for reader in (site.coordinator, site.village_coordinator, site.administrator, site.approver):
        with pytest.raises((NotAllowed, NotFound)):
            await calls.scheduling.join(reader, consult.id)


async def test_drafts_and_ended_consults_have_no_calls(calls):
    site = calls.site
    draft = await site.draft()
    with pytest.raises(StepRefused):
        await calls.scheduling.join(site.doctor, draft.id)
    consult = await site.accepted()
    await site.make(site.doctor, consult, Move.WITHDRAW, reason="患者转院")
    with pytest.raises(StepRefused):
        await calls.scheduling.join(site.doctor, consult.id)


async def test_fifty_who_come_at_once_open_one_call(calls):
    site = calls.site
    consult = await site.accepted()
    people = [site.doctor, site.specialist] * 25
    joined = await asyncio.gather(*(calls.scheduling.join(who, consult.id) for who in people))
    assert len({one.room for one in joined}) == 1
    assert len({one.participant for one in joined}) == 2
    assert len({one.ticket for one in joined}) == 50


async def test_an_unknown_consult_is_not_found(calls):
    status, _ = await calls.ask("POST", "/api/v1/consults/none/calls", calls.site.doctor)
    assert status == 404
    status, _ = await calls.ask("POST", "/api/v1/consults/%00/calls", calls.site.doctor)
    assert status in (400, 404)


async def test_a_room_that_was_never_opened_cannot_be_entered(calls):
    consult = await calls.site.accepted()
    with pytest.raises(NotFound):
        await calls.scheduling.enter(calls.site.doctor, f"c.{consult.id}.1")


async def test_patients_enter_their_own_visit_and_nothing_else(calls):
    site = calls.site
    consult = await site.accepted()
    patient = a_patient_actor(site.patient, site.village)
    booked = await calls.booked(consult)
    joined = await calls.scheduling.join(patient, consult.id)
    assert (joined.purpose, joined.visit) == ("visit", booked.visit.id)
    with pytest.raises(NotFound):
        await calls.scheduling.join(a_patient_actor("somebody else", site.village), consult.id)
    own = await calls.scheduling.join(site.doctor, consult.id)
    assert own.room != joined.room  # doctors among themselves
    with pytest.raises(NotFound):
        await calls.scheduling.enter(patient, own.room)


async def test_when_the_visit_begins_the_staff_join_it_without_naming_it(calls):
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult)
    assert (await calls.scheduling.join(site.doctor, consult.id)).visit is None
    site.clock.turn(minutes=50)
    assert (await calls.scheduling.join(site.doctor, consult.id)).visit == booked.visit.id


async def test_a_patient_waits_at_the_door_and_is_let_in_by_name(calls):
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult)
    patient = a_patient_actor(site.patient, site.village)
    outside, waiting = await calls.in_call(patient, consult)
    assert waiting["type"] == "waiting"
    await calls.heard()
    assert [call.is_awaited for call in await calls.scheduling.calls_of(site.specialist, consult.id)] == [True]
    inside, welcome = await calls.in_call(site.specialist, consult, booked.visit.id)
    assert [(one["name"], one["role"]) for one in welcome["asking"]] == [("周启明", "patient")]
    assert {"host", "admit"} <= set(welcome["grants"])
    await inside.send_json({"type": "admit", "participant": welcome["asking"][0]["participant"]})
    assert (await outside.receive_json(timeout=10))["type"] == "welcome"
    await calls.heard(3)
    assert [call.is_awaited for call in await calls.scheduling.calls_of(site.specialist, consult.id)] == [False]
    await outside.close()
    await inside.close()


async def let_in(calls):
    """A follow-up whose patient was let in: consult, patient, their socket, the specialist's, who they are there."""
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult)
    patient = a_patient_actor(site.patient, site.village)
    outside, waiting = await calls.in_call(patient, consult)
    inside, _ = await calls.in_call(site.specialist, consult, booked.visit.id)
    who = {"participant": waiting["participant"]}
    await inside.send_json({"type": "admit", **who})
    assert (await outside.receive_json(timeout=10))["type"] == "welcome"
    return consult, patient, outside, inside, who


async def test_a_patient_in_the_call_is_never_told_which_films_the_doctors_look_at(calls):
    _, _, outside, inside, _ = await let_in(calls)
    film = {"study": "1.2.840.1", "series": "1.2.840.1.2", "instance": "1.2.840.1.2.3"}
    await inside.send_json({"type": "share", "topic": "view", "body": film})
    await inside.send_json({"type": "share", "topic": "chat", "body": {}})
    while (word := await outside.receive_json(timeout=10))["type"] != "shared":
        pass
    assert word["topic"] == "chat", "what came before it was not told"
    await outside.close()
    await inside.close()


async def test_who_was_let_in_never_waits_again_in_this_call_not_even_after_a_kill(calls):
    consult, patient, outside, inside, _ = await let_in(calls)
    await calls.heard(4)
    await calls.stop_exchange()  # another one knows nothing of who was let in
    await calls.start_exchange()
    again, welcome = await calls.in_call(patient, consult)
    assert (welcome["type"], "wait" in welcome["grants"]) == ("welcome", False)
    for socket in (again, outside, inside):
        await socket.close()


async def test_who_was_sent_out_waits_again(calls):
    consult, patient, outside, inside, who = await let_in(calls)
    await inside.send_json({"type": "remove", **who})
    await calls.heard(5)
    again, word = await calls.in_call(patient, consult)
    assert word["type"] == "waiting"
    for socket in (again, outside, inside):
        await socket.close()


async def test_the_doctors_are_told_once_that_a_patient_waits(calls):
    site = calls.site
    consult = await site.accepted()
    booked = await calls.booked(consult)
    patient = a_patient_actor(site.patient, site.village)
    for _ in range(2):  # a line that breaks and comes back knocks again
        outside, _ = await calls.in_call(patient, consult)
        await outside.close()
        await calls.heard(2)
    for doctor in (site.doctor, site.specialist):
        told = [one for one in (await site.notifications.page(doctor)).items if one.word == "followup.knock"]
        assert [one.path for one in told] == [f"/consults/{consult.id}/call?visit={booked.visit.id}"]


async def test_one_doctor_is_at_one_place_at_a_time(calls):
    site = calls.site
    consult = await site.accepted(mode="live")
    starts = calls.now + timedelta(hours=1)
    await calls.booked(consult, starts_at=starts)
    status, told = await calls.ask(
        "POST",
        f"/api/v1/consults/{consult.id}/followups",
        site.specialist,
        json={"starts_at": (starts + timedelta(minutes=10)).isoformat(), "reason": "again"},
    )
    assert (status, list(told["errors"])) == (422, ["starts_at"])
    with pytest.raises(Exception, match="attention"):
        await site.make(site.specialist, consult, Move.SCHEDULE, starts_at=starts)
    booked = await site.make(site.specialist, consult, Move.SCHEDULE, starts_at=starts + timedelta(hours=1))
    status, _ = await calls.ask(
        "POST",
        f"/api/v1/consults/{consult.id}/followups",
        site.doctor,
        json={"starts_at": booked.starts_at.isoformat(), "reason": "again"},
    )
    assert status == 422


async def test_twenty_bookings_of_one_time_have_one_effect(calls):
    consult = await calls.site.accepted()
    tries = await asyncio.gather(*(calls.booked(consult) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in tries) == 1
