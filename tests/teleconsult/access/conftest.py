from pathlib import Path

import pytest

from teleconsult.access.service import Access
from teleconsult.actor import SYSTEM
from teleconsult.people.service import People
from teleconsult.people.state import Role
from tests.builders.clock import FixedClock
from tests.builders.database import a_database, a_vault
from tests.builders.people import a_user, an_institution, cheap_passwords

PASSWORD = "seven green bicycles"


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def database(tmp_path: Path, clock):
    async with a_database(tmp_path, clock) as made:
        yield made


@pytest.fixture
def people(database):
    return People(database, a_vault())


@pytest.fixture
def access(database, people):
    return Access(database, people, cheap_passwords())


@pytest.fixture
async def doctor(people, access):
    """A requester whose login is `wang`."""
    made = await a_user(people, await an_institution(people), Role.REQUESTER, login="wang")
    await access.set_password(SYSTEM, made.id, PASSWORD)
    return made
