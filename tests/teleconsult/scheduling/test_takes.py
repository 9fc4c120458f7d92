"""Recordings are put together from what was told of their files, in whatever order it came."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from teleconsult.scheduling.state import Seen
from teleconsult.scheduling.takes import FileTold, takes
from tests.builders.clock import NOON


def told(kind, take, file, seconds=0, **more):
    detail = {"take": take, "by": "wang", "file": f"{file}.webm.sealed", "label": "audio", "began_ms": 10, **more}
    return FileTold("c.1.1", "li", kind, NOON + timedelta(seconds=seconds), detail)


BEGAN = told(Seen.RECORDING_FILE, "a", "f1")
ENDED = told(Seen.RECORDED, "a", "f1", 60, until_ms=59_000)


@given(
    st.permutations([BEGAN, ENDED, told(Seen.RECORDING_FILE, "a", "f2", 5, label="video", began_ms=4_000),
                     told(Seen.RECORDING_FILE, "b", "f3", 100)])
)  # fmt: skip
def test_files_of_one_take_are_one_recording_and_the_latest_comes_first(order):
    later, earlier = takes(order)
    assert (later.name, later.until_ms) == ("b", None)
    assert (earlier.name, earlier.by, earlier.until_ms, earlier.began_at) == ("a", "wang", 59_000, NOON)
    assert [(track.kind, track.media, track.until_ms) for track in earlier.tracks] == [
        ("audio", "audio/webm", 59_000),
        ("video", "video/webm", None),
    ]


def test_what_names_no_take_or_file_is_no_recording():
    assert takes([FileTold("c.1.1", "li", Seen.RECORDED, NOON, {"label": "audio"})]) == ()
