"""Frames are whole or not there, whatever the network does to their packets."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.media.frames import Frames, Packet, avc_format, units

SPS = bytes.fromhex("6742c01ed9005005bb016c80000003008000001e078a15cb")  # 1280x720 after x264
PPS = bytes.fromhex("68ce3c80")
VP8_KEY = b"\x10\x00\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (480).to_bytes(2, "little") + b"k" * 50
VP8_OTHER = b"\x11\x00\x00" + b"o" * 30


def vp8(frames, start=0):
    """Packets of frames, each in parts of 20 bytes."""
    seq, packets = start, []
    for number, data in enumerate(frames):
        parts = [data[at : at + 20] for at in range(0, len(data), 20)]
        for place, part in enumerate(parts):
            head = b"\x10" if place == 0 else b"\x00"
            packets.append(Packet(seq & 0xFFFF, number * 3000, place == len(parts) - 1, number / 30, head + part))
            seq += 1
    return packets


def out(codec, packets):
    frames = Frames(codec)
    return [frame for packet in packets for frame in frames.take(packet)]


FILM = [VP8_KEY, VP8_OTHER, VP8_OTHER + b"x", VP8_KEY, VP8_OTHER]


@given(st.randoms(use_true_random=False), st.sampled_from([0, 65530]))
def test_disorder_and_repeats_change_nothing(shuffle, start):
    packets = vp8(FILM, start)
    mixed = [packets[0]]
    rest = packets[1:] + packets[3:6]
    while rest:  # no packet overtakes more than four others
        mixed.append(rest.pop(shuffle.randrange(min(4, len(rest)))))
    assert [frame.data for frame in out("VP8", mixed)] == FILM


def test_after_a_loss_pictures_begin_again_with_a_key_frame():
    packets = vp8(FILM * 30)
    lost = [packet for packet in packets if packet.seq != 4]
    got = [frame.data for frame in out("VP8", lost)]
    assert got[0] == VP8_KEY
    assert got[1] == VP8_KEY
    assert len(got) == len(FILM) * 30 - 2


def test_a_stream_that_is_joined_in_its_middle_begins_with_a_key_frame():
    frames = Frames("VP8")
    assert not [frame for packet in vp8([VP8_OTHER, VP8_OTHER]) for frame in frames.take(packet)]
    assert frames.form is None
    assert [frame.key for packet in vp8([VP8_KEY], 4) for frame in frames.take(packet)] == [True]
    assert (frames.form.width, frames.form.height) == (640, 480)


def test_sound_goes_on_after_a_loss():
    packets = [Packet(seq, seq * 960, False, seq / 50, bytes([seq % 256])) for seq in range(200) if seq not in (5, 6)]
    assert len(out("opus", packets)) == 198


def test_h264_is_put_together_from_all_kinds_of_packets():
    idr = b"\x65" + bytes(range(100))
    stap = b"\x78" + len(SPS).to_bytes(2) + SPS + len(PPS).to_bytes(2) + PPS
    parts = [b"\x7c\x85" + idr[1:40], b"\x7c\x05" + idr[40:80], b"\x7c\x45" + idr[80:]]
    packets = [Packet(number, 1, number == 3, 0.0, data) for number, data in enumerate([stap, *parts])]
    packets.append(Packet(4, 2, True, 0.1, b"\x41later"))
    first, second = out("H264", packets)
    assert list(units(first.data)) == [SPS, PPS, idr]
    assert (first.key, second.key) == (True, False)
    assert second.data == b"\x00\x00\x00\x06\x41later"


def test_the_size_of_pictures_is_read_from_their_parameters():
    form = avc_format(SPS, PPS)
    assert (form.width, form.height) == (1280, 720)
    assert form.private[:6] == bytes((1, SPS[1], SPS[2], SPS[3], 0xFF, 0xE1))
    assert avc_format(SPS[:5], PPS) is None
    assert avc_format(SPS, b"") is None


@pytest.mark.parametrize("codec", ["VP8", "H264", "opus"])
def test_any_bytes_are_taken(codec):
    chance = random.Random(1)
    frames = Frames(codec)
    for number in range(3000):
        payload = chance.randbytes(chance.choice([0, 1, 2, 3, 5, 40, 1200]))
        packet = Packet(chance.getrandbits(16), chance.getrandbits(32), bool(number & 1), number / 50, payload)
        for frame in frames.take(packet):
            assert frame.data


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_any_parameter_set_is_read_or_left(sps, pps):
    avc_format(sps, pps)


@given(st.lists(st.tuples(st.integers(0, 65535), st.booleans(), st.binary(max_size=40)), max_size=60))
def test_any_packets_make_no_trouble(said):
    for codec in ("VP8", "H264", "opus"):
        frames = Frames(codec)
        for number, (seq, marker, payload) in enumerate(said):
            list(frames.take(Packet(seq, number // 3, marker, number * 0.7, payload)))
