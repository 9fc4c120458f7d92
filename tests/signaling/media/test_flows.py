"""The compiled way through and the one in Python do the same with whatever comes, and change places at every moment."""

import socket
import struct
from dataclasses import fields
from types import SimpleNamespace

import pylibsrtp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signaling.media.history import MOST
from signaling.media.mux import SLOT_BYTES, WRITE_BATCH
from signaling.media.plane import open_plane
from signaling.media.sdp import Codec
from signaling.media.sources import Source
from signaling.media.tally import Tally
from signaling.media.tracks import Slot
from tests.signaling.media.test_fan import KEY, Caught, lane_like

VIDEO, AUDIO, LEVEL_ID = 7, 8, 1
KEY_FRAME = b"\x90\x80\x01\x10"
CODECS = {VIDEO: (Codec("VP8", 96, 90_000), Codec("H264", 97, 90_000)), AUDIO: (Codec("opus", 111, 48_000),)}


def name_of(port):
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)


class Fed(Caught):
    """A port that is given what it receives."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def receive(self):
        now, self.waiting = self.waiting, []
        for slot, (name, datagram) in enumerate(now):
            self.inbox.data[slot * SLOT_BYTES : slot * SLOT_BYTES + len(datagram)] = datagram
            self.inbox.names[slot * self.name_bytes : (slot + 1) * self.name_bytes] = name
            self.inbox.messages[slot].length = len(datagram)
        return len(now)


class Publisher(SimpleNamespace):
    __hash__ = object.__hash__


class House:
    """A plane with one publisher, made up but for what the packet path uses of it."""

    def __init__(self, *, compiled):
        self.mux, self.now_s, self.taped, self.heard = Fed(), 100.0, [], []
        self.plane = open_plane(self.mux, compiled=compiled)
        if compiled:
            self.plane._flows.way.fd = -1  # what C cannot send Python sends
        self.plane._receive = self.mux.receive
        self.plane.now_s = lambda: self.now_s
        policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)
        policy.window_size = 1024
        self.keys = pylibsrtp.Session(policy)
        self.peer = Publisher(
            rx=self.keys._srtp[0], level_id=LEVEL_ID, apts={}, mid_id=0, rid_id=0, by_ssrc={}, sources={}, name=None,
            adopt=lambda *_: None, send_rtcp=lambda _: None, feedback=SimpleNamespace(hear=self.heard.append),
        )  # fmt: skip
        self.plane._move(self.peer, name_of(1000))
        self.peer.name = name_of(1000)
        for ssrc, kind in ((VIDEO, "video"), (AUDIO, "audio")):
            slot, section = Slot("p", kind), SimpleNamespace(kind=kind, rids=(), repeats=kind == "video")
            source = Source(self.peer, slot, section, CODECS[ssrc], books=self.plane.books)
            source.ssrc = ssrc
            self.peer.by_ssrc[ssrc] = self.peer.sources[kind, ""] = source
            slot.take((source,), self.now_s)
        self.video, self.audio = (self.peer.by_ssrc[ssrc].slot for ssrc in (VIDEO, AUDIO))

    def close(self):
        self.mux.close()

    # ------------------------------------------------------------ what happens
    def packets(self, datagrams):
        self.now_s += 0.01
        self.mux.waiting = [(self.peer.name, datagram) for datagram in datagrams]
        self.plane.on_readable()

    def join(self, number):
        for slot in (self.video, self.audio):
            one = lane_like(number + 10 * (slot is self.audio))
            one.codec_pts = {"VP8": 100, "H264": 101, "opus": 109}
            slot.add(one, self.now_s)

    def leave(self, _):
        for slot in (self.video, self.audio):
            if slot.lanes:
                slot.remove(slot.lanes[0])

    def change_address(self, number):
        for one in self.video.lanes[:1]:
            one.move(name_of(2000 + number))

    def record(self, number):
        self.video.record(self.taped.append if number % 2 else None, self.now_s)

    def second(self, _):
        for source in self.peer.sources.values():
            source.tally.bytes = source.tally.spent = 0
            source.lateness.look()

    def pause(self, number):
        self.now_s += number

    def roam(self, number):
        self.plane._move(self.peer, name_of(1000 + number))
        self.peer.name = name_of(1000 + number)

    def end(self, _):
        """The tracks are taken away, and given anew."""
        for source in self.peer.sources.values():
            self.plane.let_go(source)
            source.slot.restart(source, self.now_s, anew=True)

    # ------------------------------------------------------------ what came of it
    def state(self):
        plane = self.plane
        self.mux.flush()
        counts = plane.packets_in, plane.packets_out, plane.refused, plane.unknown, len(self.heard)
        sources = []
        for source in self.peer.by_ssrc.values():
            tally = {one.name: getattr(source.tally, one.name) for one in fields(Tally)}
            missing = source.missing
            held = source.history and [source.history.find(seq) for seq in {tally["highest"] & 0xFFFF, 5, 1000, 65_535}]
            runs = [(one.run.packets, one.run.octets, one.run.guard) for one in source.slot.lanes]
            asked = missing.repaired, missing.broken, sorted(missing._asked), missing.round_trip_s
            sources.append((tally, asked, held, runs, source.pt, source.waiting))
        return counts, sources, self.taped, sorted(self.mux.out)


class Sender:
    """Encrypts what a publisher sends, true and lying."""

    def __init__(self):
        policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        policy.window_size, policy.allow_repeat_tx = 1024, True
        self.keys = pylibsrtp.Session(policy)
        self.seq = {VIDEO: 65_500, AUDIO: 65_530}
        self.ts = {VIDEO: 1 << 32 - 1, AUDIO: 0}

    def packet(self, ssrc, kind, step, frame, payload):
        seq, ts = (self.seq[ssrc] + step) & 0xFFFF, (self.ts[ssrc] + frame) & 0xFFFFFFFF
        if kind in ("true", "lost", "levels", "long"):
            self.seq[ssrc], self.ts[ssrc] = seq, ts
        pt = {VIDEO: 96, AUDIO: 111}[ssrc]
        first, pt, ssrc = (
            0x80,
            {"comfort": 13, "codec": 97, "rtcp": 72}.get(kind, pt),
            99 if kind == "foreign" else ssrc,
        )
        extension = b""
        if kind == "levels":
            first, extension = 0x90, b"\xbe\xde\0\1" + bytes([LEVEL_ID << 4, step * 40 & 0xFF, 0, 0])
        elif kind == "long":
            first, extension = 0x90, b"\xbe\xde\xff\xff"
        marker = 0x80 if kind == "rtcp" or frame else 0
        clear = struct.pack("!BBHII", first, marker | pt, seq, ts, ssrc) + extension + payload
        try:
            secret = self.keys.protect(clear)
        except pylibsrtp.Error:
            secret = clear
        if kind == "forged":
            return secret[:-1] + bytes([secret[-1] ^ 1])
        return b"" if kind == "lost" else secret[:9] if kind == "short" else secret


pictures = st.sampled_from([b"\x90\x80\x80\x01\x10", b"\x90\xe0\x80\x01\x05\0\x11", b"\x80\x80\x12", b"\x7c\x85"])
packets = st.tuples(
    st.sampled_from([VIDEO, VIDEO, AUDIO]),
    st.sampled_from(
        ["true"] * 30 + ["levels", "lost", "forged", "long", "short", "comfort", "codec", "rtcp", "foreign"]
    ),
    st.sampled_from([1] * 50 + [0, 2, 3, -1, -2, 90, 300, 40_000]),
    st.sampled_from([0, 0, 960, 3000] * 4 + [90_000 * 11, -3000]),
    st.tuples(pictures, st.binary(max_size=40)).map(b"".join),
)
batches = st.tuples(st.just("packets"), st.lists(packets, min_size=1, max_size=30))
changes = st.tuples(
    st.sampled_from(["join", "join", "leave", "change_address", "record", "second", "pause", "roam", "end"]),
    st.integers(0, 9),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(batches | batches | changes, max_size=14))
def test_both_ways_do_the_same(fanout, happenings):
    houses = House(compiled=False), House(compiled=True)
    sender = Sender()
    try:
        for what, of in [("join", 1), *happenings]:
            told = [sender.packet(*one) for one in of] if what == "packets" else of
            for house in houses:
                getattr(house, what)(told)
            assert houses[0].state() == houses[1].state()
    finally:
        for house in houses:
            house.close()


@pytest.fixture
def running(fanout):
    """A house whose usual packets are C's by now, and its sender."""
    house, sender = House(compiled=True), Sender()
    house.join(1)
    house.packets(
        [sender.packet(ssrc, "true", 1, 960, b"\x90\x80\x01\x10") for ssrc in (VIDEO, AUDIO) for _ in range(3)]
    )
    assert all(source.flow.row.armed for source in house.peer.by_ssrc.values())
    yield house, sender
    house.close()


def looked_at(house, monkeypatch):
    """Whether Python looks at the next packet."""
    slots = []
    monkeypatch.setattr(house.plane, "_take", lambda slot, now: slots.append(slot))
    return slots


def test_usual_packets_are_not_looked_at(running, monkeypatch):
    house, sender = running
    slots, before = looked_at(house, monkeypatch), house.plane.packets_out
    house.packets([sender.packet(VIDEO, "true", 1, 0, b"x") for _ in range(50)])
    assert not slots
    assert house.plane.packets_out == before + 50


@pytest.mark.parametrize("name", Source.__slots__)
def test_whatever_changes_of_a_source_python_looks_at_the_next_packet(running, monkeypatch, name):
    house, sender = running
    source = house.peer.by_ssrc[VIDEO]
    setattr(source, name, getattr(source, name))
    slots = looked_at(house, monkeypatch)
    house.packets([sender.packet(VIDEO, "true", 1, 0, b"x")])
    assert slots == [0]


def test_from_an_address_that_was_left_nothing_comes(running):
    house, sender = running
    was, unknown, before = house.peer.name, house.plane.unknown, house.plane.packets_in
    house.roam(5)
    house.mux.waiting = [(was, sender.packet(VIDEO, "true", 1, 0, b"x"))]
    house.plane.on_readable()
    assert house.plane.unknown == unknown + 1
    assert house.plane.packets_in == before
    assert not house.plane._flows._flows


def test_who_takes_an_address_has_it_alone(running):
    house, _ = running
    house.plane._move(Publisher(sources={}, name=None), house.peer.name)
    assert not house.plane._flows._flows
    assert all(source.flow is None for source in house.peer.by_ssrc.values())


def test_of_two_sources_of_one_number_c_knows_the_later_one(running):
    house, _ = running
    flows, was = house.plane._flows, house.peer.by_ssrc[VIDEO]
    other = Source(house.peer, Slot("p", "video"), SimpleNamespace(kind="video", rids=(), repeats=True), CODECS[VIDEO])
    other.ssrc, other.tally = VIDEO, house.plane.books.tally()
    flows.arm(house.peer, other)
    rows = [flows.way.flows[at] for at in range(flows.way.places) if flows.way.flows[at]]
    assert other.flow.row in rows
    assert was.flow.row not in rows
    house.plane.let_go(was)
    assert flows._flows[other.flow.key] is other.flow


def test_a_flood_is_refused_in_c_too(running):
    house, sender = running
    for _ in range(400):
        house.packets([sender.packet(AUDIO, "true", 1, 960, bytes(300)) for _ in range(4)])
    assert house.plane.refused > 1000
    assert house.peer.by_ssrc[AUDIO].tally.packets < 200


def test_what_came_once_does_not_come_again(running):
    house, sender = running
    packet = sender.packet(VIDEO, "true", 1, 0, b"x")
    house.packets([packet])
    before = house.plane.packets_in, house.plane.refused
    house.packets([packet])
    house.peer.by_ssrc[VIDEO].tally.highest -= 1  # even if it passed for the next one
    house.packets([packet])
    assert (house.plane.packets_in, house.plane.refused) == (before[0], before[1] + 2)


def test_a_full_outbox_is_sent_before_the_next_packet(running):
    house, sender = running
    for number in range(2, 302):
        one = lane_like(number)
        one.codec_pts = {"VP8": 100}
        house.video.add(one, house.now_s)
    house.packets([sender.packet(VIDEO, "true", 1, 960, KEY_FRAME) for _ in range(3)])
    house.mux.flush()
    house.mux.out.clear()
    house.packets([sender.packet(VIDEO, "true", 1, 0, b"x") for _ in range(20)])
    assert len(house.mux.out) == 20 * 301
    assert house.mux.queued < WRITE_BATCH


def test_many_sources_have_their_places(running):
    house, _ = running
    made = []
    for ssrc in range(100, 400):
        slot, section = Slot("p", "audio"), SimpleNamespace(kind="audio", rids=(), repeats=False)
        source = Source(house.peer, slot, section, CODECS[AUDIO], books=house.plane.books)
        source.ssrc = ssrc
        house.plane._flows.arm(house.peer, source)
        made.append(source)
    way = house.plane._flows.way
    assert sum(bool(way.flows[at]) for at in range(way.places)) == 302
    for source in made:
        house.plane.let_go(source)
    assert sum(bool(way.flows[at]) for at in range(way.places)) == 2


def test_both_ways_mean_the_same_memory(fanout):
    names = [name for name, _ in fanout.ffi.typeof("fanout_tally").fields]
    assert sorted(names) == sorted(one.name for one in fields(Tally))
    assert len(fanout.ffi.new("fanout_history *").kept) == MOST
