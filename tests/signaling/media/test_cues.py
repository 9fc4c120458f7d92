"""A recording that was never touched again gets a beginning with which players seek."""

import io

import av
from hypothesis import given
from hypothesis import strategies as st

from signaling.media.cues import beginning, contents
from signaling.media.matroska import Clusters, Format, header


def film(times, key=lambda _: True):
    clusters = Clusters()
    return header(Format("opus")) + b"".join(clusters.frame(at, b"\xf8\xff\xfe", key=key(at)) for at in times)


def playable(pieces):
    found = contents(pieces)
    return beginning(found) + b"".join(pieces)[found.first : found.end]


@given(st.integers(1, 4000), st.integers(0, 50_000))
def test_frames_and_their_times_stay_the_same_however_it_was_cut_into_pieces(size, first):
    times = [*range(first, first + 9000, 60), first + 30_000, first + 30_020]
    data = film(times)
    whole = playable([data[at : at + size] for at in range(0, len(data), size)])
    with av.open(io.BytesIO(whole)) as container:
        assert [packet.pts for packet in container.demux() if packet.pts is not None] == times
        assert container.duration == times[-1] * 1000  # us


def test_a_player_goes_to_a_place_without_reading_what_lies_before_it():
    whole = playable([film(range(0, 600_000, 20))])

    class Counted(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            data = super().read(size)
            self.taken += len(data)
            return data

    source = Counted(whole)
    with av.open(source) as container:
        before = source.taken
        container.seek(500_000_000)
        first = next(container.demux()).pts
    assert 490_000 <= first <= 500_000
    assert source.taken - before < len(whole) / 4


def test_a_player_begins_only_where_a_decoder_can():
    found = contents([film([0, 40, 40_000, 80_000, 80_040], key=lambda at: at != 40_000)])
    assert sorted(found.starts.values()) == [0, 80_000]
    assert found.until_ms == 80_040


@given(st.integers(0, 300))
def test_what_was_cut_by_a_kill_ends_with_its_last_whole_frame(missing):
    times = list(range(0, 2000, 20))
    data = film(times)
    found = contents([data[: len(data) - missing]])
    left = [at for at in times if at <= found.until_ms]
    with av.open(io.BytesIO(playable([data[: len(data) - missing]]))) as container:
        assert [packet.pts for packet in container.demux() if packet.pts is not None] == left
    assert len(left) >= len(times) - missing // 9 - 1


def test_what_holds_no_frame_has_no_contents():
    assert contents([]) is None
    assert contents([header(Format("opus"))]) is None
    assert contents([b"\x00" * 100]) is None
