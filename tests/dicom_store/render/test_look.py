import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import NotRenderable
from dicom_store.render.look import MAX_EDGE_PX, Look, fit


@pytest.mark.parametrize(
    ("size", "pixel_height", "box", "fitted"),
    [
        ((512, 512), 1.0, None, (512, 512)),
        ((512, 512), 1.0, (256, 300), (256, 256)),
        ((100, 50), 1.0, (400, 400), (400, 200)),
        ((100, 100), 2.0, None, (100, 200)),
        ((100, 100), 0.5, None, (200, 100)),
        ((100, 100), 2.0, (50, 50), (25, 50)),
        ((5000, 1), 1.0, (100, 100), (100, 1)),
        ((20_000, 10), 1.0, None, (20_000, 10)),
    ],
)
def test_pictures_keep_their_shape(
    size: tuple[int, int], pixel_height: float, box: tuple[int, int] | None, fitted: tuple[int, int]
) -> None:
    assert fit(size, pixel_height, box) == fitted


@given(
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.floats(1 / 16, 16),
    st.tuples(st.integers(1, MAX_EDGE_PX), st.integers(1, MAX_EDGE_PX)),
)
def test_a_fitted_picture_touches_its_box_from_inside(
    size: tuple[int, int], pixel_height: float, box: tuple[int, int]
) -> None:
    width, height = fit(size, pixel_height, box)
    assert 1 <= width <= box[0]
    assert 1 <= height <= box[1]
    assert width == box[0] or height == box[1]


@pytest.mark.parametrize("wish", [{"box": (0, 5)}, {"box": (5, 10_000)}, {"quality": 0}, {"quality": 101}])
def test_wishes_out_of_limits_are_refused(wish: dict[str, object]) -> None:
    with pytest.raises(NotRenderable):
        Look(**wish)  # type: ignore[arg-type]


def test_stretching_beyond_the_limit_is_refused() -> None:
    with pytest.raises(NotRenderable):
        fit((4000, 1000), 1 / 16, None)
