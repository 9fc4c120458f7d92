"""The query's condition says the same as the rules say of one record."""

from sqlalchemy import select

from teleconsult.actor import SYSTEM
from teleconsult.consults.models import Consult
from teleconsult.consults.office import departments_of
from teleconsult.consults.rules import parties_of, waits_for
from teleconsult.consults.scope import is_open_to
from teleconsult.consults.state import Move, Party, State
from teleconsult.consults.worklist import waiting_for
from tests.builders.people import a_patient_actor


async def cases(site) -> None:
    """Cases in many states, some redirected, some given to a department, some ended."""
    await site.draft()
    await site.submitted()
    await site.assigned()
    await site.accepted()
    await site.delivered()
    await site.make(site.coordinator, await site.submitted(), Move.ASSIGN, department_id=site.department)
    await site.make(site.coordinator, await site.submitted(), Move.REDIRECT, institution_id=site.city, reason="x")
    await site.make(site.specialist, await site.accepted(), Move.DECLINE, reason="x")
    await site.make(site.doctor, await site.assigned(), Move.WITHDRAW, reason="x")
    people = {"specialist_id": site.second.id, "member_ids": [site.third.id, site.specialist.id]}
    await site.make(site.coordinator, await site.submitted(kind="mdt"), Move.ASSIGN, **people)
    await site.make(site.specialist, await site.accepted(), Move.RETURN_FOR_MATERIAL, items=[{"text": "x"}])


async def test_a_case_is_in_the_list_exactly_when_somebody_is_a_party_to_it(site):
    await cases(site)
    actors = [*site.staff.values(), SYSTEM, a_patient_actor(site.patient, site.village)]
    async with site.database.read() as session:
        everything = list(await session.scalars(select(Consult)))
        assert len(everything) == 11
        for actor in actors:
            departments = await departments_of(session, actor)
            listed = set(await session.scalars(select(Consult.id).where(is_open_to(actor))))
            assert listed == {it.id for it in everything if parties_of(actor, it, departments)}, actor.name


async def test_it_waits_for_somebody_exactly_when_the_rules_say_so_and_is_no_draft(site):
    await cases(site)
    async with site.database.read() as session:
        everything = list(await session.scalars(select(Consult)))
        for actor in site.staff.values():
            departments = await departments_of(session, actor)
            listed = set(await session.scalars(select(Consult.id).where(is_open_to(actor), waiting_for(actor))))
            turn = {
                it.id
                for it in everything
                if it.state is not State.DRAFT
                and (
                    parties_of(actor, it, departments) & waits_for(it.state)
                    or (Party.MEMBER in parties_of(actor, it, departments) and Party.SPECIALIST in waits_for(it.state))
                )
            }
            assert listed == turn, actor.name
