"""A tape's time is the recording's, and a file goes on as long as the codec does."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.media.tape import Tape


def sound(tape, first_s, count, ssrc=7, seq=0, ts=0):
    for number in range(count):
        at_s = first_s + number / 50
        tape.heard.append((ssrc, "opus", (seq + number) & 0xFFFF, (ts + 960 * number) & 0xFFFFFFFF, False, at_s, b"x"))


def test_a_track_that_comes_late_and_a_pause_leave_holes():
    tape = Tape(100.0)
    sound(tape, 103.0, 50)
    early = tape.pieces()
    assert early[0].begins.codec == "opus"
    assert [piece.until_ms for piece in early[:3]] == [3000, 3020, 3040]
    sound(tape, 110.0, 10, seq=50, ts=960 * 50)  # the sender's clock stood still: it was paused
    late = tape.pieces()
    assert late[0].begins is None
    assert late[0].until_ms == 10_000


def test_a_publisher_who_reloads_goes_on_in_the_same_file():
    tape = Tape(0.0)
    sound(tape, 0.0, 10, ts=0xFFFFFF00)
    tape.pieces()
    sound(tape, 5.0, 10, ssrc=8, seq=9000, ts=1234)
    again = tape.pieces()
    assert len(again) == 10
    assert all(piece.begins is None for piece in again)
    assert again[0].until_ms == 5000


def test_another_codec_begins_another_file():
    tape = Tape(0.0)
    key = b"\x10\x00\x00\x00\x9d\x01\x2a" + (320).to_bytes(2, "little") + (240).to_bytes(2, "little") + b"k"
    tape.heard.append((1, "VP8", 1, 0, True, 0.0, key))
    sound(tape, 1.0, 1)
    first, second = tape.pieces()
    assert (first.begins.codec, first.begins.width, first.begins.height) == ("VP8", 320, 240)
    assert second.begins.codec == "opus"


def test_a_writer_that_does_not_keep_up_loses_the_oldest():
    tape = Tape(0.0)
    sound(tape, 0.0, 20_000)
    assert len(tape.heard) == 8192


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 0xFFFFFFFF), st.floats(0, 3600)), max_size=50))
def test_time_never_runs_backwards(said):
    tape = Tape(0.0)
    for number, (ssrc, ts, at_s) in enumerate(said):
        tape.heard.append((ssrc, "opus", number, ts, False, at_s, b"x"))
    times = [piece.until_ms for piece in tape.pieces()]
    assert times == sorted(times)
