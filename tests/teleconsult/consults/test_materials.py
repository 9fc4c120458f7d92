import pytest

from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.ports import StudyRef
from teleconsult.consults.state import Move
from teleconsult.errors import FieldsRefused, NotFound, StepRefused


async def test_a_study_is_attached_once_however_often(site):
    site.shelf.add(site.village, "1.2.3", "CT")
    consult = await site.draft()
    first = await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    assert await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3") == first
    (item,) = await site.consults.materials(site.doctor, consult.id)
    assert (item.reference, item.study.description) == ("1.2.3", "胸部 CT")


async def test_a_lab_report_counts_for_completeness(site):
    site.shelf.add_lab(site.village, "lab-1")
    consult = await site.draft()
    await site.consults.attach(site.doctor, consult.id, lab_report_id="lab-1")
    view = await site.consults.view(site.doctor, consult.id)
    assert {item.word: item.present for item in view.completeness}["materials"]


async def test_what_another_institution_holds_cannot_be_attached(site):
    site.shelf.add(site.city, "1.2.9")
    site.shelf.add_lab(site.city, "lab-9")
    consult = await site.draft()
    for given in ({"study_uid": "1.2.9"}, {"lab_report_id": "lab-9"}, {"study_uid": "9.9"}, {}):
        with pytest.raises(FieldsRefused):
            await site.consults.attach(site.doctor, consult.id, **given)
    assert await site.consults.materials(site.doctor, consult.id) == ()


async def test_films_are_open_to_the_specialist_of_the_case_and_to_no_other(site):
    ref = site.shelf.add(site.village, "1.2.3")
    site.shelf.add_lab(site.village, "lab-1")
    consult = await site.accepted()
    other = await site.make(site.coordinator, await site.submitted(), Move.ASSIGN, specialist_id=site.third.id)
    await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    await site.consults.attach(site.doctor, consult.id, lab_report_id="lab-1")
    assert (await site.consults.open_to(site.specialist)).studies == {ref}
    assert (await site.consults.open_to(site.specialist)).labs == {"lab-1"}
    for actor in (site.third, site.second, site.city_coordinator, site.administrator):
        assert (await site.consults.open_to(actor)).studies == frozenset()
        assert (await site.consults.open_to(actor)).labs == frozenset()
    for what in (site.consults.view, site.consults.materials, site.consults.timeline, site.consults.messages):
        with pytest.raises(NotFound):
            await what(site.third, consult.id)
        with pytest.raises(NotFound):
            await what(site.specialist, other.id)


async def test_films_close_with_the_seat(site):
    site.shelf.add(site.village, "1.2.3")
    consult = await site.accepted()
    await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    await site.make(site.specialist, consult, Move.DECLINE, reason="x")
    assert (await site.consults.open_to(site.specialist)).studies == frozenset()


async def test_who_passed_a_request_on_opens_no_more_films(site):
    ref = site.shelf.add(site.village, "1.2.3")
    consult = await site.submitted()
    await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    assert (await site.consults.open_to(site.coordinator)).studies == {ref}
    await site.make(site.coordinator, consult, Move.REDIRECT, institution_id=site.city, reason="x")
    assert (await site.consults.open_to(site.coordinator)).studies == frozenset()
    assert await site.consults.materials(site.coordinator, consult.id) == ()
    assert (await site.consults.open_to(site.city_coordinator)).studies == {ref}


async def test_a_film_is_on_record_once_the_request_was_sent_and_stays_so(site):
    site.shelf.add(site.village, "1.2.3")
    site.shelf.add(site.village, "1.2.4")
    draft = await site.draft()
    await site.consults.attach(site.doctor, draft.id, study_uid="1.2.4")
    assert not await site.consults.is_on_record(site.village, "1.2.4")
    consult = await site.accepted()
    await site.consults.attach(site.doctor, consult.id, study_uid="1.2.3")
    assert await site.consults.is_on_record(site.village, "1.2.3")
    assert not await site.consults.is_on_record(site.city, "1.2.3")
    await site.make(site.doctor, consult, Move.WITHDRAW, reason="x")
    assert await site.consults.is_on_record(site.village, "1.2.3")


async def test_an_arrival_is_linked_once_and_grows_with_its_series(site):
    consult = await site.accepted()
    arrival = {"institution": site.village, "kind": MaterialKind.STUDY, "reference": "1.2.3"}
    assert await site.consults.link_arrival(consult.id, **arrival, modalities=["CT"])
    assert not await site.consults.link_arrival(consult.id, **arrival, modalities=["SR"])
    assert (await site.consults.open_to(site.specialist)).studies == {StudyRef(site.village, "1.2.3")}
    assert len(await site.consults.materials(site.doctor, consult.id)) == 1


async def test_an_arrival_for_no_case_or_from_no_part_of_it_is_linked_to_nothing(site):
    consult = await site.accepted()
    arrival = {"kind": MaterialKind.STUDY, "reference": "1.2.3"}
    assert not await site.consults.link_arrival("unknown", institution=site.village, **arrival)
    assert not await site.consults.link_arrival(consult.id, institution=site.city, **arrival)
    ended = await site.make(site.doctor, consult, Move.WITHDRAW, reason="x")
    assert not await site.consults.link_arrival(ended.id, institution=site.village, **arrival)


async def test_who_may_upload_to_a_case_is_known_before_the_first_byte(site):
    consult = await site.accepted()
    assert await site.consults.may_attach(site.doctor, consult.id)
    assert await site.consults.may_attach(site.specialist, consult.id)
    for actor in (site.third, site.colleague, site.village_coordinator, site.city_coordinator):
        assert not await site.consults.may_attach(actor, consult.id)
    assert not await site.consults.may_attach(site.doctor, "unknown")


async def test_what_was_sent_stays_and_what_is_drafted_can_go(site):
    site.shelf.add(site.village, "1.2.3")
    draft = await site.draft()
    made = await site.consults.attach(site.doctor, draft.id, study_uid="1.2.3")
    await site.consults.remove_material(site.doctor, draft.id, made)
    assert await site.consults.materials(site.doctor, draft.id) == ()
    made = await site.consults.attach(site.doctor, draft.id, study_uid="1.2.3")
    await site.make(site.doctor, draft, Move.SUBMIT)
    with pytest.raises(StepRefused):
        await site.consults.remove_material(site.doctor, draft.id, made)
