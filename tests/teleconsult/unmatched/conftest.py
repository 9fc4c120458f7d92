"""A site whose archive says of its films and reports what a test lets it say."""

from collections.abc import Collection
from datetime import date

import pytest

from teleconsult.audit.trail import Witness
from teleconsult.people.state import Sex
from teleconsult.unmatched.intake import Intake
from teleconsult.unmatched.ports import Holding, Identity
from teleconsult.unmatched.service import Unmatched
from tests.builders.consults import a_site
from tests.builders.people import a_patient


class Said:
    """Satisfies `unmatched.ports.Holdings`."""

    def __init__(self) -> None:
        self.of: dict[Holding, Identity] = {}

    async def identities(self, wanted: Collection[Holding]) -> dict[Holding, Identity]:
        return {one: self.of[one] for one in wanted if one in self.of}


@pytest.fixture
async def site(tmp_path):
    async with a_site(tmp_path) as made:
        yield made


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def unmatched(site, said):
    return Unmatched(site.database, site.people, site.consults, said, Witness(site.database))


@pytest.fixture
def intake(site, said):
    return Intake(site.database, site.people, site.consults, said)


@pytest.fixture
def arrived(intake):
    """Tells of one arrival: whether it waits."""

    async def told(what: Holding) -> bool:
        return what in await intake.take_in([what])

    return told


@pytest.fixture
async def patient(site):
    made = await a_patient(
        site.people, site.doctor, "高守田", sex=Sex.MALE, birth_date=date(1959, 3, 12), record_number="QS1"
    )
    return made.id
