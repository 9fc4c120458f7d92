"""Real aiortc peers publish and play through the real port; only the network is loopback."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from signaling.app import ROOMS, create_app
from signaling.config import ExchangeSettings
from signaling.ports import Admission, Grant
from signaling.tickets import mint

KEY = b"k" * 32
ALL = frozenset({Grant.PUBLISH, Grant.SUBSCRIBE, Grant.SHARE, Grant.FILMS})


def ticket(room="r", participant="p", grants=ALL, age=timedelta()):
    expires = datetime.now(UTC) + timedelta(seconds=60) - age
    return mint(KEY, Admission(room, participant, participant.title(), "doctor", grants, expires))


@pytest.fixture
async def exchange(aiohttp_client, monkeypatch, compiled):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    return await aiohttp_client(create_app(ExchangeSettings(KEY, udp_port=0, compiled=compiled)))


def peer():
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def negotiate(client, connection, path, pass_=None):
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Content-Type": "application/sdp", "X-Ticket": pass_ or ticket()}
    response = await client.post(path, data=connection.localDescription.sdp, headers=headers)
    text = await response.text()
    assert response.status == 201, text
    await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
    return response


async def publishing(client, path="/whip/r", pass_=None):
    connection = peer()
    connection.addTrack(AudioStreamTrack())
    connection.addTrack(VideoStreamTrack())
    return connection, await negotiate(client, connection, path, pass_)


async def playing(client, path="/whep/r", pass_=None):
    connection = peer()
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")
    return connection, await negotiate(client, connection, path, pass_)


async def frame_of(connection, kind, seconds=20):
    track = next(one.receiver.track for one in connection.getTransceivers() if one.kind == kind)
    async with asyncio.timeout(seconds):
        return await track.recv()


async def test_what_is_published_is_played(exchange):
    publisher, created = await publishing(exchange)
    assert created.headers["Location"].startswith("/whip/r/")
    viewer, _ = await playing(exchange)
    picture = await frame_of(viewer, "video")
    sound = await frame_of(viewer, "audio")
    assert (picture.width, picture.height) == (640, 480)
    assert sound.sample_rate == 48000
    await publisher.close()
    await viewer.close()


async def test_a_viewer_who_comes_first_plays_when_a_publisher_comes(exchange):
    viewer, _ = await playing(exchange)
    await asyncio.sleep(0.3)
    publisher, _ = await publishing(exchange)
    assert (await frame_of(viewer, "video")).width == 640
    await publisher.close()
    await viewer.close()


async def test_a_viewer_goes_on_when_the_publisher_reloads(exchange):
    first, _ = await publishing(exchange, "/whip/r?publisher=doctor")
    viewer, _ = await playing(exchange, "/whep/r?publisher=doctor")
    await frame_of(viewer, "video")
    await first.close()
    second, _ = await publishing(exchange, "/whip/r?publisher=doctor")
    track = next(one.receiver.track for one in viewer.getTransceivers() if one.kind == "video")
    before = exchange.app[ROOMS].plane.packets_out
    async with asyncio.timeout(20):
        for _ in range(30):
            await track.recv()
    assert exchange.app[ROOMS].plane.packets_out > before
    await second.close()
    await viewer.close()


async def test_delete_ends_the_session(exchange):
    publisher, created = await publishing(exchange)
    response = await exchange.delete(created.headers["Location"], headers={"X-Ticket": ticket()})
    assert response.status == 200
    assert not next(iter(exchange.app[ROOMS].live())).peers
    again = await exchange.delete(created.headers["Location"], headers={"X-Ticket": ticket()})
    assert again.status == 404
    await publisher.close()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/sdp"}, "v=0", 401),
        ({"Content-Type": "application/sdp", "X-Ticket": "x.y"}, "v=0", 401),
        ({"Content-Type": "application/json", "X-Ticket": "TICKET"}, "{}", 415),
        ({"Content-Type": "application/sdp", "X-Ticket": "TICKET"}, "nonsense", 400),
        ({"Content-Type": "application/sdp", "X-Ticket": "TICKET"}, "v=0\r\n" * 20_000, 400),
        ({"Content-Type": "application/sdp", "X-Ticket": "TICKET"}, "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n", 400),
        ({"Content-Type": "application/sdp", "X-Ticket": "NO-RIGHT"}, "v=0", 403),
    ],
)
async def test_what_is_wrong_is_refused_clearly(exchange, headers, body, status):
    given = {"TICKET": ticket(), "NO-RIGHT": ticket(grants=frozenset({Grant.SUBSCRIBE}))}
    sent = {name: given.get(value, value) for name, value in headers.items()}
    response = await exchange.post("/whip/r", data=body, headers=sent)
    assert response.status == status
    assert json.loads(await response.text())["detail"]


async def test_a_ticket_enters_once_and_only_its_room(exchange):
    one = ticket()
    publisher, _ = await publishing(exchange, pass_=one)
    for path, given in (("/whip/r", one), ("/whip/other", ticket()), ("/whip/r", ticket(age=timedelta(minutes=2)))):
        response = await exchange.post(
            path, data=publisher.localDescription.sdp, headers={"Content-Type": "application/sdp", "X-Ticket": given}
        )
        assert response.status == 401
    await publisher.close()


async def test_no_codec_is_opened_while_a_call_runs_and_the_counter_counts(exchange):
    import av

    from signaling.app import open_codecs

    publisher, _ = await publishing(exchange)
    before = open_codecs()
    context = av.CodecContext.create("opus", "r")
    assert open_codecs() == before + 1
    del context
    assert "media_codec_contexts" in await (await exchange.get("/metrics")).text()
    await publisher.close()


async def test_who_is_removed_hears_and_sends_nothing_from_that_moment(exchange):
    publisher, _ = await publishing(exchange, "/whip/r?publisher=doctor")
    viewer, _ = await playing(exchange)
    await frame_of(viewer, "video")
    rooms = exchange.app[ROOMS]
    assert rooms.revoke("r", "p")
    count = rooms.plane.packets_out
    await asyncio.sleep(0.5)
    assert rooms.plane.packets_out == count
    await publisher.close()
    await viewer.close()


async def test_media_can_be_recorded_by_a_strangers_tools(exchange):
    publisher, _ = await publishing(exchange)
    viewer, _ = await playing(exchange)
    sink = MediaBlackhole()
    for one in viewer.getTransceivers():
        sink.addTrack(one.receiver.track)
    await sink.start()
    await asyncio.sleep(1)
    await sink.stop()
    assert exchange.app[ROOMS].plane.packets_out > 20
    await publisher.close()
    await viewer.close()


async def test_a_late_delete_of_an_old_session_leaves_the_new_one_alone(exchange):
    first, created = await publishing(exchange)
    second, _ = await publishing(exchange)
    old = await exchange.delete(created.headers["Location"], headers={"X-Ticket": ticket()})
    assert old.status == 404
    assert exchange.app[ROOMS].peer("r", "p")
    await first.close()
    await second.close()


async def test_another_participant_cannot_end_or_move_a_session(exchange):
    publisher, created = await publishing(exchange)
    other = {"X-Ticket": ticket(participant="other")}
    assert (await exchange.delete(created.headers["Location"], headers=other)).status == 404
    moved = {"X-Ticket": ticket(participant="other"), "Content-Type": "application/sdp"}
    offer = publisher.localDescription.sdp
    assert (await exchange.patch(created.headers["Location"], data=offer, headers=moved)).status == 404
    await publisher.close()


async def test_nobody_takes_anothers_place_by_naming_a_stream(exchange):
    victim, _ = await publishing(exchange, pass_=ticket(participant="doctor"))
    thief, _ = await publishing(exchange, "/whip/r?publisher=doctor", ticket(participant="patient"))
    rooms = exchange.app[ROOMS]
    assert rooms.peer("r", "doctor").owner == "doctor"
    assert rooms.peer("r", "patient:as:doctor").owner == "patient"
    assert rooms.revoke("r", "patient")
    assert rooms.peer("r", "patient:as:doctor") is None
    await victim.close()
    await thief.close()


async def test_a_viewer_whose_right_is_revoked_sees_nothing_more(exchange):
    publisher, _ = await publishing(exchange, pass_=ticket(participant="doctor"))
    viewer, _ = await playing(exchange, pass_=ticket(participant="guest"))
    await frame_of(viewer, "video")
    rooms = exchange.app[ROOMS]
    assert rooms.revoke("r", "guest")
    assert all(not slot.lanes for live in rooms.live() for slot in live.slots.values())
    await publisher.close()
    await viewer.close()


async def test_who_says_goodbye_is_gone_at_once(exchange):
    publisher, _ = await publishing(exchange)
    rooms = exchange.app[ROOMS]
    async with asyncio.timeout(30):
        while not (rooms.peer("r", "p").connected and publisher.connectionState == "connected"):
            await asyncio.sleep(0.02)
        await publisher.close()
        while rooms.peer("r", "p"):
            await asyncio.sleep(0.02)


def only(connection, kind, name):
    from aiortc import RTCRtpSender

    codecs = [one for one in RTCRtpSender.getCapabilities(kind).codecs if one.mimeType.lower() == f"{kind}/{name}"]
    for one in connection.getTransceivers():
        if one.kind == kind:
            one.setCodecPreferences(codecs)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_peers_with_one_codec_work(exchange, codec):
    publisher = peer()
    publisher.addTrack(VideoStreamTrack())
    only(publisher, "video", codec)
    await negotiate(exchange, publisher, "/whip/r")
    viewer = peer()
    viewer.addTransceiver("video", direction="recvonly")
    only(viewer, "video", codec)
    await negotiate(exchange, viewer, "/whep/r")
    assert (await frame_of(viewer, "video")).width == 640
    await publisher.close()
    await viewer.close()


async def test_the_codec_that_all_can_play_is_chosen(exchange):
    viewer = peer()
    viewer.addTransceiver("video", direction="recvonly")
    only(viewer, "video", "h264")
    await negotiate(exchange, viewer, "/whep/r")
    publisher, _ = await publishing(exchange)
    assert (await frame_of(viewer, "video")).width == 640
    await publisher.close()
    await viewer.close()


async def test_ice_restarts_by_a_fragment_or_a_whole_offer(exchange):
    publisher, created = await publishing(exchange)
    rooms, where = exchange.app[ROOMS], created.headers["Location"]
    async with asyncio.timeout(10):
        while not rooms.peer("r", "p").connected:
            await asyncio.sleep(0.02)
    fragment = {"X-Ticket": ticket(), "Content-Type": "application/trickle-ice-sdpfrag"}
    trickled = await exchange.patch(where, data="a=ice-ufrag:abcd\r\n", headers=fragment)
    assert trickled.status == 204
    for number in range(30):
        words = {**fragment, "X-Ticket": ticket(), "If-Match": "*"}
        answer = await exchange.patch(where, data=f"a=ice-ufrag:new{number}\r\na=ice-pwd:x\r\n", headers=words)
        assert answer.status == 200
        assert "a=ice-ufrag:" in await answer.text()
    held = rooms.peer("r", "p")
    assert len(list(held.ufrags)) <= 2
    assert len(rooms.plane.by_ufrag) <= 2
    whole = {"X-Ticket": ticket(), "Content-Type": "application/sdp"}
    answer = await exchange.patch(where, data=publisher.localDescription.sdp, headers=whole)
    assert answer.status == 200
    assert held.connected
    await publisher.close()


async def test_names_that_come_and_go_leave_nothing_behind(exchange):
    rooms = exchange.app[ROOMS]
    for number in range(5):
        publisher, created = await publishing(exchange, f"/whip/r?publisher=s{number}")
        await exchange.delete(created.headers["Location"], headers={"X-Ticket": ticket()})
        await publisher.close()
    live = next(iter(rooms.live()))
    live.sweep()
    assert not live.slots
    assert not live.peers
    assert not rooms.plane.by_ufrag
    assert not rooms.plane.by_name
    assert not rooms.plane.publishing


async def test_a_room_of_viewers_is_not_without_end(aiohttp_client):
    client = await aiohttp_client(create_app(ExchangeSettings(KEY, udp_port=0, max_viewers=2)))
    viewers = [peer() for _ in range(3)]
    statuses = []
    for viewer in viewers:
        viewer.addTransceiver("video", direction="recvonly")
        await viewer.setLocalDescription(await viewer.createOffer())
        headers = {"Content-Type": "application/sdp", "X-Ticket": ticket()}
        statuses.append((await client.post("/whep/r", data=viewer.localDescription.sdp, headers=headers)).status)
        await viewer.close()
    assert statuses == [201, 201, 404]


async def test_a_ticket_that_is_not_ascii_is_refused(exchange):
    response = await exchange.post(
        "/whip/r", data="v=0", headers={"Content-Type": "application/sdp", "X-Ticket": "é.é"}
    )
    assert response.status == 401
