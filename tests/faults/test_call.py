"""kill -9 of the media process and of the web process in a call: everyone is back by themselves, in their own seats."""

import asyncio
import os
import signal
import time

import pytest

from tests.builders.county import County, until
from tests.journeys.callers import callers_of, hears_and_sees, is_in, join, names, seat_shown
from tests.journeys.steps import until as soon

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"


async def test_everyone_is_back_by_themselves_in_their_seats_after_media_and_web_were_killed(house: County) -> None:
    async with callers_of(house) as callers:
        consult = house.facts["samples"]["consult"]
        doctor, specialist = await callers("requester"), await callers("specialist")
        await join(doctor, consult)
        await join(specialist, consult)
        await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))

        async def seated() -> bool:
            return (await names(doctor), await names(specialist)) == ([SPECIALIST], [REQUESTER])

        await soon(seated)
        seats = await seat_shown(doctor), await seat_shown(specialist)
        for name in ("media", "web"):
            old = house.pids()[name]
            os.kill(old, signal.SIGKILL)
            start = time.monotonic()
            if name == "web":  # nobody waits for the doors: what is heard and seen goes on
                await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
            await asyncio.to_thread(until, lambda name=name, old=old: house.pids().get(name) not in (None, old))
            await asyncio.to_thread(house.wait_ready)
            await asyncio.gather(is_in(doctor), is_in(specialist))
            await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
            await soon(seated)
            assert (await seat_shown(doctor), await seat_shown(specialist)) == seats
            print(f"after kill -9 of {name}: hearing and seeing again within {time.monotonic() - start:.1f} s")  # noqa: T201
        assert house.process.stdout
        os.set_blocking(house.process.stdout.fileno(), False)
        assert not house.process.stdout.read(), "that children died is not told where scripts read one line"
