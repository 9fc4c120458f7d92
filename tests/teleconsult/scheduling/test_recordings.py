"""Who may play a recording, what is noted of it, and when it is taken away."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.scheduling.recordings import take_away
from teleconsult.scheduling.views import Told
from tests.builders.people import a_patient_actor

FILE = "0123456789abcdef0123456789abcdef.webm.sealed"
SAID = [b"a voice " * 100, b"and an answer " * 50]
WHOLE = b"".join(SAID)


@pytest.fixture
async def recorded(calls):
    """A call of a consult of which one voice was recorded. Returns the consult."""
    consult = await calls.site.accepted()
    joined = await calls.joined(calls.site.specialist, consult)
    strip = calls.shelf.open(FILE)
    for piece in SAID:
        strip.write(piece)
    strip.close()
    who = joined["participant"]
    detail = {"take": "00ff00ff00ff00ff", "by": who, "file": FILE, "label": "audio", "began_ms": 0, "until_ms": 61_000}
    async with calls.site.database.write(SYSTEM) as work:
        told = Told(900, joined["room"], "recorded", who, calls.now, detail)
        await calls.scheduling.keep(work, "media", [told])
    return consult


def track(consult, number="0", take="00ff00ff00ff00ff"):
    return f"/api/v1/consults/{consult.id}/recordings/{take}/tracks/{number}"


async def test_a_recording_is_listed_with_who_when_and_how_long(calls, recorded):
    status, told = await calls.ask("GET", f"/api/v1/consults/{recorded.id}/recordings", calls.site.doctor)
    assert status == 200
    (one,) = told["items"]
    assert (one["by"], one["seconds"], one["is_kept"]) == (calls.site.specialist.name, 61, True)
    assert [(track["number"], track["kind"]) for track in one["tracks"]] == [(0, "audio")]
    assert FILE not in str(told), "the name on the disk stays inside"


async def test_it_is_played_whole_or_in_stretches_and_every_player_is_on_the_audit(calls, recorded):
    for asked, status, body in (
        ({}, 200, WHOLE),
        ({"Range": "bytes=0-"}, 200, WHOLE),
        ({"Range": "bytes=790-809"}, 206, WHOLE[790:810]),
        ({"Range": "bytes=-7"}, 206, WHOLE[-7:]),
        ({"Range": "bytes=0-5", "If-Range": '"another"'}, 200, WHOLE),
    ):
        answer = await fetched(calls, track(recorded), calls.site.doctor, asked)
        assert answer[:2] == (status, body)
        assert answer[2]["Content-Type"] == "audio/webm"
        assert "no-store" in answer[2]["Cache-Control"]
    status, _, headers = await fetched(calls, track(recorded), calls.site.doctor, {"Range": "bytes=9999-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(WHOLE)}")
    async with calls.site.database.read() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.action == "recording.play"))
        assert [(row.actor, row.subject) for row in rows] == [(calls.site.doctor.id, f"consults/{recorded.id}")]


async def test_others_find_nothing(calls, recorded):
    site = calls.site
    for stranger in (site.colleague, site.city_specialist, a_patient_actor(site.patient, site.village)):
        for path in (track(recorded), f"/api/v1/consults/{recorded.id}/recordings"):
            status, _ = await calls.ask("GET", path, stranger)
            assert status == 404
    status, _ = await calls.ask("GET", track(recorded))
    assert status == 401
    other = await site.accepted()
    hostile = [track(other), track(recorded, "1"), track(recorded, "-1"), track(recorded, "9" * 50)]
    hostile += [track(recorded, take="x"), track(recorded, take="%2e%2e")]
    for path in hostile:
        status, _ = await calls.ask("GET", path, site.doctor)
        assert status == 404


async def test_what_is_kept_no_longer_is_gone_noted_and_still_listed(calls, recorded):
    board = calls.scheduling._board
    assert await take_away(board, calls.now + timedelta(days=9), timedelta(days=10)) == 0
    assert await take_away(board, calls.now + timedelta(days=11), timedelta(days=10)) == 1
    assert await take_away(board, calls.now + timedelta(days=11), timedelta(days=10)) == 0
    _, told = await calls.ask("GET", f"/api/v1/consults/{recorded.id}/recordings", calls.site.doctor)
    assert [one["is_kept"] for one in told["items"]] == [False]
    status, _ = await calls.ask("GET", track(recorded), calls.site.doctor)
    assert status == 404
    async with calls.site.database.read() as session:
        rows = list(await session.scalars(select(AuditRow).where(AuditRow.action == "recording.delete")))
    assert [row.subject for row in rows] == [f"consults/{recorded.id}"]


async def test_days_that_have_become_fewer_take_away_what_is_much_older_too(calls, recorded, monkeypatch):
    monkeypatch.setattr("teleconsult.scheduling.recordings._MOST_FILES", 2)
    room = (await calls.joined(calls.site.specialist, recorded))["room"]
    names = [f"{number:032x}.webm.sealed" for number in range(1, 8)]
    for name in names:
        calls.shelf.open(name).close()
    async with calls.site.database.write(SYSTEM) as work:
        told = [
            Told(
                900 + day,
                room,
                "recorded",
                "",
                calls.now - timedelta(days=day),
                {"take": f"t{day}", "file": name, "until_ms": 5},
            )
            for day, name in enumerate(names, 1)
        ]
        await calls.scheduling.keep(work, "another", told)
    board = calls.scheduling._board
    assert await take_away(board, calls.now, timedelta(days=90)) == 0
    assert await take_away(board, calls.now, timedelta(days=1)) == 6
    assert set(await board.shelf.files()) == {FILE, names[0]}


async def fetched(calls, path, who, headers):
    url = calls.server.make_url(path)
    async with calls.http.get(url, headers={**await calls.bearer(who), **headers}) as answer:
        return answer.status, await answer.read(), dict(answer.headers)
