"""Handshakes that lie, break off or never end: no keys for them, and the room goes on."""

import asyncio
import os
import random

import pytest
from aiohttp import ClientSession

from bench.rtc.peer import LightPeer
from signaling.app import ROOMS
from tests.signaling.test_whip import exchange, frame_of, playing, publishing, ticket  # noqa: F401 - the fixture


async def at_the_port(client, participant):
    """Somebody with a good ticket whose checks are answered and who has not yet shaken hands."""
    peer = LightPeer("127.0.0.1")
    words = {"Content-Type": "application/sdp", "X-Ticket": ticket("r", participant)}
    async with client.post("/whip/r", data=peer.offer("sendonly"), headers=words) as answer:
        assert answer.status == 201
        peer._read(await answer.text())
    candidate = peer._candidates[0]
    loop = asyncio.get_running_loop()
    loop.add_reader(peer.socket, peer._readable)
    async with asyncio.timeout(10):
        while not peer._checked.is_set():
            peer._send_to(peer.check(), candidate)
            await asyncio.sleep(0.02)
    return peer


def left(peer):
    asyncio.get_running_loop().remove_reader(peer.socket)
    peer.socket.close()


@pytest.fixture
async def client(exchange):  # noqa: F811
    async with ClientSession(exchange.make_url("/")) as made:
        yield made


def records(chance):
    """DTLS records: types, versions and lengths true and false, a first message that says to be one."""
    for kind in (20, 21, 22, 23, 24, 63):
        for size in (0, 1, 13, 60, 400, 1300):
            body = chance.randbytes(size)
            yield bytes((kind, 0xFE, chance.choice((0xFD, 0xFF, 0)))) + bytes(8) + size.to_bytes(2) + body
            yield bytes((kind,)) + chance.randbytes(size + 12)
    for _ in range(30):
        hello = b"\x01" + chance.randbytes(3) + bytes(5) + chance.randbytes(3) + b"\xfe\xfd" + chance.randbytes(80)
        yield b"\x16\xfe\xff" + bytes(8) + len(hello).to_bytes(2) + hello


async def test_a_handshake_of_nonsense_gets_no_keys_and_the_call_goes_on(exchange, client):  # noqa: F811
    camera, _ = await publishing(exchange, "/whip/r?publisher=p")
    viewer, _ = await playing(exchange, "/whep/r?publisher=p")
    await frame_of(viewer, "video")
    liar = await at_the_port(client, "liar")
    for record in records(random.Random(5)):
        liar._send_to(record, liar.remote)
        await asyncio.sleep(0)
    for _ in range(200):
        liar._send_to(b"\x80\x60" + os.urandom(300), liar.remote)  # media before there are keys
    await asyncio.sleep(0.3)
    assert (await frame_of(viewer, "video")).width == 640
    held = exchange.app[ROOMS].peer("r", "liar")
    assert held is None or not held.connected
    left(liar)
    await camera.close()
    await viewer.close()


async def test_another_certificate_than_the_offer_s_gets_no_keys(exchange, client):  # noqa: F811
    thief = LightPeer("127.0.0.1")
    offer = thief.offer("sendonly")
    at = offer.index("a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
    forged = offer[:at] + ("00" if offer[at : at + 2] != "00" else "11") + offer[at + 2 :]
    words = {"Content-Type": "application/sdp", "X-Ticket": ticket("r", "thief")}
    async with client.post("/whip/r", data=forged, headers=words) as answer:
        await thief.connect(await answer.text())  # it thinks that it is in
    async with asyncio.timeout(10):
        while exchange.app[ROOMS].peer("r", "thief"):
            await asyncio.sleep(0.02)
    before = exchange.app[ROOMS].plane.packets_in
    thief.send(b"\x80\x60" + bytes(100))
    await asyncio.sleep(0.1)
    assert exchange.app[ROOMS].plane.packets_in == before
    await thief.close()


async def test_who_never_shakes_hands_is_forgotten(exchange, client, monkeypatch):  # noqa: F811
    monkeypatch.setattr("signaling.connections._HANDSHAKE_S", 0.2)
    silent = [await at_the_port(client, f"silent-{number}") for number in range(5)]
    async with asyncio.timeout(10):
        while any(live.peers for live in exchange.app[ROOMS].live()):
            await asyncio.sleep(0.02)
    assert not exchange.app[ROOMS].plane.by_name
    for one in silent:
        left(one)
