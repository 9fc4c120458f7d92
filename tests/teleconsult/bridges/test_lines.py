"""The WebSocket through the web's door: whose it is, who closes it, what the death of either side does."""

import asyncio

import pytest
from aiohttp import ClientError, WSMsgType, WSServerHandshakeError

from teleconsult.actor import SYSTEM
from teleconsult.consults.state import Move
from tests.builders.calls import last_words


async def test_both_sides_meet_under_their_names(calls):
    site = calls.site
    consult = await site.accepted()
    first, welcome = await calls.in_call(site.doctor, consult)
    assert welcome["type"] == "welcome"
    assert "host" not in welcome["grants"]
    second, welcome = await calls.in_call(site.specialist, consult)
    assert [(seat["name"], seat["role"]) for seat in welcome["seats"]] == [
        ("doctor", "requester"),
        ("specialist", "specialist"),
    ]
    assert "host" in welcome["grants"]
    told = await first.receive_json(timeout=10)
    assert (told["type"], told["seat"]["name"]) == ("seat", "specialist")
    await first.close()
    await second.close()


async def test_a_reload_comes_back_to_its_own_seat(calls):
    site = calls.site
    consult = await site.accepted()
    first, welcome = await calls.in_call(site.doctor, consult)
    await first.close()
    again, back = await calls.in_call(site.doctor, consult)
    assert back["participant"] == welcome["participant"]
    assert len(back["seats"]) == 1
    await again.close()


async def test_a_page_of_another_site_cannot_open_the_line(calls):
    consult = await calls.site.accepted()
    ticket = (await calls.joined(calls.site.doctor, consult))["ticket"]
    with pytest.raises(WSServerHandshakeError) as refusal:
        await calls.said_hello(ticket, Origin="https://evil.example")
    assert refusal.value.status == 403


@pytest.mark.parametrize(
    "first", ["{", "[]", '{"type":"hello"}', '{"ticket": 5}', '{"ticket":"e30.x"}', '{"ticket":"%%%"}', "[" * 5000]
)
async def test_a_line_without_a_ticket_is_closed(calls, first):
    socket = await calls.http.ws_connect(calls.server.make_url("/rtc"))
    await socket.send_str(first)
    words, code = await last_words(socket)
    assert [word["code"] for word in words] == ["ticket"]
    assert code == 1008


async def test_a_forged_ticket_learns_nothing_of_the_room(calls):
    consult = await calls.site.accepted()
    ticket = (await calls.joined(calls.site.doctor, consult))["ticket"]
    packed, _, signature = ticket.partition(".")
    socket = await calls.said_hello(f"{packed}.{signature[::-1]}")
    words, _ = await last_words(socket)
    assert {word["type"] for word in words} <= {"refused", "closing"}


async def test_a_ticket_enters_once(calls):
    consult = await calls.site.accepted()
    ticket = (await calls.joined(calls.site.doctor, consult))["ticket"]
    first = await calls.said_hello(ticket)
    assert (await first.receive_json(timeout=10))["type"] == "welcome"
    second = await calls.said_hello(ticket)
    words, _ = await last_words(second)
    assert words[0]["type"] == "refused"
    await first.close()


async def test_when_the_media_process_ends_the_browser_is_told_to_come_again(calls):
    site = calls.site
    consult = await site.accepted()
    socket, welcome = await calls.in_call(site.doctor, consult)
    await calls.stop_exchange()
    words, _ = await last_words(socket)
    assert words[-1] == {"type": "closing", "code": "draining", "again": True}
    await calls.start_exchange()
    again, back = await calls.in_call(site.doctor, consult)
    assert back["participant"] == welcome["participant"]
    await again.close()


async def test_a_dead_media_process_is_a_clear_status(calls, monkeypatch):
    monkeypatch.setattr("teleconsult.bridges.places._PATIENCE_S", 0.1)
    await calls.stop_exchange()
    with pytest.raises(WSServerHandshakeError) as refusal:
        await calls.http.ws_connect(calls.server.make_url("/rtc"))
    assert refusal.value.status == 503


async def test_when_the_web_goes_the_seat_is_held(calls):
    site = calls.site
    consult = await site.accepted()
    mine, _ = await calls.in_call(site.doctor, consult)
    other, _ = await calls.in_call(site.specialist, consult)
    await mine.receive_json(timeout=10)
    await calls.media.lines.close_all()
    words, code = await last_words(mine)
    assert words[-1]["again"]
    assert code == 1012
    back, welcome = await calls.in_call(site.doctor, consult)
    assert len(welcome["seats"]) == 2
    await back.close()
    await other.close()


async def test_whoever_is_reassigned_away_is_out(calls):
    site = calls.site
    consult = await site.accepted()
    doctor, _ = await calls.in_call(site.doctor, consult)
    specialist, _ = await calls.in_call(site.specialist, consult)
    await doctor.receive_json(timeout=10)
    await site.make(site.coordinator, consult, Move.REASSIGN, specialist_id=site.third.id, reason="出差")
    await calls.settle()
    words, _ = await last_words(specialist)
    assert words[-1] == {"type": "closing", "code": "removed", "again": False}
    told = await doctor.receive_json(timeout=10)
    assert (told["type"], told["reason"]) == ("gone", "removed")
    status, _ = await calls.ask("POST", f"/api/v1/consults/{consult.id}/calls", site.specialist)
    assert status == 404
    await doctor.close()


async def test_a_ticket_that_was_given_before_the_revocation_does_not_enter_after_it(calls):
    site = calls.site
    consult = await site.accepted()
    ticket = (await calls.joined(site.specialist, consult))["ticket"]
    await site.make(site.specialist, consult, Move.DECLINE, reason="出差")
    await calls.settle()
    words, _ = await last_words(await calls.said_hello(ticket))
    assert words[0]["type"] == "refused"


async def test_a_session_that_ends_ends_the_call(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    (token,) = await calls.access.tokens_of(site.doctor)
    await calls.access.revoke(site.doctor, token.id)
    await calls.settle()
    words, _ = await last_words(socket)
    assert words[-1]["code"] == "removed"


async def test_a_lost_role_ends_the_call(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.specialist, consult)
    await site.people.end_membership(SYSTEM, site.specialist.id, site.county, "specialist")
    await calls.settle()
    words, _ = await last_words(socket)
    assert words[-1]["code"] == "removed"


async def test_other_changes_of_the_case_leave_the_call_alone(calls):
    site = calls.site
    consult = await site.accepted(mode="live")
    socket, _ = await calls.in_call(site.doctor, consult)
    await site.make(site.doctor, consult, Move.START, physician_present=True)
    await calls.settle()
    with pytest.raises(TimeoutError):
        await socket.receive(timeout=0.5)
    await socket.close()


async def test_a_flood_of_words_does_not_stop_the_house(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    try:
        for _ in range(3000):
            await socket.send_str('{"type":"nonsense"}')
    except (ClientError, ConnectionError):
        pass
    async with asyncio.timeout(20):
        while (await socket.receive()).type is WSMsgType.TEXT:
            pass
    again, welcome = await calls.in_call(site.doctor, consult)
    assert welcome["type"] == "welcome"
    await again.close()
