"""Registering machines, and who they are when they call."""

import pytest

from teleconsult.actor import SYSTEM, ActorKind, Permission
from teleconsult.errors import Conflict, FieldsRefused, NotAllowed, NotFound
from teleconsult.people.service import People
from teleconsult.people.state import Role
from teleconsult.stations.service import OpenHouse, StationFields, Stations
from tests.builders.database import a_database, a_vault
from tests.builders.people import a_user, an_institution

CT = StationFields("CT1", "10.2.0.7", 104, "16 排 CT")


@pytest.fixture
async def database(tmp_path):
    async with a_database(tmp_path) as made:
        yield made


@pytest.fixture
async def people(database):
    return People(database, a_vault())


@pytest.fixture
async def village(people):
    return await an_institution(people)


@pytest.fixture
def stations(database):
    return Stations(database)


async def test_a_registered_machine_stores_for_its_institution_and_nothing_else(stations, village):
    await stations.add(SYSTEM, village, CT)
    actor = await stations.identify("CT1", "10.2.0.7")
    assert actor.kind is ActorKind.STATION
    assert actor.institution == village
    assert actor.may(Permission.FILM_STORE)
    assert not actor.may(Permission.PATIENT_READ)
    assert await stations.identify("CT1", "10.2.0.8") is None
    assert await stations.identify("CT2", "10.2.0.7") is None


async def test_a_machine_that_is_taken_off_is_nobody(stations, village):
    made = await stations.add(SYSTEM, village, CT)
    await stations.remove(SYSTEM, made.id)
    assert await stations.identify("CT1", "10.2.0.7") is None
    assert await stations.listed(SYSTEM) == []


async def test_only_administrators_of_the_institution_register_and_take_off(stations, people, village):
    other = await an_institution(people, "远山镇卫生院")
    mine = await a_user(people, village, Role.ADMINISTRATOR)
    theirs = await a_user(people, other, Role.ADMINISTRATOR)
    doctor = await a_user(people, village, Role.REQUESTER)
    made = await stations.add(mine, village, CT)
    with pytest.raises(NotAllowed):
        await stations.add(doctor, village, CT)
    with pytest.raises(NotFound):
        await stations.add(theirs, village, StationFields("CT9", "10.9.0.1"))
    with pytest.raises(NotFound):
        await stations.remove(theirs, made.id)
    assert await stations.listed(theirs) == []
    assert [one.name for one in await stations.listed(mine)] == ["CT1"]


async def test_one_name_at_one_address_is_one_machine(stations, people, village):
    other = await an_institution(people, "远山镇卫生院")
    await stations.add(SYSTEM, village, CT)
    with pytest.raises(Conflict):
        await stations.add(SYSTEM, other, CT)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (StationFields("", "10.2.0.7"), {"aet"}),
        (StationFields("检验", "10.2.0.7"), {"aet"}),
        (StationFields("CT1", "localhost"), {"host"}),
        (StationFields("CT1", "10.2.0.0/16", 104), {"port"}),
        (StationFields("CT1", "10.2.0.7", 70000), {"port"}),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field(stations, village, fields, wrong):
    with pytest.raises(FieldsRefused) as refused:
        await stations.add(SYSTEM, village, fields)
    assert set(refused.value.errors) == wrong


async def test_films_are_sent_only_where_one_machine_is_meant(stations, village):
    await stations.add(SYSTEM, village, CT)
    assert await stations.place_of("CT1") == ("10.2.0.7", 104)
    await stations.add(SYSTEM, village, StationFields("CT1", "10.2.0.9", 104))
    assert await stations.place_of("CT1") is None
    assert await stations.place_of("NOBODY") is None


async def test_the_demo_takes_any_machine_of_its_network_and_sends_to_one_peer(stations, village):
    stations.open_to(OpenHouse(village, ("192.0.2.0/24",), "TELEPEER", 11113))
    for address in ("127.0.0.1", "192.0.2.9"):
        actor = await stations.identify("ANY", address)
        assert actor.institution == village
    assert await stations.identify("ANY", "198.51.100.1") is None
    assert await stations.place_of("TELEPEER") == ("127.0.0.1", 11113)
    assert await stations.place_of("ANY") is None
