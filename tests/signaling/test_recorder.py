"""What was said is written without decoding, sealed, only of those who agreed, and the files play."""

import asyncio
import io
import json

import av
import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from signaling.app import ROOMS, create_app
from signaling.config import ExchangeSettings
from signaling.ports import Grant
from signaling.roles import grants_of
from signaling.shelf import SealedShelf, unsealed
from tests.signaling.test_hub import said
from tests.signaling.test_whip import KEY, peer, ticket

SEAL = b"s" * 32
DOCTOR = grants_of("host") | {Grant.RECORD, Grant.CONSENT}


class Heard:
    """A Listener for tests."""

    def __init__(self):
        self.all = []

    def heard(self, happening):
        self.all.append(happening)

    def files(self):
        return {one.detail["file"]: one for one in self.all if one.kind == "recorded"}

    def steps(self):
        return [one.detail["step"] for one in self.all if one.kind == "recording"]


@pytest.fixture
async def site(aiohttp_client, monkeypatch, tmp_path):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    monkeypatch.setattr("signaling.recorder.WRITE_EVERY_S", 0.1)
    listener = Heard()
    settings = ExchangeSettings(KEY, udp_port=0, shelf=SealedShelf(tmp_path / "shelf", SEAL))
    client = await aiohttp_client(create_app(settings, listener=listener))
    return client, listener, tmp_path / "shelf"


async def enter(client, who, grants):
    line = await client.ws_connect("/rtc")
    await line.send_json({"type": "hello", "version": 1, "ticket": ticket("r", who, grants=grants)})
    return line, await said(line, "welcome")


async def publish(line, codec="VP8"):
    connection = peer()
    connection.addTrack(AudioStreamTrack())
    connection.addTrack(VideoStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    text = connection.localDescription.sdp
    text = text.replace(" VP8/", " XX8/") if codec == "H264" else text
    await line.send_json({"type": "offer", "number": 1, "sdp": text, "sends": {"0": "audio", "1": "video"}})
    answer = await said(line, "answer")
    await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    return connection


async def frames_in(client, who, count):
    """Wait until so many of somebody's packets have come."""
    async with asyncio.timeout(30):
        while (one := client.app[ROOMS].peer("r", who)) is None or sum(
            source.tally.packets for source in one.sources.values() if source.kind == "video"
        ) < count:
            await asyncio.sleep(0.02)


async def until(true):
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


def played(folder, name):
    data = b"".join(unsealed(folder / name, SEAL))
    container = av.open(io.BytesIO(data))
    stream = container.streams[0]
    frames = list(container.decode(stream))
    return stream, frames


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_recorded_call_plays(site, codec):
    client, listener, folder = site
    wang, welcome = await enter(client, "wang", DOCTOR)
    assert welcome["recording"]["on"] is False
    village, _ = await enter(client, "village", grants_of("requester") | {Grant.CONSENT})
    camera = await publish(wang, codec)
    await frames_in(client, "wang", 10)
    await wang.send_json({"type": "record", "on": True})
    for line in (wang, village):
        sign = await said(line, "recording")
        assert (sign["on"], sign["by"]) == (True, "wang")
    _, late = await enter(client, "late", grants_of("observer"))
    assert late["recording"]["on"] is True, "who comes later sees the sign too"
    await frames_in(client, "wang", 100)
    await wang.send_json({"type": "record", "on": False})
    assert (await said(village, "recording"))["on"] is False
    await until(lambda: len(listener.files()) == 2)
    kinds = {}
    for name, one in listener.files().items():
        stream, frames = played(folder, name)
        kinds[one.detail["label"]] = stream.codec_context.name
        assert one.participant == "wang"
        assert one.detail["until_ms"] > 500
        assert len(frames) > 12
        times = [frame.time for frame in frames]
        assert times == sorted(times)
        if one.detail["label"] == "video":
            assert (frames[0].width, frames[0].height) == (640, 480)
            assert name.endswith(".mkv.sealed" if codec == "H264" else ".webm.sealed")
    assert kinds["audio"] in ("opus", "libopus")
    assert kinds["video"] in ("vp8", "libvpx", "h264")
    assert listener.steps() == ["begun", "ended"]
    assert client.app[ROOMS].plane.mux.dropped == 0
    await camera.close()
    await wang.close()
    await village.close()


async def test_nothing_is_written_before_all_agreed_and_a_no_ends_it_for_all(site):
    client, listener, _ = site
    wang, _ = await enter(client, "wang", DOCTOR)
    patient, _ = await enter(client, "patient", grants_of("patient"))
    camera, phone = await publish(wang), await publish(patient)
    await frames_in(client, "patient", 5)
    await wang.send_json({"type": "record", "on": True})
    await said(patient, "recording")
    await frames_in(client, "patient", 60)
    live = client.app[ROOMS].room("r")

    def written():
        return {key for key, slot in live.slots.items() if slot.source is not None and slot.source.tape is not None}

    tracks = {(who, label) for who in ("wang", "patient") for label in ("audio", "video")}
    assert written() == set()
    await patient.send_json({"type": "consent", "given": True})
    await until(lambda: written() == tracks)
    await wang.send_json({"type": "record", "on": True, "paused": True})
    await until(lambda: written() == set())
    assert [(await said(wang, "recording"))["paused"] for _ in range(2)] == [False, True]
    await wang.send_json({"type": "record", "on": True})
    await until(lambda: written() == tracks)
    late, _ = await enter(client, "late", grants_of("requester"))
    await until(lambda: written() == set())
    await late.send_json({"type": "leave"})
    await until(lambda: written() == tracks)
    await patient.send_json({"type": "consent", "given": False})
    await until(lambda: written() == set())
    assert (await said(wang, "recording"))["on"] is True  # the going on
    assert (await said(wang, "recording"))["on"] is False
    assert live.room.recording is None
    await until(lambda: any(one.participant == "wang" for one in listener.files().values()))
    assert listener.steps() == ["begun", "paused", "resumed", "refused"]
    await camera.close()
    await phone.close()


async def test_what_was_looked_at_is_a_track_beside_the_others_while_all_agree(site):
    client, listener, folder = site
    wang, _ = await enter(client, "wang", DOCTOR)
    village, _ = await enter(client, "village", grants_of("requester"))
    film = {"study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "words": "Name of a patient"}
    await wang.send_json({"type": "share", "topic": "view", "body": {**film, "frame": 1}})
    await wang.send_json({"type": "record", "on": True})
    await wang.send_json({"type": "share", "topic": "view", "body": {**film, "frame": 2}})
    await said(village, "recording")
    await asyncio.sleep(0.3)  # rounds go by in which nothing may be kept
    await wang.send_json({"type": "share", "topic": "view", "body": {**film, "frame": 3}})
    await village.send_json({"type": "consent", "given": True})
    await until(lambda: any(one.kind == "recording_file" for one in listener.all))
    await wang.send_json({"type": "record", "on": False})
    await until(listener.files)
    ((name, told),) = listener.files().items()
    assert name.endswith(".jsonl.sealed")
    assert (told.detail["label"], told.participant) == ("view", "")
    (line,) = map(json.loads, b"".join(unsealed(folder / name, SEAL)).splitlines())
    assert line.pop("at_ms") >= 0
    assert line == {"by": "wang", "study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "frame": 3}
    await wang.close()
    await village.close()


async def test_a_quiet_call_has_places_to_begin_at(site, monkeypatch):
    monkeypatch.setattr("signaling.recorder._KEY_EVERY_S", 0.5)
    client, listener, folder = site
    wang, _ = await enter(client, "wang", DOCTOR)
    camera = await publish(wang)
    await frames_in(client, "wang", 10)
    await wang.send_json({"type": "record", "on": True})
    await frames_in(client, "wang", 150)
    await wang.send_json({"type": "record", "on": False})
    await until(lambda: len(listener.files()) == 2)
    (film,) = (name for name, one in listener.files().items() if one.detail["label"] == "video")
    with av.open(io.BytesIO(b"".join(unsealed(folder / film, SEAL)))) as container:
        assert sum(packet.is_keyframe for packet in container.demux()) > 2
    await camera.close()
    await wang.close()


async def test_nobody_records_without_the_right(site):
    client, listener, _ = site
    wang, _ = await enter(client, "wang", grants_of("host"))
    await wang.send_json({"type": "record", "on": True})
    assert (await said(wang, "refused"))["code"] == "not_admitted"
    assert listener.steps() == []
    await wang.close()


async def test_a_node_without_a_shelf_says_so(aiohttp_client):
    client = await aiohttp_client(create_app(ExchangeSettings(KEY, udp_port=0)))
    wang, _ = await enter(client, "wang", DOCTOR)
    await wang.send_json({"type": "record", "on": True})
    assert (await said(wang, "refused"))["code"] == "no_recorder"
    await wang.close()


async def test_a_full_disk_ends_the_recording_and_not_the_call(site):
    client, listener, folder = site
    folder.write_text("a file where the folder should be")
    wang, _ = await enter(client, "wang", DOCTOR)
    camera = await publish(wang)
    await frames_in(client, "wang", 5)
    await wang.send_json({"type": "record", "on": True})
    assert (await said(wang, "recording"))["on"] is True
    assert (await said(wang, "recording"))["on"] is False
    assert listener.steps() == ["begun", "failed"]
    await wang.send_json({"type": "ping", "number": 1})
    await said(wang, "pong")
    await frames_in(client, "wang", 20)
    await camera.close()
    await wang.close()
