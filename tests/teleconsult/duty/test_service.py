"""Keeping the roster; who gets an emergency; whom the first page names."""

import pytest

from teleconsult.consults.state import Priority, State
from teleconsult.duty.service import Duty, TurnFields
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound
from tests.builders.consults import CHINA, a_site

ALWAYS = "1234567"


@pytest.fixture
async def site(tmp_path):
    async with a_site(tmp_path) as made:
        yield made


@pytest.fixture
def duty(site):
    return Duty(site.database, site.agreements, CHINA)


async def test_who_is_in_the_roster_is_on_duty_at_those_hours(site, duty):
    await duty.add(site.coordinator, site.county, TurnFields(site.specialist.id, ALWAYS, "08:00", "17:00"))
    (now,) = await duty.now(site.coordinator, site.clock.now())
    assert (now.user, now.until.hour) == (site.specialist.id, 17)
    site.clock.turn(hours=8)
    assert await duty.now(site.coordinator, site.clock.now()) == []


async def test_a_requester_sees_who_is_on_duty_where_an_agreement_leads(site, duty):
    await duty.add(site.coordinator, site.county, TurnFields(site.specialist.id, ALWAYS, "00:00", "00:00"))
    assert [one.user for one in await duty.now(site.doctor, site.clock.now())] == [site.specialist.id]
    assert await duty.now(site.city_specialist, site.clock.now()) == []


async def test_only_specialists_are_on_duty_and_only_coordinators_say_so(site, duty):
    with pytest.raises(FieldsRefused):
        await duty.add(site.coordinator, site.county, TurnFields(site.doctor.id, ALWAYS, "08:00", "17:00"))
    with pytest.raises(NotAllowed):
        await duty.add(site.specialist, site.county, TurnFields(site.specialist.id, ALWAYS, "08:00", "17:00"))
    with pytest.raises(NotFound):
        await duty.add(site.city_coordinator, site.county, TurnFields(site.specialist.id, ALWAYS, "08:00", "17:00"))
    with pytest.raises(FieldsRefused) as refused:
        await duty.add(site.coordinator, site.county, TurnFields(site.specialist.id, "", "8", "25:00"))
    assert set(refused.value.errors) == {"days", "begins", "ends"}


async def test_a_line_taken_out_no_longer_counts(site, duty):
    turn = await duty.add(site.coordinator, site.county, TurnFields(site.specialist.id, ALWAYS, "00:00", "00:00"))
    with pytest.raises(NotFound):
        await duty.remove(site.city_coordinator, turn)
    await duty.remove(site.coordinator, turn)
    assert await duty.turns(site.coordinator) == []


async def test_an_emergency_goes_at_once_to_who_is_on_duty_in_the_department(site, duty):
    await duty.add(site.coordinator, site.county, TurnFields(site.third.id, ALWAYS, "00:00", "00:00"))
    await duty.add(site.coordinator, site.county, TurnFields(site.specialist.id, ALWAYS, "08:00", "17:00"))
    async with site.database.read() as session:
        where = (site.county, site.department)
        assert await duty.on_duty(session, *where, "clinical", site.clock.now()) is not None
        site.clock.turn(hours=8)
        # The third has no department: on duty for the whole house.
        assert await duty.on_duty(session, *where, "clinical", site.clock.now()) == site.third.id
    site.duty.who = site.third.id
    view = await site.submitted(priority=Priority.EMERGENCY)
    assert view.state is State.ASSIGNED
