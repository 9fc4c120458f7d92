"""The compiled fan-out and the one in Python give the same bytes to the same addresses, whatever comes."""

import random
import socket
from types import SimpleNamespace

import pylibsrtp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signaling.media.fan import CompiledFan, PlainFan
from signaling.media.forward import Heard
from signaling.media.mux import SLOT_BYTES, WRITE_BATCH, BatchMux
from signaling.media.tracks import Lane, Slot

KEY = bytes(range(1, 31))
seqs, stamps, octet = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 255)


class Caught(BatchMux):
    """A port that keeps what it would send."""

    def __init__(self):
        super().__init__("127.0.0.1", 0)
        self.out = []

    def flush(self, done=0):
        for slot in range(done, self.queued):
            name = bytes(self.outbox.names[slot * self.name_bytes : (slot + 1) * self.name_bytes])
            length = self.outbox.vectors[slot].iov_len
            self.out.append((name, bytes(self.outbox.view[slot * SLOT_BYTES : slot * SLOT_BYTES + length])))
        self.queued = 0


def session():
    policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    policy.window_size, policy.allow_repeat_tx = 1024, True
    return pylibsrtp.Session(policy)


def lane_like(number, guard=0, pt=96, shift=None):
    """A lane with everything that the packet path reads; the same numbers for the same arguments."""
    keys, rng = session(), random.Random(number)
    made = Lane(SimpleNamespace(keys=keys), Slot("p", "video"), "video", {"VP8": pt})
    made.tx = keys._srtp[0]
    made.ssrc, made.seq_off, made.ts_off, made.pt = rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(32), pt
    made.name = socket.AF_INET.to_bytes(2, "little") + bytes([0, number % 251 + 1, 127, 0, 0, 1]) + bytes(8)
    made.run.guard, made.floor, made.shift = guard, rng.getrandbits(16), shift
    return made


def source_of(lanes):
    codec = SimpleNamespace(name="VP8", clock_hz=90_000)
    return SimpleNamespace(lanes=lanes, table=None, kind="video", codec=codec, last=None)


@pytest.fixture(scope="module")
def ports():
    opened = Caught(), Caught()
    yield opened
    for port in opened:
        port.close()


shifts = st.none() | st.tuples(st.integers(0, 0x7FFF), octet)
lanes_of = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([0, 0, 0, -1, 1, 2, 512]), st.integers(0, 127), shifts), max_size=12
)
vp8 = st.tuples(st.sampled_from([b"\x90\x80", b"\x80\xc0", b"\x90\xe0", b"\x90\x40"]), st.binary(max_size=6))
payloads = st.binary(max_size=1488) | vp8.map(b"".join)
packets_of = st.lists(st.tuples(octet, octet, seqs, stamps, payloads), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lanes_of, packets_of)
def test_both_ways_send_the_same(fanout, ports, given_lanes, packets):
    ways = [PlainFan(ports[0]), CompiledFan(ports[1], fanout)]
    sources = [source_of([lane_like(*one) for one in given_lanes]) for _ in ways]
    for first, marker, seq, ts, payload in packets:
        counts = []
        for way, source in zip(ways, sources, strict=True):
            source.last = Heard(seq, ts, 1.0)
            counts.append(way.send(source, (first & 0xA0 | 0x80, marker & 0x80, seq, ts), payload))
        assert counts[0] == counts[1]
    for port in ports:
        port.flush()
    sent = [sorted(port.out) for port in ports]
    for port in ports:
        port.out.clear()
    assert sent[0] == sent[1]
    for one, other in zip(*(source.lanes for source in sources), strict=True):
        assert (one.run.packets, one.run.octets, one.run.guard) == (
            other.run.packets,
            other.run.octets,
            other.run.guard,
        )
        assert (one.floor, one.seq_off, one.ts_off) == (other.floor, other.seq_off, other.ts_off)


def test_more_copies_than_slots_go_in_several_batches(fanout, ports):
    sources = [source_of([lane_like(number) for number in range(WRITE_BATCH + 90)]) for _ in ports]
    for way, source in zip([PlainFan(ports[0]), CompiledFan(ports[1], fanout)], sources, strict=True):
        for seq in range(3):
            assert way.send(source, (0x80, 0, seq, seq), b"abc") == WRITE_BATCH + 90
    for port in ports:
        assert port.queued < WRITE_BATCH
        port.flush()
    assert sorted(ports[0].out) == sorted(ports[1].out)
    for port in ports:
        port.out.clear()


def test_a_lane_that_moves_is_sent_to_its_new_address_at_once(fanout, ports):
    port, way, one = ports[1], CompiledFan(ports[1], fanout), lane_like(1)
    one.source = source = source_of([one])
    way.send(source, (0x80, 0, 1, 1), b"here")
    elsewhere = one.name[:4] + bytes([10, 0, 0, 9]) + one.name[8:]
    one.move(elsewhere)
    way.send(source, (0x80, 0, 2, 2), b"there")
    port.flush()
    assert [name[4:8] for name, _ in port.out] == [bytes([127, 0, 0, 1]), bytes([10, 0, 0, 9])]
    port.out.clear()


def test_a_lane_that_left_gets_nothing_more(fanout, ports):
    way, lanes = CompiledFan(ports[1], fanout), [lane_like(1), lane_like(2)]
    source = source_of(lanes)
    assert way.send(source, (0x80, 0, 1, 1), b"x") == 2
    source.lanes = lanes[:1]
    assert way.send(source, (0x80, 0, 2, 2), b"x") == 1
    source.lanes = []
    assert way.send(source, (0x80, 0, 3, 3), b"x") == 0
    ports[1].flush()
    ports[1].out.clear()


@given(st.integers(0, 3 * WRITE_BATCH), st.integers(0, 3 * WRITE_BATCH), st.integers(0, 4096), st.integers(0, 64))
def test_the_compiled_loop_refuses_what_does_not_fit(fanout, queued, count, size, name_bytes):
    """Lies about sizes end before a byte is written: behind the slots lies a canary, and no lane is read."""
    ffi, copy = fanout.ffi, fanout.lib.fanout_copy
    fits = queued <= 2 and count <= 2 - queued and size <= SLOT_BYTES - 156 and name_bytes <= 28
    slots, names, vectors = bytearray(b"\xa5" * 3 * SLOT_BYTES), bytearray(64), bytearray(64)
    port = ffi.new("fanout_port *")
    port.slots, port.names = ffi.from_buffer("uint8_t[]", slots), ffi.from_buffer("uint8_t[]", names)
    port.vectors = ffi.from_buffer(vectors)
    port.slot_bytes, port.name_bytes, port.capacity = SLOT_BYTES, name_bytes, 2
    if not fits:
        assert copy(port, queued, ffi.NULL, count, 0x80, 0, 1, 1, bytes(size), size) == 0
        assert slots == b"\xa5" * 3 * SLOT_BYTES
        return
    seen = []

    @ffi.callback("int(void *, void *, int *)")
    def protect(session, packet, length):
        seen.append(length[0])
        length[0] += 144
        return len(seen) % 2  # every second one fails

    port.protect = protect
    runs = ffi.new("fanout_run[2]")
    lanes = ffi.new("fanout_lane[2]")
    lanes[0].run, lanes[1].run = runs, runs + 1
    filled = copy(port, queued, lanes, count, 0x80, 0, 1, 1, bytes(size), size)
    assert filled == count // 2
    assert seen == [12 + size] * count
    assert slots[2 * SLOT_BYTES :] == b"\xa5" * SLOT_BYTES
    assert sum(one.packets for one in runs) == filled
