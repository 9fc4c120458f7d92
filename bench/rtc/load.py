"""Two processes of light peers: one that publishes pre-built media, one that counts what arrives.

Started by `bench.relay`; each says `ready`, then answers `begin` and `end` over its pipe.
"""

import asyncio
import contextlib
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from bench.rtc.janus import JanusDoor
from bench.rtc.peer import LightPeer
from bench.rtc.standard import StandardDoor

STAMP = b"benchrtc"
_SO_TIMESTAMPNS = 35
_FPS, _VIDEO_BPS, _PAYLOAD = 30, 1_000_000, 1_050
_KEY_EVERY_S = 3
_SAMPLE = 24
"""One packet in so many is decrypted and timed."""
_CONSENT_EVERY_S = 4.0
_LATE_S = 0.1


@dataclass(frozen=True)
class Task:
    """What a process is to do.

    Attributes:
        door: `("janus", url)` or `("standard", url, token)`.
        host: Address of the generator.
        cpu: Core it may use, None for any.
        links: (room, publisher) for each peer to make.
    """

    door: tuple[str, ...]
    host: str
    cpu: int | None
    links: tuple[tuple[int, int], ...]


def _open(door: tuple[str, ...]) -> JanusDoor | StandardDoor:
    return JanusDoor(door[1]) if door[0] == "janus" else StandardDoor(door[1], door[2])


async def _serve(pipe: Connection, begin: Any, end: Any) -> None:
    loop = asyncio.get_running_loop()
    pipe.send("ready")
    while (word := await loop.run_in_executor(None, pipe.recv)) != "stop":
        pipe.send(begin() if word == "begin" else end())


# ---------------------------------------------------------------- publishing
class Track:
    """One stream of pre-built payloads."""

    def __init__(self, peer: LightPeer, kind: str) -> None:
        self.peer, self.kind = peer, kind
        self.pt, self.ssrc = peer.pts[kind], peer.ssrcs[kind]
        self.every_s = 0.02 if kind == "audio" else 1 / _FPS
        self.clock = 48_000 if kind == "audio" else 90_000
        self.seq, self.ts = random.randrange(30_000), random.getrandbits(31)
        self.frames = self.packets = 0
        self.wanted = False
        self.picture = random.getrandbits(15)

    def frame(self) -> None:
        """Send one."""
        parts = [bytes(60)] if self.kind == "audio" else self._picture()
        for number, part in enumerate(parts):
            marker = 0x80 if self.kind == "video" and number == len(parts) - 1 else 0
            head = struct.pack("!BBHII", 0x80, marker | self.pt, self.seq, self.ts, self.ssrc)
            self.peer.send(self.peer.protect(head + part + STAMP + struct.pack("!Q", time.time_ns())))
            self.seq = (self.seq + 1) & 0xFFFF
        self.packets += len(parts)
        self.frames += 1
        self.ts = (self.ts + int(self.clock * self.every_s)) & 0xFFFFFFFF

    def _picture(self) -> list[bytes]:
        key = self.wanted or self.frames % (_FPS * _KEY_EVERY_S) == 0
        self.wanted = False
        size = _VIDEO_BPS // 8 // _FPS * (3 if key else 1)
        count = -(-size // _PAYLOAD)
        self.picture = (self.picture + 1) & 0x7FFF
        parts = []
        for number in range(count):
            descriptor = struct.pack("!BBH", 0x90 if number == 0 else 0x80, 0x80, 0x8000 | self.picture)
            tag = (b"\x10\x02\x00\x9d\x01\x2a\x00\x05\xd0\x02" if key else b"\x11\x02\x00") if number == 0 else b""
            parts.append(descriptor + tag + bytes(size // count - 4 - len(tag) - 16))
        return parts


def publish(task: Task, pipe: Connection) -> None:
    """The publishers' process."""
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    stop = threading.Event()
    tracks: list[Track] = []

    def run() -> None:
        now = time.monotonic()
        due = {track: now + random.random() * track.every_s for track in tracks}
        consent = now
        asked: set[LightPeer] = set()
        while not stop.is_set():
            track = min(due, key=due.__getitem__)
            now = time.monotonic()
            if due[track] > now:
                time.sleep(min(due[track] - now, 0.05))
                _drain((track.peer for track in tracks if track.kind == "video"), asked)
                for one in tracks:
                    one.wanted = one.wanted or one.peer in asked
                asked.clear()
            else:
                track.frame()
                due[track] += track.every_s
                if now - due[track] > _LATE_S:
                    due[track] = now  # this machine was busy: what was not sent in time is not sent in a burst
            if now > consent:
                consent = now + _CONSENT_EVERY_S
                for peer in {track.peer for track in tracks}:
                    peer.send(peer.check())

    async def main() -> None:
        async with _open(task.door) as door:
            for room, publisher in task.links:
                peer = LightPeer(task.host)
                await door.publish(peer, room, publisher)
                tracks.extend((Track(peer, "audio"), Track(peer, "video")))
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            await _serve(pipe, lambda: None, lambda: sum(track.packets for track in tracks))
            stop.set()
            thread.join()

    asyncio.run(main())
    pipe.send("bye")


def _drain(peers: Iterable[LightPeer], asked: set[LightPeer]) -> None:
    for peer in peers:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data, address = peer.socket.recvfrom(2048)
                if data[0] < 4:
                    peer.on_stun(data, address)
                elif data[0] >= 128 and _asks_key_frame(peer.unprotect_rtcp(data)):
                    asked.add(peer)


def _asks_key_frame(rtcp: bytes) -> bool:
    at = 0
    while at + 4 <= len(rtcp):
        if rtcp[at + 1] == 206 and rtcp[at] & 31 in (1, 4):
            return True
        at += 4 + 4 * ((rtcp[at + 2] << 8) | rtcp[at + 3])
    return False


# ---------------------------------------------------------------- playing
@dataclass
class Count:
    """What one viewer got of one stream."""

    first: int
    highest: int
    packets: int = 1


@dataclass
class Viewer:
    """One subscriber."""

    peer: LightPeer
    streams: dict[int, Count] = field(default_factory=dict)
    seen: int = 0

    def take(self, packet: bytes, at_ns: int, latencies: list[int]) -> None:
        """One RTP packet."""
        seq, ssrc = (packet[2] << 8) | packet[3], packet[8:12]
        count = self.streams.get(ssrc)
        if count is None:
            self.streams[ssrc] = Count(seq, seq)
        else:
            ahead = (seq - count.highest) & 0xFFFF
            if ahead < 0x8000:
                count.highest += ahead
            count.packets += 1
        self.seen += 1
        if self.seen % _SAMPLE == 0:
            clear = self.peer.unprotect(packet)
            if clear[-16:-8] == STAMP:
                latencies.append(at_ns - struct.unpack("!Q", clear[-8:])[0])


def play(task: Task, pipe: Connection) -> None:
    """The viewers' process."""
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    stop = threading.Event()
    viewers: dict[int, Viewer] = {}
    latencies: list[int] = []

    poll = select.epoll()

    def run() -> None:
        consent = time.monotonic()
        while not stop.is_set():
            for number, _ in poll.poll(0.1):
                _read(viewers[number], latencies)
            if time.monotonic() > consent:
                consent = time.monotonic() + _CONSENT_EVERY_S
                for viewer in list(viewers.values()):
                    viewer.peer.send(viewer.peer.check())

    def begin() -> None:
        latencies.clear()
        for viewer in viewers.values():
            viewer.streams.clear()

    def end() -> dict[str, Any]:
        counts = [count for viewer in viewers.values() for count in viewer.streams.values()]
        got = sum(count.packets for count in counts)
        expected = sum(count.highest - count.first + 1 for count in counts)
        starved = sum(1 for viewer in viewers.values() if len(viewer.streams) < 2)
        return {"received": got, "expected": expected, "starved": starved, "latencies_ns": sorted(latencies)}

    async def main() -> None:
        async with _open(task.door) as door:
            limit = asyncio.Semaphore(6)

            async def one(room: int, publisher: int) -> None:
                async with limit:
                    peer = LightPeer(task.host)
                    await door.play(peer, room, publisher)
                    peer.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                    viewers[peer.socket.fileno()] = Viewer(peer)
                    poll.register(peer.socket, select.EPOLLIN)  # read from now on: what waits would be lost or late

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            await asyncio.gather(*(one(*link) for link in task.links))
            await _serve(pipe, begin, end)
            stop.set()
            thread.join()

    asyncio.run(main())
    pipe.send("bye")


def _read(viewer: Viewer, latencies: list[int]) -> None:
    receive = viewer.peer.socket.recvmsg
    with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
        while True:
            data, beside, _, address = receive(2048, 64)
            if data[0] < 4:
                viewer.peer.on_stun(data, address)
            elif data[0] >= 128 and not 192 <= data[1] <= 223:
                seconds, nanoseconds = struct.unpack("=qq", beside[0][2]) if beside else divmod(time.time_ns(), 10**9)
                viewer.take(data, seconds * 10**9 + nanoseconds, latencies)
