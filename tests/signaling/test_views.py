"""What was looked at is kept as figures, at most once a second, and never as words."""

import json

from hypothesis import given
from hypothesis import strategies as st

from signaling.views import Lines, Views

FILM = {"participant": "wang", "study": "1.2", "series": "1.2.3", "instance": "1.2.3.4"}
_ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda deeper: st.lists(deeper, max_size=3)
)


def lines(views):
    return [json.loads(piece.data) for piece in views.pieces()]


def test_the_last_look_of_a_second_wins_and_the_same_one_is_told_once():
    views = Views(10.0)
    for tenth in range(35):
        views.look({**FILM, "frame": 1 + tenth // 5}, 10 + tenth / 10)
    kept = lines(views)
    assert [(one["at_ms"], one["frame"]) for one in kept] == [(0, 1), (1000, 3), (2000, 5), (3000, 7)]
    views.look({**FILM, "frame": 7}, 20)
    assert lines(views) == []


def test_what_is_taken_off_the_screen_ends_there():
    views = Views(0.0)
    views.look(FILM, 1)
    views.look(None, 3)
    assert lines(views) == [
        {"at_ms": 1000, "by": "wang", "study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "frame": 1},
        {"at_ms": 3000},
    ]


def test_a_file_begins_with_the_first_look_and_goes_on():
    views = Views(0.0)
    assert views.pieces() == []
    views.look(FILM, 1)
    views.look({**FILM, "frame": 2}, 2)
    first, second = views.pieces()
    assert isinstance(first.begins, Lines)
    assert (first.begins.codec, first.begins.suffix, second.begins) == ("view", "jsonl", None)


@given(st.dictionaries(st.sampled_from(["study", "series", "instance", "frame", "center", "x", "name"]), _ANY))
def test_whatever_is_shared_nothing_but_figures_is_kept(body):
    views = Views(0.0)
    views.look({**FILM, **body}, 1)
    for line in lines(views):
        assert set(line) <= {"at_ms", "by", "study", "series", "instance", "frame", "center", "width", "x", "y"}
        words = [value for key, value in line.items() if isinstance(value, str) and key != "by"]
        assert all(set(word) <= set("0123456789.") for word in words)
