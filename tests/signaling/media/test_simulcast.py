"""A publisher sends one picture in several sizes; every viewer gets one of them as one unbroken stream."""

import asyncio
import contextlib
import struct
from itertools import pairwise

import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack

from signaling.app import ROOMS
from signaling.media import sdp, vp8
from signaling.media.layers import Link
from tests.signaling.test_whip import exchange, peer, playing, ticket  # noqa: F401 - the fixture

PT, RTX = 97, 98
"""aiortc's."""
MID_ID, RID_ID, REPAIRED_ID = 1, 11, 12
LAYERS = {"q": 1000, "h": 2000, "f": 3000}
SIZES = {"q": 100, "h": 400, "f": 900}


class Camera:
    """Sends made-up VP8 in three layers over a real connection: nothing here is ever decoded."""

    def __init__(self, connection):
        self.connection = connection
        self.line = connection.getTransceivers()[0].sender.transport
        self.seq = dict.fromkeys(LAYERS, 65_500)
        self.picture = {"q": 32_760, "h": 100, "f": 20_000}
        self.key = set()
        self.on = set(LAYERS)
        self.mute = set()
        self.ts = 1000

    def packet(self, rid, *, key, ssrc=None, again=None):
        numbers = (0x8000 | self.picture[rid]).to_bytes(2) + bytes([self.picture[rid] & 0xFF, 0])
        payload = b"\x90\xe0" + numbers + (b"\x10" if key else b"\x11") + bytes(SIZES[rid])
        name_id, pt = (RID_ID, PT) if again is None else (REPAIRED_ID, RTX)
        words = bytes([MID_ID << 4]) + b"0" + bytes([name_id << 4]) + rid.encode()
        extension = b"\xbe\xde" + (1).to_bytes(2) + words
        body = payload if again is None else again.to_bytes(2) + payload
        seq = self.seq[rid] if again is None else 7
        return struct.pack("!BBHII", 0x90, 0x80 | pt, seq, self.ts, ssrc or LAYERS[rid]) + extension + body

    async def frame(self):
        self.ts += 3000
        for rid in sorted(self.on, key=list(LAYERS).index):
            self.seq[rid] = (self.seq[rid] + 1) & 0xFFFF
            self.picture[rid] = (self.picture[rid] + 1) & 0x7FFF
            if rid not in self.mute:
                await self.line._send_rtp(self.packet(rid, key=rid in self.key))
        self.key.clear()

    async def run(self):
        while True:
            await self.frame()
            await asyncio.sleep(0.02)


def with_layers(text):
    head, _, video = text.partition("m=video")
    lines = [f"a=extmap:{number} {word}" for number, word in ((RID_ID, sdp.RID), (REPAIRED_ID, sdp.REPAIRED_RID))]
    lines += [*(f"a=rid:{rid} send" for rid in LAYERS), "a=simulcast:send " + ";".join(LAYERS)]
    kept = [line for line in video.split("\r\n") if not line.startswith(("a=ssrc", "a=extmap"))]
    return head + "m=video" + "\r\n".join([*kept[:-1], f"a=extmap:{MID_ID} {sdp.MID}", *lines, ""])


class Still(VideoStreamTrack):
    """A camera that gives no pictures of its own."""

    async def recv(self):
        await asyncio.sleep(3600)


async def publishing(client):
    connection = peer()
    connection.addTrack(Still())
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Content-Type": "application/sdp", "X-Ticket": ticket()}
    response = await client.post("/whip/r", data=with_layers(connection.localDescription.sdp), headers=headers)
    answer = await response.text()
    assert response.status == 201, answer
    assert "a=simulcast:recv q;h;f\r\n" in answer
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return connection


@pytest.fixture
async def call(exchange, monkeypatch):  # noqa: F811
    publisher = await publishing(exchange)
    viewer, _ = await playing(exchange)
    got = []
    receiver = next(one.receiver for one in viewer.getTransceivers() if one.kind == "video")

    async def keep(packet, arrival_time_ms):
        got.append(packet)

    monkeypatch.setattr(receiver, "_handle_rtp_packet", keep)
    await until(lambda: publisher.connectionState == viewer.connectionState == "connected")
    camera = Camera(publisher)
    task = asyncio.get_running_loop().create_task(camera.run())  # ended below
    yield exchange.app[ROOMS], camera, got
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await publisher.close()
    await viewer.close()


def lane_of(rooms):
    watching = next(one for live in rooms.live() for who, one in live.peers.items() if who.startswith("viewer."))
    return next(one for one in watching.lanes.values() if one.kind == "video")


async def until(condition, camera=None, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():
            if camera is not None:
                camera.key |= camera.on  # as browsers answer a wish
            await asyncio.sleep(0.05)


def size_of(packet):
    return len(packet.payload) - 7


def is_one_stream(got):
    """Neither numbers nor pictures have a gap, and time goes forward."""
    for before, after in pairwise(got):
        assert after.sequence_number == (before.sequence_number + 1) & 0xFFFF
        assert 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 90_000 * 5
        one, two = (vp8.numbers(packet.payload) for packet in (before, after))
        assert two == vp8.Numbers((one.picture + 1) & 0x7FFF, (one.base + 1) & 0xFF)


async def test_a_viewer_gets_the_largest_and_a_smaller_one_without_a_gap_when_its_link_is_narrow(call):
    rooms, camera, got = call
    lane = lane_of(rooms)
    await until(lambda: got and size_of(got[-1]) == SIZES["f"], camera)
    lane.peer.feedback.link = lambda: Link(1, strained=True, bad=True)
    await until(lambda: lane.next is not None)
    assert lane.next.rid == "q"
    assert lane.source.rid == "f", "until the other has a key frame"
    await until(lambda: size_of(got[-1]) == SIZES["q"], camera)
    lane.peer.feedback.link = lambda: Link(10**7)
    lane.fit._wait_s = 0.0
    await until(lambda: size_of(got[-1]) == SIZES["h"], camera)
    lane.fit._wait_s = 0.0
    await until(lambda: size_of(got[-1]) == SIZES["f"], camera)
    is_one_stream(got)
    assert {packet.ssrc for packet in got} == {lane.ssrc}


async def test_a_layer_that_is_no_longer_sent_is_replaced_by_the_next_smaller(call):
    _, camera, got = call
    await until(lambda: got and size_of(got[-1]) == SIZES["f"], camera)
    camera.on.remove("f")  # as a browser does whose uplink has no room for it
    await until(lambda: size_of(got[-1]) == SIZES["h"], camera)
    is_one_stream(got)


async def test_repairs_of_a_layer_are_told_apart_by_its_name(call):
    rooms, camera, got = call
    await until(lambda: got and size_of(got[-1]) == SIZES["f"], camera)
    source = lane_of(rooms).source
    camera.mute.add("f")
    await camera.frame()
    lost, packet = camera.seq["f"], camera.packet("f", key=False, ssrc=3001, again=camera.seq["f"])
    camera.mute.clear()
    await until(lambda: source.missing.any)
    await camera.line._send_rtp(packet)
    await until(lambda: source.missing.repaired == 1)
    assert source.history.find(lost) is not None
    assert source.missing.never == 0


async def test_packets_that_name_no_layer_are_nobodys(call):
    rooms, camera, got = call
    await until(lambda: got, camera)
    refused = rooms.plane.refused
    await camera.line._send_rtp(struct.pack("!BBHII", 0x80, PT, 1, 1, 4711) + bytes(40))
    await until(lambda: rooms.plane.refused > refused)
