"""The compiled intake and the one in Python say the same of a packet, whatever comes."""

import struct

import pylibsrtp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from signaling.media import extensions
from signaling.media.fan import CompiledFan, PlainFan
from signaling.media.intake import CompiledIntake, PlainIntake
from signaling.media.mux import SLOT_BYTES, BatchMux, PlainMux
from signaling.media.plane import open_plane

KEY = bytes(range(1, 31))
octet = st.integers(0, 255)


@pytest.fixture(scope="module")
def ports():
    opened = BatchMux("127.0.0.1", 0), BatchMux("127.0.0.1", 0)
    yield opened
    for port in opened:
        port.close()


def session(kind):
    policy = pylibsrtp.Policy(key=KEY, ssrc_type=kind)
    policy.allow_repeat_tx = True
    return pylibsrtp.Session(policy)


def protected(clear):
    try:
        return session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND).protect(clear)
    except pylibsrtp.Error:  # libsrtp will not send every lie
        return clear


def both(ports, fanout, datagram, level_id):
    said = []
    for port, way in zip(ports, (PlainIntake(ports[0]), CompiledIntake(ports[1], fanout)), strict=True):
        keys = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
        port.inbox.data[3 * SLOT_BYTES : 5 * SLOT_BYTES] = bytes(2 * SLOT_BYTES)
        port.inbox.data[3 * SLOT_BYTES : 3 * SLOT_BYTES + len(datagram)] = datagram
        opened = way.open(3, len(datagram), keys._srtp[0], level_id)
        if opened is not None and opened[5] is None:
            first, payload = opened[6], opened[3]
            begin = 3 * SLOT_BYTES + (12 + 4 * (first & 15) if first & 0x10 else payload)
            level = extensions.byte(port.inbox.data, begin, 3 * SLOT_BYTES + payload, level_id)
            opened = (*opened[:5], -1 if level is None else level, *opened[6:])
        said.append((opened, bytes(port.inbox.data[3 * SLOT_BYTES : 5 * SLOT_BYTES])))
    return said


elements = st.lists(st.tuples(st.integers(0, 15), st.binary(min_size=1, max_size=16)), max_size=6)


@st.composite
def packets(draw):
    """RTP with every kind of header, true and lying."""
    head = bytes([draw(octet), draw(octet)]) + draw(st.binary(min_size=10, max_size=10))
    sources = draw(st.binary(max_size=64))
    brief = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in draw(elements))
    long = b"".join(bytes([number, len(value)]) + value for number, value in draw(elements))
    inside = draw(st.sampled_from([brief, long, brief + b"\0\0", b""])) or draw(st.binary(max_size=60))
    inside += bytes(-len(inside) % 4)
    words = draw(st.one_of(st.just(len(inside) // 4), st.integers(0, 0xFFFF)))
    profile = draw(st.sampled_from([b"\xbe\xde", b"\x10\x00", b"\x10\x05", b"\x10\x10", b"ab"]))
    return head + sources + profile + struct.pack("!H", words) + inside + draw(st.binary(max_size=1500))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(bytes.fromhex("9060000100000001000000ffbede0001") + b"\x10\x42\0\0" + b"voice", 1)
@example(bytes.fromhex("9060000100000001000000ff10000001") + b"\x01\0\0\0" + b"voice", 1)
@example(bytes.fromhex("9f60000100000001000000ff"), 1)
@given(packets(), st.integers(0, 99))
def test_both_ways_say_the_same_of_what_was_encrypted(fanout, ports, clear, level_id):
    plain, compiled = both(ports, fanout, protected(clear[:1900])[:SLOT_BYTES], level_id)
    assert plain == compiled


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=12, max_size=SLOT_BYTES), st.integers(0, 99))
def test_both_ways_refuse_what_nobody_encrypted(fanout, ports, datagram, level_id):
    plain, compiled = both(ports, fanout, datagram, level_id)
    assert plain[0] is compiled[0] is None


def test_a_level_is_found_and_a_header_longer_than_the_packet_is_refused(fanout, ports):
    head = bytes.fromhex("9060000100000001000000ffbede")
    said = both(ports, fanout, protected(head + b"\0\1\x10\x42\0\0voice"), 1)
    assert [one[0] for one in said] == [(1, 255, 1, 20, 25, 0x42, 0x90, 0x60)] * 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(packets(), st.integers(0, 99), st.integers(0, 3000), st.integers(0, 3000))
def test_the_compiled_loop_believes_no_length(fanout, clear, level_id, length, grown):
    """A decryption that lies about its length, and lengths beyond a slot: nothing outside of the slot is read."""
    ffi = fanout.ffi

    @ffi.callback("int(void *, void *, int *)")
    def unprotect(session, packet, box):
        box[0] = grown
        return 0

    slots = bytearray(SLOT_BYTES)
    slots[: len(clear)] = clear[:SLOT_BYTES]
    inbox, found = ffi.new("fanout_inbox *"), ffi.new("fanout_opened *")
    inbox.slots, inbox.slot_bytes, inbox.capacity = ffi.from_buffer("uint8_t[]", slots), SLOT_BYTES, 1
    inbox.unprotect = unprotect
    assert fanout.lib.fanout_open(inbox, 1, 100, ffi.NULL, 1500, level_id, found) == 0
    if fanout.lib.fanout_open(inbox, 0, length, ffi.NULL, 1500, level_id, found):
        assert 12 <= found.payload <= found.length == grown <= length <= SLOT_BYTES
        assert -1 <= found.level <= 255


def test_only_the_batched_port_is_worked_on_by_c(fanout):
    for kind, compiled, expected in (
        (BatchMux, True, (CompiledIntake, CompiledFan)),
        (BatchMux, False, (PlainIntake, PlainFan)),
        (PlainMux, True, (PlainIntake, PlainFan)),
    ):
        port = kind("127.0.0.1", 0)
        plane = open_plane(port, compiled=compiled)
        assert (type(plane._open.__self__), type(plane._send.__self__)) == expected
        port.close()
