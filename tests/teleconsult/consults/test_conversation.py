import pytest
from sqlalchemy import func, select

from teleconsult.audit.models import AuditRow
from teleconsult.consults.state import Move
from teleconsult.consults.worklist import Filter
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, StepRefused
from teleconsult.events import OutboxRow


async def test_both_sides_talk_in_one_order_of_time(site):
    consult = await site.accepted()
    await site.consults.post_message(site.specialist, consult.id, "支架是哪一天放的？")
    await site.consults.post_message(site.doctor, consult.id, "3 月 18 日。")
    page = await site.consults.messages(site.doctor, consult.id)
    assert [(it.actor.name, it.text, it.is_mine) for it in page.items] == [
        ("specialist", "支架是哪一天放的？", False),
        ("doctor", "3 月 18 日。", True),
    ]
    timeline = await site.consults.timeline(site.doctor, consult.id)
    assert [it.kind for it in timeline.items] == ["move", "move", "move", "message", "message"]
    assert [it.number for it in timeline.items] == [1, 2, 3, 4, 5]
    assert (await site.consults.timeline(site.doctor, consult.id, after=4)).items == timeline.items[4:]


async def test_unread_counts_what_others_wrote_until_it_is_seen(site):
    consult = await site.accepted()
    await site.consults.post_message(site.specialist, consult.id, "一")
    await site.consults.post_message(site.specialist, consult.id, "二")

    async def unread(actor) -> int:
        return (await site.consults.worklist(actor, Filter())).items[0].unread

    assert (await unread(site.doctor), await unread(site.specialist)) == (2, 0)
    await site.consults.mark_seen(site.doctor, consult.id, 1)
    assert await unread(site.doctor) == 1
    await site.consults.mark_seen(site.doctor, consult.id, 0)
    assert await unread(site.doctor) == 1
    await site.consults.mark_seen(site.doctor, consult.id, 999)
    assert await unread(site.doctor) == 0


async def test_a_message_changes_no_version_so_that_nobodys_move_is_stale(site):
    consult = await site.accepted()
    await site.consults.post_message(site.doctor, consult.id, "在吗")
    assert (await site.consults.view(site.doctor, consult.id)).version == consult.version


async def test_strangers_neither_read_nor_write(site):
    consult = await site.accepted()
    for actor in (site.second, site.third, site.colleague, site.city_coordinator, site.administrator):
        with pytest.raises(NotFound):
            await site.consults.post_message(actor, consult.id, "x")
        with pytest.raises(NotFound):
            await site.consults.messages(actor, consult.id)
    with pytest.raises(NotAllowed):
        await site.consults.post_message(site.village_coordinator, consult.id, "x")


@pytest.mark.parametrize("text", ["", "  \n ", "长" * 4001])
async def test_nothing_and_too_much_are_refused(site, text):
    consult = await site.accepted()
    with pytest.raises(FieldsRefused):
        await site.consults.post_message(site.doctor, consult.id, text)


async def test_neither_drafts_nor_ended_requests_are_talked_about(site):
    for consult in (
        await site.draft(),
        await site.make(site.doctor, await site.submitted(), Move.WITHDRAW, reason="x"),
    ):
        with pytest.raises(StepRefused):
            await site.consults.post_message(site.doctor, consult.id, "x")


async def test_events_and_audit_rows_hold_no_words_of_the_case(site):
    consult = await site.accepted()
    await site.consults.post_message(site.doctor, consult.id, "秘密")
    async with site.database.read() as session:
        bodies = list(await session.scalars(select(OutboxRow.body)))
        details = list(await session.scalars(select(AuditRow.detail)))
    assert not any("秘密" in text or "周启明" in text for text in (*bodies, *details))


async def test_reading_is_noted_once_in_a_quarter_of_an_hour(site):
    consult = await site.accepted()

    async def rows() -> int:
        async with site.database.read() as session:
            return await session.scalar(
                select(func.count()).where(AuditRow.action == "consult.read", AuditRow.actor == site.coordinator.id)
            )

    before = await rows()
    await site.consults.view(site.coordinator, consult.id)
    await site.consults.messages(site.coordinator, consult.id)
    await site.consults.materials(site.coordinator, consult.id)
    assert await rows() - before == 1 - before
    site.clock.turn(minutes=16)
    await site.consults.view(site.coordinator, consult.id)
    assert await rows() == 2
