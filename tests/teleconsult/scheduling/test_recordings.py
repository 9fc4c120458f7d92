"""Who may play a recording, what is noted of it, and when it is taken away."""

import io
import json
import os
from datetime import timedelta

import av
import pytest
from sqlalchemy import select

from signaling.media.matroska import Clusters, Format, header
from teleconsult.actor import SYSTEM
from teleconsult.audit.models import AuditRow
from teleconsult.desk.recordings import lines_of
from teleconsult.errors import NotFound
from teleconsult.scheduling.recordings import take_away
from teleconsult.scheduling.views import Told
from tests.builders.people import a_patient_actor

FILE = "0123456789abcdef0123456789abcdef.webm.sealed"
SAID = [b"a voice " * 100, b"and an answer " * 50]
WHOLE = b"".join(SAID)
END = 4 + 16
"""Bytes by which a writer says that a file is whole."""


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
    async with calls.http.head(
        calls.server.make_url(track(recorded)), headers=await calls.bearer(calls.site.doctor)
    ) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(WHOLE)))
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


@pytest.fixture
async def looked_at(calls):
    """A recording whose writer was killed: one voice, two looks at films, and what happened meanwhile."""
    consult = await calls.site.accepted()
    joined = await calls.joined(calls.site.specialist, consult)
    room, who = joined["room"], joined["participant"]
    clusters = Clusters()
    voice, looks = calls.shelf.open(FILE), calls.shelf.open(FILE.replace("webm", "jsonl"))
    voice.write(
        header(Format("opus")) + b"".join(clusters.frame(at, b"\xf8", key=True) for at in range(2000, 9000, 20))
    )
    film = {"study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "frame": 1}
    looks.write(
        b"".join(json.dumps(line).encode() + b"\n" for line in ({"at_ms": 3000, "by": who, **film}, {"at_ms": 5000}))
    )
    for strip, name in ((voice, FILE), (looks, FILE.replace("webm", "jsonl"))):
        strip.close()
        path = calls.folder / "recordings" / name
        os.truncate(path, path.stat().st_size - END)
    take = {"take": "00ff00ff00ff00ff", "by": who, "began_ms": 2000}
    happened = [
        (0, who, "recording", {"step": "begun"}),
        (1, who, "joined", {}),  # before anything was heard
        (2, who, "recording_file", {**take, "file": FILE, "label": "audio"}),
        (3, "", "recording_file", {**take, "file": FILE.replace("webm", "jsonl"), "label": "view", "began_ms": 3000}),
        (4, who, "ladder", {"step": "voice"}),
        (6, who, "recording", {"step": "paused"}),
        (7, who, "recording", {"step": "ended"}),  # the end of the bar needs no mark
        (60, who, "left", {}),
    ]
    async with calls.site.database.write(SYSTEM) as work:
        told = [
            Told(900 + number, room, kind, whose, calls.now + timedelta(seconds=at), detail)
            for number, (at, whose, kind, detail) in enumerate(happened)
        ]
        await calls.scheduling.keep(work, "media", told)
    return consult


async def test_what_a_kill_has_cut_is_played_with_what_happened_and_what_was_looked_at(calls, looked_at):
    site = calls.site
    played = await calls.scheduling.playback_of(site.doctor, looked_at.id, "00ff00ff00ff00ff")
    assert (played.recording.seconds, played.from_ms, played.until_ms) == (None, 2000, 8980)
    assert [(mark.at_ms, mark.kind, mark.step) for mark in played.marks] == [
        (4000, "ladder", "voice"),
        (6000, "recording", "paused"),
    ]
    assert [(look.at_ms, look.who, look.film.get("instance")) for look in played.looks] == [
        (3000, site.specialist.name, "1.2.3.4"),
        (5000, "", None),
    ]
    assert [(line.at_ms, line.kind) for line in lines_of(played)] == [
        (1000, "film"),
        (2000, "ladder"),
        (4000, "recording"),
    ]
    _, whole, _ = await fetched(calls, track(looked_at), site.doctor, {})
    with av.open(io.BytesIO(whole)) as container:
        assert container.duration == 8_980_000
    async with site.database.read() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.action == "recording.play"))
        assert {(row.actor, row.subject) for row in rows} == {(site.doctor.id, f"consults/{looked_at.id}")}
    for stranger in (site.colleague, site.city_specialist, a_patient_actor(site.patient, site.village)):
        with pytest.raises(NotFound):
            await calls.scheduling.playback_of(stranger, looked_at.id, "00ff00ff00ff00ff")
    assert await take_away(calls.scheduling._board, calls.now + timedelta(days=2), timedelta(days=1)) == 2
    with pytest.raises(NotFound):
        await calls.scheduling.playback_of(site.doctor, looked_at.id, "00ff00ff00ff00ff")


async def fetched(calls, path, who, headers):
    url = calls.server.make_url(path)
    async with calls.http.get(url, headers={**await calls.bearer(who), **headers}) as answer:
        return answer.status, await answer.read(), dict(answer.headers)
