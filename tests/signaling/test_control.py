"""The house's line is a Unix socket; over the network there is nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, UnixConnector, web

from signaling.app import create_app
from signaling.config import ExchangeSettings
from tests.signaling.test_hub import enter, said
from tests.signaling.test_whip import KEY, exchange, ticket  # noqa: F401 - the fixture


@pytest.fixture
async def house(tmp_path):
    runner = web.AppRunner(create_app(ExchangeSettings(KEY, udp_port=0, journal=tmp_path / "journal")))
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "line")).start()
    async with ClientSession("http://house", connector=UnixConnector(str(tmp_path / "line"))) as client:
        yield client
    await runner.cleanup()


@pytest.mark.parametrize("path", ["/control/state", "/control/happenings", "/control/nothing"])
async def test_over_the_network_there_is_no_control(exchange, path):  # noqa: F811
    assert (await exchange.get(path)).status == 404
    assert (await exchange.post("/control/revoke", json={"room": "r", "participant": "p"})).status in (404, 405)


async def test_who_is_revoked_is_out_at_once_and_an_older_ticket_does_not_help(house):
    spare = ticket("r", "wang")
    li, _ = await enter(house, "li")
    wang, _ = await enter(house, "wang")
    answer = await house.post("/control/revoke", json={"room": "r", "participant": "wang"})
    assert (await answer.json()) == {"was_there": True}
    assert (await said(wang, "closing"))["code"] == "removed"
    assert (await said(li, "gone"))["participant"] == "wang"
    again = await house.ws_connect("/rtc")
    await again.send_json({"type": "hello", "version": 1, "ticket": spare})
    assert (await said(again, "refused"))["code"] == "ticket"
    later = await house.ws_connect("/rtc")
    fresh = ticket("r", "wang", age=-timedelta(seconds=2))
    await later.send_json({"type": "hello", "version": 1, "ticket": fresh})
    assert (await said(later, "welcome"))["participant"] == "wang"


async def test_a_call_that_the_house_ends_is_not_opened_again_by_an_old_ticket(house):
    spare = ticket("r", "li")
    li, _ = await enter(house, "li")
    await house.post("/control/end", json={"room": "r"})
    assert (await said(li, "closing"))["code"] == "ended"
    again = await house.ws_connect("/rtc")
    await again.send_json({"type": "hello", "version": 1, "ticket": spare})
    assert (await said(again, "refused"))["code"] == "ticket"


async def test_happenings_come_in_order_and_are_acknowledged(house):
    li, _ = await enter(house, "li")
    await li.send_json({"type": "leave"})
    await said(li, "closing")
    came = []
    while len(came) < 2:
        after = came[-1]["number"] if came else 0
        came += await (await house.get(f"/control/happenings?after={after}")).json()
    assert [entry["kind"] for entry in came] == ["joined", "left"]
    assert datetime.fromisoformat(came[0]["at"]) <= datetime.now(UTC)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"room": 3, "participant": []}', "nonsense"])
async def test_nonsense_from_the_house_is_refused(house, body):
    assert (await house.post("/control/revoke", data=body)).status == 400


async def test_a_draining_node_takes_no_new_room(house):
    await house.post("/control/drain")
    socket = await house.ws_connect("/rtc")
    await socket.send_json({"type": "hello", "version": 1, "ticket": ticket("r", "li")})
    assert (await said(socket, "refused"))["code"] == "unavailable"
    assert (await (await house.get("/control/state")).json())["holds"] == []
