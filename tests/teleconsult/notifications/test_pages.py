import pytest

from teleconsult.notifications.ports import Notice
from tests.builders.browsing import browsed


@pytest.fixture
async def site(tmp_path, aiohttp_client):
    async with browsed(tmp_path, aiohttp_client) as made:
        yield made


async def test_notices_are_shown_counted_and_marked_as_read(site):
    doctor = site.house.requester
    notice = Notice("word", "Request {number} was accepted by the specialist.", "/consults/1", (("number", "HZ1"),))
    await site.pages.notifications.tell([doctor.id], "1", "occasion", notice)
    browser = await site.browser(doctor)
    page = await browser.get("/notifications")
    assert "Request HZ1 was accepted by the specialist." in page.text
    assert "/consults/1" in page.links
    assert "new notices" in page.text
    page = await browser.submit(page, "/notifications/read")
    assert "new notices" not in page.text
