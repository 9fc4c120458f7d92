"""What machines sent: on a case by itself where that is certain, else it waits; together as alone."""

from teleconsult.unmatched.ports import Identity
from tests.builders.arrivals import HIS, materials_of, report, study


async def test_a_strangers_film_waits(site, unmatched, arrived, said):
    assert await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert (one.identity, one.proposals, one.known) == (HIS, [], [])
    assert await unmatched.count(site.doctor) == 1


async def test_it_is_noted_once_however_often_it_is_told(site, unmatched, arrived, said):
    what = study(site, said)
    for _ in range(3):
        await arrived(what)
    assert await unmatched.count(site.doctor) == 1


async def test_number_and_name_of_a_patient_with_one_open_case_match(site, unmatched, arrived, said, patient):
    view = await site.draft(patient_id=patient)
    assert not await arrived(study(site, said))
    assert await materials_of(site, view.id) == {"1.2.3"}
    (done,) = (await unmatched.waiting(site.doctor)).settled
    assert (done.consult_id, done.how) == (view.id, "record_number")


async def test_two_open_cases_of_a_patient_are_for_a_person_to_decide(site, unmatched, arrived, said, patient):
    first, second = await site.draft(patient_id=patient), await site.draft(patient_id=patient)
    assert await arrived(study(site, said))
    (one,) = (await unmatched.waiting(site.doctor)).items
    assert {it.case.id for it in one.proposals} == {first.id, second.id}
    assert one.proposals[0].differs == []


async def test_a_correction_follows_the_report_it_corrects_to_its_case(site, unmatched, arrived, said):
    view = await site.draft()
    await arrived(report(site, said, "r1", Identity(("某人",), "X")))
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.match(site.doctor, one.id, view.id)
    assert not await arrived(report(site, said, "r2", Identity(("某人",), "X", corrects="r1")))
    assert await materials_of(site, view.id) == {"r1", "r2"}


async def test_a_correction_of_what_waits_takes_its_place(site, unmatched, arrived, said):
    await arrived(report(site, said, "r1", Identity(("某人",), "X")))
    assert await arrived(report(site, said, "r2", Identity(("某人",), "X", corrects="r1")))
    assert [one.reference for one in (await unmatched.waiting(site.doctor)).items] == ["r2"]


async def test_what_somebody_attached_by_another_way_no_longer_waits(site, unmatched, arrived, said):
    view = await site.draft()
    await arrived(study(site, said))
    await site.consults.attach(site.doctor, view.id, study_uid="1.2.3")
    assert (await unmatched.waiting(site.doctor)).items == []


async def test_what_came_together_is_taken_in_as_if_alone(site, unmatched, intake, said, patient):
    view = await site.draft(patient_id=patient)
    strangers = [study(site, said, f"2.{n}", Identity(("某人",), f"X{n}")) for n in range(40)]
    his, aside = study(site, said), study(site, said, "3.1", Identity(("某人",), "Y"))
    await intake.take_in([aside])
    (one,) = (await unmatched.waiting(site.doctor)).items
    await unmatched.put_aside(site.doctor, one.id)
    commits = site.database.commits
    assert await intake.take_in([*strangers, his, aside, strangers[0]]) == set(strangers)
    assert site.database.commits - commits < 6
    assert await materials_of(site, view.id) == {"1.2.3"}
    assert await unmatched.count(site.doctor) == 40
