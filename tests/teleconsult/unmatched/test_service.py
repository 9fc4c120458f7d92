"""What waits: shown to people with what it may belong to, matched by hand, taken back."""

import pytest

from teleconsult.consults.state import Move
from teleconsult.errors import NotAllowed, NotFound, StepRefused
from teleconsult.unmatched.ports import Identity
from tests.builders.arrivals import materials_of, study


async def test_a_number_with_another_name_waits_and_says_what_differs(site, unmatched, arrived, said, patient):
    await site.draft(patient_id=patient)
    what = study(site, said, identity=Identity(("高守天",), "QS1", "1959-03-12", "male"))
    assert await arrived(what)
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert list(one.proposals[0].differs) == ["name"]


async def test_a_known_patient_without_a_case_is_named(site, unmatched, arrived, said, patient):
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert [it.id for it in one.known] == [patient]


async def test_matched_by_hand_it_is_on_the_case_and_taken_back_it_waits_again(site, unmatched, arrived, said):
    view = await site.assigned()
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    assert await materials_of(site, view.id) == {"1.2.3"}
    assert (await site.consults.open_to(site.specialist)).studies
    assert (await unmatched.waiting(site.doctor)).items == []
    await unmatched.undo(site.doctor, one.id)
    assert await materials_of(site, view.id) == set()
    assert not (await site.consults.open_to(site.specialist)).studies
    assert await unmatched.count(site.doctor) == 1
    kinds = [entry.kind for entry in (await site.consults.timeline(site.doctor, view.id)).items]
    assert kinds[-1] == "material_removed"


async def test_over_a_signed_opinion_nothing_is_taken_back(site, unmatched, arrived, said):
    view = await site.accepted()
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    async with site.database.write(site.specialist) as work:
        await site.consults.may_write(work, view.id)
    async with site.database.write(site.specialist) as work:
        await site.consults.record_report(work, view.id, None, 1)
    with pytest.raises(StepRefused):
        await unmatched.undo(site.doctor, one.id)
    assert await materials_of(site, view.id) == {"1.2.3"}


async def test_another_institution_neither_sees_nor_matches_it(site, unmatched, arrived, said):
    view = await site.assigned()
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    for stranger in (site.specialist, site.city_specialist):
        with pytest.raises(NotAllowed):
            await unmatched.waiting(stranger)
        with pytest.raises((NotAllowed, NotFound)):
            await unmatched.match(stranger, one.id, view.id)
    with pytest.raises(NotFound):
        await unmatched.match(site.colleague, one.id, view.id)  # not their case


async def test_an_administrator_sees_the_list_but_no_patients(site, unmatched, arrived, said, patient):
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.administrator)).items
    assert one.known == []
    with pytest.raises(NotAllowed):
        await unmatched.put_aside(site.administrator, one.id)


async def test_put_aside_it_is_gone_from_the_list_and_comes_back(site, unmatched, arrived, said):
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.put_aside(site.doctor, one.id)
    assert await unmatched.count(site.doctor) == 0
    assert not await arrived(study(site, said))
    await unmatched.undo(site.doctor, one.id)
    assert await unmatched.count(site.doctor) == 1


async def test_a_case_at_its_end_takes_nothing(site, unmatched, arrived, said):
    view = await site.draft()
    await site.make(site.doctor, view, Move.WITHDRAW)
    await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    with pytest.raises(StepRefused):
        await unmatched.match(site.doctor, one.id, view.id)
