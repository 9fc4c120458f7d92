"""What is written can be read by others' tools, also when it was cut."""

import io

import av
import pytest

from signaling.media.matroska import Clusters, Format, header


def film(form, times, data=b"\xf8\xff\xfe"):
    clusters = Clusters()
    return header(form) + b"".join(clusters.frame(at, data, key=True) for at in times)


def read(data):
    with av.open(io.BytesIO(data)) as container:
        (stream,) = container.streams
        return stream.codec_context.name, [packet.pts for packet in container.demux() if packet.pts is not None]


def test_a_long_film_keeps_its_times():
    times = [*range(0, 6000, 20), 50_000, 50_020, 3_600_000]
    name, found = read(film(Format("opus"), times))
    assert name in ("opus", "libopus")
    assert found == times


@pytest.mark.parametrize("missing", [1, 7, 100])
def test_a_file_that_was_cut_is_read_up_to_there(missing):
    times = list(range(0, 2000, 20))
    _, found = read(film(Format("opus"), times)[:-missing])
    assert found == times[: len(found)]
    assert len(found) >= len(times) - missing


def test_pictures_say_how_large_they_are():
    with av.open(
        io.BytesIO(film(Format("VP8", 640, 480), range(0, 400, 40), b"\x10\x02\x00\x9d\x01\x2a" + bytes(60)))
    ) as one:
        assert (one.streams[0].codec_context.width, one.streams[0].codec_context.height) == (640, 480)
    assert Format("VP8").suffix == "webm"
    assert Format("H264").suffix == "mkv"
