"""Words without a break, as long as the forms take them, widen no page: a pasted address, a drug, hostile text."""

import asyncio

import pytest
from playwright.async_api import Browser

from tests.builders.county import County
from tests.builders.rounds import DESKTOP, PHONE, Stop, somebody, visit, wider_than_the_screen
from tests.builders.walks import draft, move

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.asyncio(loop_scope="session"),
]
WORD = "Pneumonoultramicroscopic" * 10
LISTS = {"first page", "worklist", "coordinator's worklist", "coordinator's notices"}
"""They show the words where what other tests wrote in the same county leaves room for them."""


def _written(demo: County) -> list[Stop]:
    """A draft and a request in such words, and the pages that show them."""
    doctor = demo.api("requester")
    words = {"question": WORD, "history": WORD}
    _, unfinished = draft(doctor, WORD[:40], **words)
    patient, sent = draft(doctor, WORD[:40], **words)
    move(doctor, sent, "submit", reason="其余检查本院无条件完成。")
    return [
        Stop("first page", "requester", "/"),
        Stop("worklist", "requester", "/worklist"),
        Stop("draft", "requester", f"/consults/{unfinished}/edit/question"),
        Stop("last step", "requester", f"/consults/{unfinished}/edit/consent"),
        Stop("consult", "requester", f"/consults/{sent}"),
        Stop("call", "requester", f"/consults/{sent}/call"),
        Stop("follow-ups", "requester", f"/consults/{sent}/followups"),
        Stop("patients", "requester", f"/patients?q={WORD[:20]}"),
        Stop("a patient", "requester", f"/patients/{patient}"),
        Stop("coordinator's worklist", "coordinator", "/worklist"),
        Stop("coordinator's notices", "coordinator", "/notifications"),
        Stop("the consult to be assigned", "coordinator", f"/consults/{sent}"),
    ]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_words_without_a_break_widen_no_page(demo: County, browser: Browser, size: tuple[int, int]) -> None:
    told: list[str] = []
    people = {role: await somebody(browser, demo, role, size, "en") for role in ("requester", "coordinator")}
    for stop in await asyncio.to_thread(_written, demo):
        tab = people[stop.role]
        await visit(tab, stop)
        if stop.name not in LISTS:
            assert "Pneumono" in await tab.inner_text("body"), f"{stop.name} does not show the words"
        if (wide := await wider_than_the_screen(tab)) > 0:
            told.append(f"{stop.name}: {wide} px wider than the screen")
    for tab in people.values():
        await tab.context.close()
    assert told == []
