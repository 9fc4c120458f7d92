"""kill -9 of the media process and of the web process in a call: everyone is back by themselves, in their own seats."""

import asyncio
import os
import re
import signal
import time
from functools import partial

import pytest
from playwright.async_api import Page

from tests.builders.county import County, until
from tests.journeys.callers import Callers, callers_of, hears_and_sees, is_in, join, names, seat_shown
from tests.journeys.steps import until as soon

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUESTER, SPECIALIST = "刘秀兰", "陈景和"


async def in_call(house: County, callers: Callers) -> tuple[Page, Page]:
    consult = house.facts["samples"]["consult"]
    doctor, specialist = await callers("requester"), await callers("specialist")
    await join(doctor, consult)
    await join(specialist, consult)
    await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
    await soon(partial(see_each_other, doctor, specialist))
    return doctor, specialist


async def see_each_other(doctor: Page, specialist: Page) -> bool:
    return (await names(doctor), await names(specialist)) == ([SPECIALIST], [REQUESTER])


def with_people(house: County) -> list[str]:
    """Media processes that somebody is connected to."""
    text = house.api("admin").get("/metrics").text
    return re.findall(r'^media_peers\{node="([^"]+)"\} [1-9]', text, re.MULTILINE)


async def test_everyone_is_back_by_themselves_in_their_seats_after_media_and_web_were_killed(house: County) -> None:
    async with callers_of(house) as callers:
        doctor, specialist = await in_call(house, callers)
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
            await soon(partial(see_each_other, doctor, specialist))
            assert (await seat_shown(doctor), await seat_shown(specialist)) == seats
            print(f"after kill -9 of {name}: hearing and seeing again within {time.monotonic() - start:.1f} s")  # noqa: T201
        assert house.process.stdout
        os.set_blocking(house.process.stdout.fileno(), False)
        assert not house.process.stdout.read(), "that children died is not told where scripts read one line"


async def test_of_two_media_processes_the_other_one_takes_the_call_over(house_of_two: County) -> None:
    house = house_of_two
    async with callers_of(house) as callers:
        doctor, specialist = await in_call(house, callers)
        (holder,) = await asyncio.to_thread(with_people, house)
        os.kill(house.pids()[holder], signal.SIGKILL)
        start = time.monotonic()
        await asyncio.gather(is_in(doctor), is_in(specialist))
        await asyncio.gather(hears_and_sees(doctor), hears_and_sees(specialist))
        print(f"after kill -9 of {holder}: hearing and seeing again within {time.monotonic() - start:.1f} s")  # noqa: T201
        await soon(partial(see_each_other, doctor, specialist))
        assert await asyncio.to_thread(with_people, house) == [name for name in ("media", "media-1") if name != holder]
