import pytest
from sqlalchemy import event

from teleconsult.consults.state import Kind, Move, Priority, State
from teleconsult.consults.worklist import PAGE, Filter, Which
from teleconsult.errors import FieldsRefused
from tests.builders.people import a_patient


async def numbers(site, actor, **wanted) -> list[str]:
    return [row.number[-4:] for row in (await site.consults.worklist(actor, Filter(**wanted))).items]


async def test_those_due_first_come_first(site):
    await site.submitted()
    await site.submitted(priority="urgent")
    await site.submitted(priority="emergency")
    assert await numbers(site, site.coordinator) == ["0003", "0002", "0001"]


async def test_filters_find_what_they_count(site):
    await site.draft()
    await site.submitted(kind="ecg", priority="urgent")
    await site.assigned(kind="imaging")
    await site.make(site.doctor, await site.submitted(), Move.WITHDRAW, reason="x")
    for actor in site.staff.values():
        page = await site.consults.worklist(actor, Filter())
        for which in Which:
            found = await site.consults.worklist(actor, Filter(which))
            assert len(found.items) == found.total == page.counts[which], (actor.name, which)
        for state in State:
            assert len(await numbers(site, actor, state=state)) == page.counts.get(f"state:{state}", 0)
        for kind in Kind:
            assert len(await numbers(site, actor, kind=kind)) == page.counts.get(f"kind:{kind}", 0)
        for priority in Priority:
            assert len(await numbers(site, actor, priority=priority)) == page.counts.get(f"priority:{priority}", 0)


async def test_mine_waiting_and_overdue(site):
    await site.submitted()
    await site.assigned()
    assert await numbers(site, site.specialist, which=Which.MINE) == ["0002"]
    assert await numbers(site, site.coordinator, which=Which.WAITING_FOR_ME) == ["0001"]
    assert await numbers(site, site.specialist, which=Which.WAITING_FOR_ME) == ["0002"]
    assert await numbers(site, site.coordinator, which=Which.OVERDUE) == []
    site.clock.turn(hours=49)
    assert await numbers(site, site.coordinator, which=Which.OVERDUE) == ["0001", "0002"]


@pytest.mark.parametrize("text", ["周启明", "启明", "zqm", "zhouqiming", "0001", "hz20261120"])
async def test_a_case_is_found_by_number_and_by_the_patients_name(site, text):
    other = await a_patient(site.people, site.doctor, "马玉珍")
    await site.submitted()
    await site.submitted(patient_id=other.id)
    assert "0001" in await numbers(site, site.coordinator, text=text)
    if not text.lower().startswith("hz"):
        assert "0002" not in await numbers(site, site.coordinator, text=text)


async def test_a_search_finds_nothing_that_is_not_open(site):
    await site.submitted()
    assert await numbers(site, site.specialist, text="周启明") == []
    assert await numbers(site, site.city_coordinator, text="0001") == []


@pytest.mark.parametrize("text", ["%", "_", "'; drop table consults; --", "\\", "周X%"])
async def test_odd_search_texts_find_nothing(site, text):
    await site.submitted()
    assert await numbers(site, site.coordinator, text=text) == []


async def test_pages_follow_each_other_without_gap_or_double(site):
    for _ in range(PAGE + 7):
        await site.draft()
    first = await site.consults.worklist(site.doctor, Filter())
    second = await site.consults.worklist(site.doctor, Filter(cursor=first.cursor))
    assert (len(first.items), len(second.items), second.cursor) == (PAGE, 7, "")
    assert first.total == PAGE + 7
    assert len({row.id for row in (*first.items, *second.items)}) == PAGE + 7


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", "bnVsbA", "WyJ4IiwxXQ", "你好"])
async def test_a_made_up_cursor_is_refused(site, cursor):
    with pytest.raises(FieldsRefused):
        await site.consults.worklist(site.doctor, Filter(cursor=cursor))


async def test_a_page_takes_as_many_questions_to_the_database_for_fifty_as_for_one(site):
    asked: list[str] = []

    async def questions() -> int:
        asked.clear()
        await site.consults.worklist(site.coordinator, Filter())
        return len([it for it in asked if it.startswith("SELECT")])

    @event.listens_for(site.database._reader.sync_engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_more):
        asked.append(statement)

    await site.submitted()
    one = await questions()
    for _ in range(9):
        await site.submitted()
    assert await questions() == one


async def test_a_row_tells_what_the_list_shows(site):
    await site.submitted(priority="urgent")
    (row,) = (await site.consults.worklist(site.coordinator, Filter())).items
    assert (row.patient.name, row.institution.name, row.requester.name) == ("周启明", "石渡镇卫生院", "doctor")
    assert row.question.startswith("右肺上叶")
    assert (row.clock.word, row.clock.paused) == ("accept", False)


async def test_captions_say_whose_case_it_is_and_only_to_those_who_may_open_it(site):
    first, second = await site.submitted(), await site.assigned()
    ids = [first.id, second.id, "nobody's"]
    told = await site.consults.captions(site.coordinator, ids)
    assert {key: caption.name for key, caption in told.items()} == {first.id: "周启明", second.id: "周启明"}
    assert all(caption.question for caption in told.values())
    assert set(await site.consults.captions(site.specialist, ids)) == {second.id}
    assert await site.consults.captions(site.city_coordinator, ids) == {}
