import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.dicomweb.looks import kind_for, look_for
from dicom_store.errors import NotRenderable, QueryRefused
from dicom_store.render.look import Look, PictureKind, Region, Window, WindowFunction

JPEG, PNG, WEBP = PictureKind


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", JPEG),
        ("*/*", JPEG),
        ("image/*", JPEG),
        ("image/png", PNG),
        ('"image/png"', PNG),
        ("image/webp;q=0.5, image/png;q=0.9", PNG),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", WEBP),
        ("text/html, image/*;q=0.1", JPEG),
        ("image/jpeg;q=0, */*", PNG),
        ("IMAGE/PNG; Q=1", PNG),
    ],
)
def test_the_wanted_kind_is_chosen(accept: str, kind: PictureKind) -> None:
    assert kind_for(accept) is kind


@pytest.mark.parametrize("accept", ["application/dicom", "image/gif", "image/jpeg;q=0", "image/jpeg;q=x", ","])
def test_kinds_that_are_not_there_are_not_acceptable(accept: str) -> None:
    with pytest.raises(NotRenderable):
        kind_for(accept)


@pytest.mark.parametrize(
    ("query", "look"),
    [
        ({}, Look()),
        ({"window": "40,400"}, Look(window=Window(40, 400))),
        ({"window": "-600,1500,linear-exact"}, Look(window=Window(-600, 1500, WindowFunction.LINEAR_EXACT))),
        ({"window": "40,400,SIGMOID"}, Look(window=Window(40, 400, WindowFunction.SIGMOID))),
        ({"viewport": "256,128"}, Look(box=(256, 128))),
        ({"viewport": "256,128,10,20,30,40"}, Look(box=(256, 128), region=Region(10, 20, 30, 40))),
        ({"viewport": "256,128,,,30,40"}, Look(box=(256, 128), region=Region(0, 0, 30, 40))),
        ({"viewport": "9,9,,,-30,0"}, Look(box=(9, 9), region=Region(0, 0, 30, 0, mirror_x=True))),
        ({"viewport": "9,9,1,,,-4"}, Look(box=(9, 9), region=Region(1, 0, 0, 4, mirror_y=True))),
        ({"window": "Lung"}, Look(window=Window(-600, 1500))),
        ({"quality": "55"}, Look(quality=55)),
        ({"accept": "image/png"}, Look(kind=PNG)),
    ],
)
def test_a_query_becomes_a_look(query: dict[str, str], look: Look) -> None:
    assert look_for(query, "image/jpeg") == look


@pytest.mark.parametrize(
    "query",
    [
        {"window": value}
        for value in ("", "40", "a,b", "40,0", "40,0.5", "nan,5", "40,inf", "40,400,curved", "1,2,linear,3")
    ]
    + [{"viewport": value} for value in ("", "10", "0,5", "10,-5", "9000,5", "1,2,3", "1,2,3,4,5,6,7", "1e3,5", "٣,3")]
    + [{"quality": value} for value in ("", "0", "101", "best", "-1")],
)
def test_values_out_of_form_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(QueryRefused):
        look_for(query, "")


@given(st.text(max_size=100), st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_any_request_is_a_look_or_refused(accept: str, window: str, viewport: str, quality: str) -> None:
    try:
        look = look_for({"window": window, "viewport": viewport, "quality": quality}, accept)
    except (QueryRefused, NotRenderable):
        return
    assert 1 <= look.quality <= 100
