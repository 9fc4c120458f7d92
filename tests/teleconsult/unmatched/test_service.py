"""What machines sent: waiting, matching by itself and by hand, taking it back."""

from collections.abc import Collection
from datetime import date

import pytest

from teleconsult.audit.trail import Witness
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.state import Move
from teleconsult.errors import NotAllowed, NotFound, StepRefused
from teleconsult.people.state import Sex
from teleconsult.unmatched.ports import Holding, Identity
from teleconsult.unmatched.service import Unmatched
from tests.builders.consults import a_site
from tests.builders.people import a_patient

HIS = Identity(("高守田",), "QS1", "1959-03-12", "male", "胸部 CT", None, 40, ("CT",))


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
async def patient(site):
    made = await a_patient(
        site.people, site.doctor, "高守田", sex=Sex.MALE, birth_date=date(1959, 3, 12), record_number="QS1"
    )
    return made.id


def study(site, said, uid="1.2.3", identity=HIS):
    site.shelf.add(site.village, uid)
    what = Holding(site.village, MaterialKind.STUDY, uid)
    said.of[what] = identity
    return what


def report(site, said, number, identity):
    site.shelf.add_lab(site.village, number)
    what = Holding(site.village, MaterialKind.LAB_REPORT, number)
    said.of[what] = identity
    return what


async def materials_of(site, consult):
    return {one.reference for one in await site.consults.materials(site.doctor, consult)}


async def test_a_strangers_film_waits(site, unmatched, said):
    assert await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert (one.identity, one.proposals, one.known) == (HIS, [], [])
    assert await unmatched.count(site.doctor) == 1


async def test_it_is_noted_once_however_often_it_is_told(site, unmatched, said):
    what = study(site, said)
    for _ in range(3):
        await unmatched.arrived(what)
    assert await unmatched.count(site.doctor) == 1


async def test_number_and_name_of_a_patient_with_one_open_case_match_by_themselves(site, unmatched, said, patient):
    view = await site.draft(patient_id=patient)
    assert not await unmatched.arrived(study(site, said))
    assert await materials_of(site, view.id) == {"1.2.3"}
    (done,) = (await unmatched.waiting(site.doctor)).settled
    assert (done.consult_id, done.how) == (view.id, "record_number")


async def test_two_open_cases_of_a_patient_are_for_a_person_to_decide(site, unmatched, said, patient):
    first, second = await site.draft(patient_id=patient), await site.draft(patient_id=patient)
    assert await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert {it.case.id for it in one.proposals} == {first.id, second.id}
    assert one.proposals[0].differs == []


async def test_a_number_with_another_name_waits_and_says_what_differs(site, unmatched, said, patient):
    await site.draft(patient_id=patient)
    what = study(site, said, identity=Identity(("高守天",), "QS1", "1959-03-12", "male"))
    assert await unmatched.arrived(what)
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert list(one.proposals[0].differs) == ["name"]


async def test_a_known_patient_without_a_case_is_named(site, unmatched, said, patient):
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert [it.id for it in one.known] == [patient]


async def test_matched_by_hand_it_is_on_the_case_and_taken_back_it_waits_again(site, unmatched, said):
    view = await site.assigned()
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    assert await materials_of(site, view.id) == {"1.2.3"}
    assert await site.consults.studies_open_to(site.specialist)
    assert (await unmatched.waiting(site.doctor)).items == []
    await unmatched.undo(site.doctor, one.id)
    assert await materials_of(site, view.id) == set()
    assert not await site.consults.studies_open_to(site.specialist)
    assert await unmatched.count(site.doctor) == 1
    kinds = [entry.kind for entry in (await site.consults.timeline(site.doctor, view.id)).items]
    assert kinds[-1] == "material_removed"


async def test_over_a_signed_opinion_nothing_is_taken_back(site, unmatched, said):
    view = await site.accepted()
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    async with site.database.write(site.specialist) as work:
        await site.consults.may_write(work, view.id)
    async with site.database.write(site.specialist) as work:
        await site.consults.record_report(work, view.id, None, 1)
    with pytest.raises(StepRefused):
        await unmatched.undo(site.doctor, one.id)
    assert await materials_of(site, view.id) == {"1.2.3"}


async def test_another_institution_neither_sees_nor_matches_it(site, unmatched, said):
    view = await site.assigned()
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    for stranger in (site.specialist, site.city_specialist):
        with pytest.raises(NotAllowed):
            await unmatched.waiting(stranger)
        with pytest.raises((NotAllowed, NotFound)):
            await unmatched.match(stranger, one.id, view.id)
    with pytest.raises(NotFound):
        await unmatched.match(site.colleague, one.id, view.id)  # not their case


async def test_an_administrator_sees_the_list_but_no_patients(site, unmatched, said, patient):
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.administrator)).items
    assert one.known == []
    with pytest.raises(NotAllowed):
        await unmatched.put_aside(site.administrator, one.id)


async def test_a_correction_follows_the_report_it_corrects_to_its_case(site, unmatched, said):
    view = await site.draft()
    await unmatched.arrived(report(site, said, "r1", Identity(("某人",), "X")))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    assert not await unmatched.arrived(report(site, said, "r2", Identity(("某人",), "X", corrects="r1")))
    assert await materials_of(site, view.id) == {"r1", "r2"}


async def test_a_correction_of_what_waits_takes_its_place(site, unmatched, said):
    await unmatched.arrived(report(site, said, "r1", Identity(("某人",), "X")))
    assert await unmatched.arrived(report(site, said, "r2", Identity(("某人",), "X", corrects="r1")))
    assert [one.reference for one in (await unmatched.waiting(site.doctor)).items] == ["r2"]


async def test_what_somebody_attached_by_another_way_no_longer_waits(site, unmatched, said):
    view = await site.draft()
    await unmatched.arrived(study(site, said))
    await site.consults.attach(site.doctor, view.id, study_uid="1.2.3")
    assert (await unmatched.waiting(site.doctor)).items == []


async def test_put_aside_it_is_gone_from_the_list_and_comes_back(site, unmatched, said):
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.put_aside(site.doctor, one.id)
    assert await unmatched.count(site.doctor) == 0
    assert not await unmatched.arrived(study(site, said))
    await unmatched.undo(site.doctor, one.id)
    assert await unmatched.count(site.doctor) == 1


async def test_a_case_at_its_end_takes_nothing(site, unmatched, said):
    view = await site.draft()
    await site.make(site.doctor, view, Move.WITHDRAW)
    await unmatched.arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    with pytest.raises(StepRefused):
        await unmatched.match(site.doctor, one.id, view.id)
