"""Hostile datagrams meet silence or a count, and the call goes on."""

import asyncio
import contextlib
import os
import random
import socket
import struct

import pylibsrtp
import pytest

from signaling.app import ROOMS
from signaling.media import feedback
from signaling.media.loss import LossWindow
from tests.signaling.lossy import lose
from tests.signaling.test_whip import exchange, frame_of, playing, publishing  # noqa: F401 - the fixture


@pytest.fixture
async def call(exchange):  # noqa: F811
    publisher, _ = await publishing(exchange)
    viewer, _ = await playing(exchange)
    await frame_of(viewer, "video")
    yield exchange.app[ROOMS], publisher, viewer
    await publisher.close()
    await viewer.close()


def transport(connection):
    return connection.getTransceivers()[0].receiver.transport


def heads():
    yield from (b"\x00\x01\x00\x00\x21\x12\xa4\x42", b"\x16\xfe\xfd", b"\x80\x60", b"\x80\xc8", b"\xff")


async def test_a_strangers_flood_reaches_nobody_and_the_call_goes_on(call):
    rooms, _, viewer = call
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for head in heads():
            for size in (0, 1, 12, 40, 548, 1400, 1900, 4000):
                stranger.sendto((head + os.urandom(size))[: size or 1], rooms.address)
    await asyncio.sleep(0.2)
    assert rooms.plane.unknown > 10
    assert (await frame_of(viewer, "video")).width == 640


async def test_what_is_broken_inside_an_admitted_connection_is_dropped_and_the_call_goes_on(call):
    rooms, publisher, viewer = call
    line, rng = transport(publisher), random.Random(7)
    for _ in range(300):
        clear = struct.pack("!BBHII", 0x80 | rng.randrange(32), rng.randrange(128), rng.randrange(65536), 0, 99)
        with contextlib.suppress(pylibsrtp.Error):  # our own library will not send every lie
            await line._send_rtp(clear + rng.randbytes(rng.randrange(300)))
    for kind in (200, 201, 203, 205, 206):
        for fmt in (0, 1, 4, 15, 31):
            body = rng.randbytes(4 * rng.randrange(40))
            with contextlib.suppress(pylibsrtp.Error):
                await line._send_rtp(struct.pack("!BBH", 0x80 | fmt, kind, len(body) // 4) + body)
    for raw in (rng.randbytes(100), b"\x80\xc8" + rng.randbytes(60), b"\x16\xfe\xfd" + rng.randbytes(60)):
        await line.transport._send(raw)
    await asyncio.sleep(0.2)
    assert rooms.plane.refused
    assert (await frame_of(viewer, "video")).width == 640


async def test_a_viewer_cannot_send_into_the_room(call):
    rooms, _, viewer = call
    before = len(rooms.peer("r", "p").sources)
    for _ in range(50):
        await transport(viewer)._send_rtp(struct.pack("!BBHII", 0x80, 96, 1, 1, 4711) + bytes(100))
    await asyncio.sleep(0.1)
    assert rooms.plane.refused >= 50
    assert len(rooms.peer("r", "p").sources) == before


async def test_repeats_have_a_budget(call):
    rooms, publisher, viewer = call
    watching = next(one for live in rooms.live() for who, one in live.peers.items() if who.startswith("viewer."))
    lane = next(one for one in watching.lanes.values() if one.kind == "video")
    source = lane.slot.source
    newest = (source.missing.highest + lane.seq_off) & 0xFFFF
    wish = feedback.nack(lane.ssrc, [(newest - back) & 0xFFFF for back in range(8)])
    sent = []
    watching.send_rtp = sent.append
    for _ in range(400):
        await transport(viewer)._send_rtp(wish)
    await asyncio.sleep(0.5)
    assert 0 < len(sent) < 1000  # 3200 were asked for
    del watching.send_rtp
    assert (await frame_of(viewer, "video")).width == 640
    assert publisher


async def test_a_publisher_who_floods_is_cut_to_a_measure(call):
    rooms, publisher, _ = call
    source = next(one for one in rooms.peer("r", "p").sources.values() if one.kind == "audio")
    ssrc, pt = source.ssrc, source.pt
    before = rooms.plane.packets_in
    for number in range(1500):
        packet = struct.pack("!BBHII", 0x80, pt, (60_000 + number) & 0xFFFF, number, ssrc)
        await transport(publisher)._send_rtp(packet + bytes(900))
    await asyncio.sleep(0.3)
    assert rooms.plane.packets_in - before < 800


async def test_a_call_roams_to_a_new_address(call):
    from aioice import stun

    rooms, _, _ = call
    held = rooms.peer("r", "p")
    ufrag = next(iter(held.ufrags))
    was = held.name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.settimeout(2)
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes["USERNAME"] = f"{ufrag}:x"
        check.attributes["USE-CANDIDATE"] = None
        check.add_message_integrity(held.password_of(ufrag).encode())
        elsewhere.sendto(bytes(check), rooms.address)
        answer = await asyncio.to_thread(elsewhere.recv, 2000)
        assert stun.parse_message(answer).message_class is stun.Class.RESPONSE
    assert held.name != was
    assert rooms.plane.by_name[held.name] is held
    assert was not in rooms.plane.by_name


async def test_an_address_in_use_is_not_given_to_another(call):
    from aioice import stun

    rooms, _, _ = call
    live = next(iter(rooms.live()))
    victim, thief = list(live.peers.values())
    ufrag = next(iter(thief.ufrags))
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = f"{ufrag}:x"
    check.attributes["USE-CANDIDATE"] = None
    check.add_message_integrity(thief.password_of(ufrag).encode())
    rooms.plane._check(bytes(check), victim.name)  # as if it had come from there
    assert rooms.plane.by_name[victim.name] is victim


async def test_repairs_of_a_publisher_come_in_their_own_stream_and_the_loss_stays_known(call):
    rooms, _, viewer = call
    source = next(one for one in rooms.peer("r", "p").sources.values() if one.kind == "video")
    assert source.missing.apart
    seen = []

    def every_seventh(ssrc, pt, _):
        seen.append((ssrc, pt))
        return len(seen) % 7 == 0

    lose(rooms.plane, every_seventh)
    async with asyncio.timeout(20):
        while source.missing.repaired < 5:
            await frame_of(viewer, "video")
    assert {pt for ssrc, pt in seen if ssrc == source.ssrc} == {source.pt}
    assert {pt for ssrc, pt in seen if pt == source.codec.rtx}
    assert LossWindow().fraction(source.missing) > 0.05, "mended is not the same as never lost"


async def test_repeats_to_a_viewer_go_in_their_own_stream_with_the_number_of_what_they_repeat(call):
    rooms, _, viewer = call
    watching = next(one for live in rooms.live() for who, one in live.peers.items() if who.startswith("viewer."))
    lane = next(one for one in watching.lanes.values() if one.kind == "video")
    sent = []
    watching.send_rtp = sent.append
    newest = (lane.slot.source.missing.highest + lane.seq_off) & 0xFFFF
    await transport(viewer)._send_rtp(feedback.nack(lane.ssrc, [(newest - back) & 0xFFFF for back in range(2)]))
    async with asyncio.timeout(5):
        while len(sent) < 2:
            await asyncio.sleep(0.01)
    heads = [struct.unpack_from("!BBHIIH", packet) for packet in sent[:2]]
    assert {head[4] for head in heads} == {lane.rtx_ssrc}
    assert {head[1] & 0x7F for head in heads} == {lane.rtx} != {lane.pt}
    assert {head[5] for head in heads} == {newest, (newest - 1) & 0xFFFF}
    assert heads[1][2] == (heads[0][2] + 1) & 0xFFFF


async def test_the_sender_of_a_voice_is_told_what_its_listeners_lack(call):
    rooms, _, _ = call
    speaking = rooms.peer("r", "p")
    watching = next(one for live in rooms.live() for who, one in live.peers.items() if who.startswith("viewer."))
    lane = next(one for one in watching.lanes.values() if one.kind == "audio")
    for hundred in range(4):
        report = feedback.Reception(lane.ssrc, 12 * hundred, 70_000 + 100 * hundred, 0, 0.0)
        watching.feedback._react(report, 0.0)
    sent = []
    speaking.send_rtcp = sent.append
    watching.feedback.report(speaking.now_s(), 10**6)
    speaking.feedback.report(speaking.now_s(), 10**6)
    raw = next(packet for packet in sent if packet[1] == 201)
    blocks = {int.from_bytes(raw[at : at + 4]): raw[at + 4 : at + 8] for at in range(8, len(raw), 24)}
    told = {source.kind: blocks[source.ssrc] for source in speaking.sources.values()}
    assert told["audio"][0] / 255 == pytest.approx(0.12 * 0.4, abs=0.015), "on one link, smoothed"
    assert told["video"][0] == 0
    assert told["audio"][1:] == bytes(3), "and none of it on the sender's own link"
