import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import (
    Lut,
    Rescale,
    Shading,
    apply_lut,
    apply_modality,
    apply_voi_lut,
    apply_window,
    full_range,
    shade,
)
from dicom_store.render.look import Window, WindowFunction

LINEAR, EXACT, SIGMOID = WindowFunction


@pytest.mark.parametrize(
    ("window", "values", "shown"),
    [
        # PS3.3 C.11.2.1.2.1, the standard's own example: c=2048 w=4096 is the identity of 12 bits.
        (Window(2048, 4096), [0, 2047, 4095], [0, 127, 255]),
        (Window(2048, 1), [2047, 2048], [0, 255]),
        (Window(0, 100), [-51, -50, 49, 50], [0, 0, 255, 255]),
        (Window(0, 100), [-1000, 1000], [0, 255]),
        (Window(40, 400), [-160, 40, 239], [0, 128, 255]),
        (Window(0, 100, EXACT), [-50, 0, 50], [0, 128, 255]),
        (Window(0.5, 0.5, EXACT), [0.25, 0.5, 0.75], [0, 128, 255]),
        (Window(0, 100, SIGMOID), [-1e9, 0, 1e9], [0, 128, 255]),
    ],
)
def test_windows_as_the_standard_says(window: Window, values: list[float], shown: list[int]) -> None:
    assert apply_window(np.array(values), window).tolist() == shown


@pytest.mark.parametrize(
    "window",
    [
        Window(0, 0),
        Window(0, 0.5),
        Window(0, -1),
        Window(float("nan"), 5),
        Window(0, float("inf")),
        Window(0, 0, EXACT),
    ],
)
def test_windows_without_width_are_refused(window: Window) -> None:
    with pytest.raises(NotRenderable):
        apply_window(np.zeros(3), window)


@given(
    st.floats(-3000, 3000),
    st.floats(1, 6000),
    st.sampled_from(WindowFunction),
    st.lists(st.integers(-4000, 4000), min_size=1, max_size=30),
)
def test_windows_agree_with_pydicom(centre: float, width: float, function: WindowFunction, values: list[int]) -> None:
    film = Dataset()
    film.WindowCenter, film.WindowWidth = 0, 1
    film["WindowCenter"]._value, film["WindowWidth"]._value = centre, width  # not cut to 16 characters
    film.VOILUTFunction = function.value.upper().replace("-", "_")
    film.PhotometricInterpretation, film.BitsStored, film.PixelRepresentation = "MONOCHROME2", 16, 1
    with np.errstate(over="ignore"):
        theirs = apply_windowing(np.array(values, dtype=np.int16), film).astype(float)
    theirs = (theirs + 32768) / 65535 * 255
    ours = apply_window(np.array(values), Window(centre, width, function)).astype(float)
    assert np.abs(ours - theirs).max() <= 0.51


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=60), st.floats(1, 5000), st.booleans())
def test_brighter_values_are_never_darker(values: list[int], width: float, invert: bool) -> None:
    ordered = np.sort(np.array(values, dtype=np.int16)).reshape(1, -1)
    shown = shade(ordered, Shading(Rescale(1.5, -100), Window(0, width), invert)).astype(int)
    assert (np.diff(shown) * (-1 if invert else 1) >= 0).all()


@given(st.lists(st.integers(-2000, 2000), min_size=1, max_size=60), st.booleans())
def test_the_table_gives_what_computing_every_pixel_gives(values: list[int], invert: bool) -> None:
    stored = np.array(values, dtype=np.int16).reshape(1, -1)
    shading = Shading(Rescale(0.5, 7), Window(3, 900), invert)
    assert shade(stored, shading).tolist() == shade(stored.astype(np.float64), shading).tolist()


@given(
    st.integers(-2000, 2000),
    st.floats(-2000, 2000),
    st.floats(1.5, 4000),
    st.floats(-4, 4).filter(bool),
    st.floats(-2000, 2000),
    st.sampled_from([LINEAR, EXACT]),
    st.booleans(),
)
def test_pictures_of_all_ranges_get_the_exact_shades(
    least: int, centre: float, width: float, slope: float, intercept: float, function: WindowFunction, invert: bool
) -> None:
    stored = np.arange(least, least + 400, dtype=np.int16).repeat(10).reshape(50, 80)
    window, rescale = Window(centre, width, function), Rescale(slope, intercept)
    exact = apply_window(apply_modality(stored, rescale), window)
    assert np.array_equal(shade(stored, Shading(rescale, window, invert)), 255 - exact if invert else exact)


def test_the_full_range_leaves_padding_out() -> None:
    stored = np.array([[-2000, 0, 100]], dtype=np.int16)
    assert shade(stored, Shading(padding=(-2000, -2000))).tolist() == [[0, 0, 255]]
    assert shade(stored, Shading()).tolist() == [[0, 243, 255]]
    assert shade(np.full((2, 2), -2000, np.int16), Shading(padding=(-2000, -2000))).shape == (2, 2)


def test_numbers_that_are_none_are_black() -> None:
    stored = np.array([[np.nan, np.inf, -np.inf, 0.0, 1.0]])
    assert shade(stored, Shading()).tolist() == [[0, 255, 0, 0, 255]]
    assert full_range(np.array([np.nan])).usable()


def test_tables_hold_at_their_ends() -> None:
    table = Lut(10, np.array([0, 100, 255], dtype=np.uint16), 8)
    assert apply_lut(np.array([-5, 10, 11, 12, 99]), table).tolist() == [0, 0, 100, 255, 255]
    assert apply_voi_lut(np.array([10, 11, 12]), table).tolist() == [0, 100, 255]
    assert apply_modality(np.array([12]), table).tolist() == [255]
    assert apply_modality(np.array([12]), None).tolist() == [12]


def test_a_film_without_pixels_is_refused() -> None:
    with pytest.raises(NotRenderable):
        shade(np.zeros((0, 5), dtype=np.uint16), Shading())
