"""Whoever plays sound or film asks for stretches of it; none leads outside."""

from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.http.stretches import stretch_of

_ASKED = st.text(max_size=40) | st.from_regex(
    r"bytes=[0-9]{0,30}-[0-9]{0,30}", fullmatch=True, alphabet="0123456789-=bytes"
)


def stretch(header, size=100, **more):
    request = make_mocked_request("GET", "/", headers={"Range": header, **more} if header else {})
    return stretch_of(request, '"now"', size)


@given(_ASKED.filter(lambda text: text.isascii() and text.isprintable()), st.integers(0, 100))
def test_no_range_leads_outside(header, size):
    found = stretch(header, size)
    assert found is None or set(found) <= set(range(size))


def test_ranges_are_read_as_players_ask():
    assert stretch("") == range(100)
    assert stretch("bytes=0-") == range(100)
    assert stretch("bytes=10-19") == range(10, 20)
    assert stretch("bytes=90-400") == range(90, 100)
    assert stretch("bytes=-5") == range(95, 100)
    assert stretch("bytes=-500") == range(100)
    assert stretch("bytes=100-") is None
    assert stretch("bytes=0-", 0) == range(0)


def test_what_is_no_single_range_is_answered_with_the_whole():
    for header in ("bytes=1-2,4-5", "bytes=5-2", "bytes=-", "films=1-2", "bytes=" + "9" * 5000 + "-"):
        assert stretch(header) == range(100)


def test_a_stretch_of_another_body_is_not_given():
    assert stretch("bytes=10-19", **{"If-Range": '"before"'}) == range(100)
    assert stretch("bytes=10-19", **{"If-Range": '"now"'}) == range(10, 20)
