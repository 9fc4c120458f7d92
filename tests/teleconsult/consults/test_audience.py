"""Who is told what."""

from teleconsult.consults.state import Move, State


async def names(site, found) -> set[str]:
    return {name for name, actor in site.staff.items() if actor.id in found}


async def test_a_new_request_is_told_to_the_coordinators_it_goes_to(site):
    consult = await site.submitted()
    found = await site.consults.told_of_move(consult.id, Move.SUBMIT, State.TRIAGE, site.doctor.id)
    assert await names(site, found) == {"coordinator"}


async def test_a_direct_request_is_told_to_the_specialist(site):
    consult = await site.submitted(target_specialist_id=site.specialist.id)
    found = await site.consults.told_of_move(consult.id, Move.SUBMIT, State.ASSIGNED, site.doctor.id)
    assert await names(site, found) == {"specialist"}


async def test_a_department_is_told_as_a_whole(site):
    consult = await site.make(site.coordinator, await site.submitted(), Move.ASSIGN, department_id=site.department)
    found = await site.consults.told_of_move(consult.id, Move.ASSIGN, State.ASSIGNED, site.coordinator.id)
    assert await names(site, found) == {"doctor", "specialist", "second"}


async def test_the_answer_that_arrives_is_told_to_the_requester(site):
    consult = await site.delivered()
    found = await site.consults.told_of_move(consult.id, Move.DELIVER, State.DELIVERED, "system")
    assert await names(site, found) == {"doctor"}


async def test_a_message_is_told_to_the_other_side_only(site):
    consult = await site.accepted()
    assert await names(site, await site.consults.told_of_message(consult.id, site.doctor.id)) == {"specialist"}
    assert await names(site, await site.consults.told_of_message(consult.id, site.specialist.id)) == {"doctor"}
    waiting = await site.submitted()
    assert await names(site, await site.consults.told_of_message(waiting.id, site.doctor.id)) == {"coordinator"}


async def test_a_deadline_climbs_from_whose_turn_it_is_to_quality_control(site):
    consult = await site.assigned()
    assert await names(site, await site.consults.told_of_deadline(consult.id, -1)) == {"specialist"}
    assert await names(site, await site.consults.told_of_deadline(consult.id, 0)) == {"specialist", "coordinator"}
    assert await names(site, await site.consults.told_of_deadline(consult.id, 1)) == {
        "specialist", "coordinator", "auditor",
    }  # fmt: skip
    assert await site.consults.told_of_deadline("unknown", 1) == frozenset()
