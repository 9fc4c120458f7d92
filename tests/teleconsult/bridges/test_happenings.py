"""Joins, leaves and quality come onto the record, each once, whoever dies in between."""

import asyncio

from sqlalchemy import update

from teleconsult.actor import SYSTEM
from teleconsult.bridges.arrivals import BridgeCursor
from teleconsult.bridges.happenings import Happenings


async def kinds_on_record(calls, consult):
    status, told = await calls.ask("GET", f"/api/v1/consults/{consult.id}/calls", calls.site.doctor)
    assert status == 200
    return [(event["kind"], event["who"]) for call in told["items"] for event in call["events"]]


async def test_who_came_and_went_is_on_the_record_and_the_timeline(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    quality = {"type": "quality", "loss": 0.05, "rtt_ms": 300, "fps": 19, "concealed": 0.01}
    await socket.send_json(quality)
    await socket.send_json({"type": "leave"})
    await calls.heard(3)
    assert await kinds_on_record(calls, consult) == [("joined", "doctor"), ("quality", "doctor"), ("left", "doctor")]
    page = await site.consults.timeline(site.specialist, consult.id)
    lines = [(entry.fields["seen"], entry.fields["person_name"]) for entry in page.items if entry.kind == "call"]
    assert lines == [("joined", "doctor"), ("left", "doctor")]
    told = [entry.fields.get("line") for entry in page.items if entry.kind == "call"]
    assert told == [None, {"loss_percent": 5.0, "rtt_ms": 300}]
    await socket.close()


async def test_what_is_told_twice_is_written_once(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    await calls.heard()
    async with site.database.write(SYSTEM) as work:
        await work.session.execute(update(BridgeCursor).values(number=0))
    assert await calls.happenings.take_in(calls.node) == 1
    assert [kind for kind, _ in await kinds_on_record(calls, consult)] == ["joined"]
    await socket.close()


async def test_what_happened_while_nobody_listened_is_told_after_a_restart(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.doctor, consult)
    await socket.close()
    await calls.stop_exchange()
    await calls.start_exchange()
    await calls.heard()
    assert (await kinds_on_record(calls, consult))[0] == ("joined", "doctor")


async def test_a_call_that_a_host_ended_is_over_and_the_next_is_a_new_one(calls):
    site = calls.site
    consult = await site.accepted()
    socket, welcome = await calls.in_call(site.specialist, consult)
    await socket.send_json({"type": "end"})
    await calls.heard(2)
    again = await calls.joined(site.doctor, consult)
    assert welcome["room"].endswith(".1")
    assert again["room"].endswith(".2")
    await socket.close()


async def test_open_pages_hear_that_somebody_came(calls):
    site = calls.site
    consult = await site.accepted()
    async with calls.bus.subscribe() as queue:
        socket, _ = await calls.in_call(site.doctor, consult)
        await calls.heard()
        seen = {type(queue.get_nowait()).__name__ for _ in range(queue.qsize())}
    assert "CallChanged" in seen
    await socket.close()


async def test_of_two_web_processes_one_writes_what_happened(calls):
    site = calls.site
    consult = await site.accepted()
    first, _ = await calls.in_call(site.doctor, consult)
    await calls.heard()
    second, _ = await calls.in_call(site.specialist, consult)
    both = Happenings(site.database, calls.places, calls.scheduling, calls.bus)
    assert sorted(await asyncio.gather(both.take_in(calls.node), calls.happenings.take_in(calls.node))) == [0, 1]
    assert [kind for kind, _ in await kinds_on_record(calls, consult)] == ["joined", "joined"]
    for socket in (first, second):
        await socket.close()
