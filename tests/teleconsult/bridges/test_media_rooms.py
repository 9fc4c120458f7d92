"""WHIP and WHEP through the web's doors, with a real peer and a bearer token."""

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from tests.builders.people import a_patient_actor

SDP = {"Content-Type": "application/sdp"}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


async def negotiated(calls, connection, path, who):
    await connection.setLocalDescription(await connection.createOffer())
    headers = {**SDP, **await calls.bearer(who)}
    url = calls.server.make_url(path)
    async with calls.http.post(url, data=connection.localDescription.sdp, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == 201, text
        await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return answer.headers["Location"]


async def publishing(calls, path, who):
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTrack(AudioStreamTrack())
    connection.addTrack(VideoStreamTrack())
    return connection, await negotiated(calls, connection, path, who)


async def playing(calls, path, who):
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")
    return connection, await negotiated(calls, connection, path, who)


async def picture_of(connection):
    track = next(one.receiver.track for one in connection.getTransceivers() if one.kind == "video")
    return await track.recv()


async def test_an_outside_client_publishes_and_plays(calls):
    site = calls.site
    publisher, location = await publishing(calls, "/whip/ward3", site.doctor)
    assert location.startswith("/whip/ward3/")
    viewer, _ = await playing(calls, "/whep/ward3", site.colleague)
    assert (await picture_of(viewer)).width == 640
    status, _ = await calls.ask("DELETE", location, site.colleague)
    assert status == 404  # somebody else's session
    status, _ = await calls.ask("DELETE", location, site.doctor)
    assert status == 200
    status, _ = await calls.ask("DELETE", location, site.doctor)
    assert status == 404
    await publisher.close()
    await viewer.close()


async def test_a_room_of_the_same_name_elsewhere_is_another_room(calls):
    site = calls.site
    publisher, location = await publishing(calls, "/whip/ward3", site.doctor)
    viewer, _ = await playing(calls, "/whep/ward3", site.specialist)
    state = (await calls.node.ask("GET", "/control/state")).body.decode()
    assert f"w.{site.village}.ward3" in state
    assert f"w.{site.county}.ward3" in state
    with pytest.raises(TimeoutError):
        await picture_within(viewer, 1.0)
    status, _ = await calls.ask("DELETE", location, site.specialist)
    assert status == 404
    await publisher.close()
    await viewer.close()


async def picture_within(connection, seconds):
    import asyncio

    async with asyncio.timeout(seconds):
        return await picture_of(connection)


async def test_an_outside_client_joins_the_consult_under_its_own_name(calls):
    site = calls.site
    consult = await site.accepted()
    socket, _ = await calls.in_call(site.specialist, consult)
    room = (await calls.joined(site.doctor, consult))["room"]
    publisher, _ = await publishing(calls, f"/whip/{room}", site.doctor)
    told = await socket.receive_json(timeout=10)
    assert told["seat"]["name"] == "doctor"
    status, _ = await calls.ask("POST", f"/whip/{room}", site.city_specialist, data="v=0", headers=SDP)
    assert status == 404
    await publisher.close()
    await socket.close()


async def test_a_revoked_viewer_sees_no_more(calls):
    site = calls.site
    publisher, _ = await publishing(calls, "/whip/ward3", site.doctor)
    viewer, _ = await playing(calls, "/whep/ward3", site.colleague)
    await picture_of(viewer)
    (token,) = await calls.access.tokens_of(site.colleague)
    await calls.access.revoke(site.colleague, token.id)
    await calls.settle()
    figures = await calls.node.figures()
    assert "media_peers 1" in figures
    await publisher.close()
    await viewer.close()


async def test_strangers_are_asked_who_they_are(calls):
    for door in ("/whip/x", "/whep/x"):
        status, told = await calls.ask("POST", door, data="v=0", headers=SDP)
        assert (status, told["code"]) == (401, "not_identified")
        status, _ = await calls.ask("DELETE", f"{door}/abcdefgh1234")
        assert status == 401


async def test_patients_have_no_rooms_of_their_own(calls):
    patient = a_patient_actor(calls.site.patient, calls.site.village)
    status, _ = await calls.ask("POST", "/whip/x", patient, data="v=0", headers=SDP)
    assert status == 403


@pytest.mark.parametrize("body", ["", "v=0", "x" * 1000, "v=0\r\nm=audio 9\r\n", "v=0\r\n" + "a=x\r\n" * 4000])
async def test_a_malformed_offer_is_refused(calls, body):
    status, told = await calls.ask("POST", "/whip/x", calls.site.doctor, data=body, headers=SDP)
    assert status == 400, told


async def test_another_content_is_refused(calls):
    status, _ = await calls.ask("POST", "/whip/x", calls.site.doctor, json={})
    assert status == 415
    headers = {"Content-Type": "text/plain"}
    status, _ = await calls.ask("PATCH", "/whip/x/abcdefgh1234", calls.site.doctor, data="x", headers=headers)
    assert status == 415


@pytest.mark.parametrize("room", ["a.b", "x" * 65, "%2e%2e%2fcontrol", "w.other.room", "c.none.1", "a b"])
async def test_a_name_that_is_none_is_refused(calls, room):
    status, _ = await calls.ask("POST", f"/whip/{room}", calls.site.doctor, data="v=0", headers=SDP)
    assert status in (400, 404)
    assert '"holds": []' in (await calls.node.ask("GET", "/control/state")).body.decode()


async def test_the_house_own_line_has_no_public_door(calls):
    for path in ("/control/state", "/control/revoke"):
        status, _ = await calls.ask("POST", path, calls.site.doctor, json={})
        assert status == 404
