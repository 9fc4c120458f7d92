from pathlib import Path

import pytest

from teleconsult.notifications.channels.null import NullChannel
from teleconsult.notifications.ports import Notice, SendFailed
from teleconsult.notifications.service import PAGE, Notifications
from teleconsult.people.service import People
from teleconsult.people.state import Role
from tests.builders.database import a_database, a_vault
from tests.builders.people import a_user, an_institution

NOTICE = Notice("consult.assign", "Request {number} was assigned.", "/consults/c", (("number", "HZ1"),))


@pytest.fixture
async def database(tmp_path: Path):
    async with a_database(tmp_path) as made:
        yield made


@pytest.fixture
async def doctors(database):
    people = People(database, a_vault())
    place = await an_institution(people)
    return [await a_user(people, place, Role.REQUESTER) for _ in range(2)]


@pytest.fixture
def notifications(database):
    return Notifications(database, [NullChannel()])


async def test_each_is_told_once_however_often_the_reaction_runs(notifications, doctors):
    ids = [doctor.id for doctor in doctors]
    assert await notifications.tell(ids, "c", "moved/c/2", NOTICE) == 2
    assert await notifications.tell([*ids, ids[0]], "c", "moved/c/2", NOTICE) == 0
    assert await notifications.tell(ids[:1], "c", "moved/c/3", NOTICE) == 1
    page = await notifications.page(doctors[0])
    assert [item.fields for item in page.items] == [{"number": "HZ1"}] * 2
    assert (page.unread, await notifications.unread(doctors[1])) == (2, 1)


async def test_reading_is_ones_own(notifications, doctors):
    await notifications.tell([doctor.id for doctor in doctors], "c", "x", NOTICE)
    theirs = (await notifications.page(doctors[0])).items[0].id
    assert await notifications.mark_read(doctors[1], [theirs]) == 0
    assert await notifications.mark_read(doctors[0], [theirs]) == 1
    assert await notifications.mark_read(doctors[0], [theirs]) == 0
    assert (await notifications.unread(doctors[0]), await notifications.unread(doctors[1])) == (0, 1)


async def test_all_of_a_subject_or_all_are_read_at_once(notifications, doctors):
    me = doctors[0]
    for number, subject in enumerate(["c", "c", "d"]):
        await notifications.tell([me.id], subject, f"x{number}", NOTICE)
    assert await notifications.mark_read(me, subject="c") == 2
    assert (await notifications.page(me, unread_only=True)).items[0].subject == "d"
    assert await notifications.mark_read(me) == 1


async def test_pages_follow_each_other(notifications, doctors):
    me = doctors[0]
    for number in range(PAGE + 3):
        await notifications.tell([me.id], "c", f"x{number}", NOTICE)
    first = await notifications.page(me)
    second = await notifications.page(me, first.cursor)
    assert (len(first.items), len(second.items), second.cursor) == (PAGE, 3, "")
    assert not {item.id for item in first.items} & {item.id for item in second.items}


async def test_a_channel_that_fails_leaves_the_notice_standing(database, doctors):
    class Broken:
        async def send(self, user, notice):
            raise SendFailed("no line", permanent=False)

    notifications = Notifications(database, [Broken()])
    assert await notifications.tell([doctors[0].id], "c", "x", NOTICE) == 1
    assert await notifications.unread(doctors[0]) == 1


async def test_nobody_to_tell_is_no_mistake(notifications):
    assert await notifications.tell([], "c", "x", NOTICE) == 0
