"""Films with known pixels through the whole of a worker's job, and films that lie."""

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
)

from dicom_store.errors import NotRenderable
from dicom_store.render import work
from dicom_store.render.colour import expand_segments
from dicom_store.render.look import Look, PictureKind, Region, Window, WindowFunction
from tests.builders.pictures import dataset, film, written

PNG = Look(kind=PictureKind.PNG)
RAMP = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


def shown(data: bytes, frame: int = 1, **wishes: Any) -> np.ndarray:
    body, width, height = work.picture(data, frame, Look(**{"kind": PictureKind.PNG, **wishes}))
    picture = np.asarray(Image.open(io.BytesIO(body)))
    assert picture.shape[:2] == (height, width)
    return picture


def refused(data: bytes, frame: int = 1, look: Look = PNG) -> str:
    with pytest.raises(NotRenderable) as error:
        work.picture(data, frame, look)
    return error.value.code


def item(**values: Any) -> Dataset:
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_a_ct_slice_in_its_window() -> None:
    hounsfield = np.array([[-1000, -160, 40, 239, 3000]], dtype=np.int16)
    data = film(
        (hounsfield + 1024).astype(np.uint16), RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400
    )
    assert shown(data).tolist() == [[0, 0, 128, 255, 255]]
    assert shown(data, window=Window(-500, 1000, WindowFunction.LINEAR_EXACT)).tolist() == [[0, 214, 255, 255, 255]]


def test_monochrome1_is_white_at_its_least() -> None:
    data = film(np.array([[0, 50, 100]], np.uint16), PhotometricInterpretation="MONOCHROME1")
    assert shown(data).tolist() == [[255, 127, 0]]


def test_eight_bits_without_a_window_are_left_as_they_are() -> None:
    pixels = np.array([[10, 20, 200]], np.uint8)
    assert shown(film(pixels)).tolist() == pixels.tolist()


def test_pixels_that_are_not_square_are_made_so() -> None:
    data = film(RAMP, PixelAspectRatio=[2, 1])
    assert shown(data).shape == (96, 64)
    assert shown(film(RAMP, PixelSpacing=[0.5, 1.0])).shape == (48, 128)
    assert refused(film(RAMP, PixelSpacing=[100, 1])) == "pixel_shape"


def test_a_viewport_scales_and_cuts() -> None:
    data = film(RAMP)
    assert shown(data, box=(32, 32)).shape == (24, 32)
    whole = shown(data)
    assert shown(data, region=Region(10, 20, 8, 4)).tolist() == whole[20:24, 10:18].tolist()
    assert refused(data, 1, Look(kind=PictureKind.PNG, region=Region(60, 0, 10, 10))) == "region"


def test_one_frame_of_many_is_shown() -> None:
    pixels = np.stack([np.full((4, 6), value, np.uint8) for value in (10, 20, 30)])
    data = film(pixels, NumberOfFrames=3)
    assert [int(shown(data, frame).max()) for frame in (1, 2, 3)] == [10, 20, 30]
    assert refused(data, 4) == refused(data, 0) == "no_such_frame"
    head = data[: -pixels.nbytes]
    body, _, _ = work.picture(head, 2, PNG, "", pixels[1].tobytes())
    assert np.asarray(Image.open(io.BytesIO(body))).max() == 20


def test_a_frame_is_shown_with_its_own_functional_groups() -> None:
    pixels = np.full((2, 4, 6), 100, np.uint16)
    groups = [
        item(
            PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=intercept)],
            FrameVOILUTSequence=[item(WindowCenter=0, WindowWidth=100, VOILUTFunction="LINEAR_EXACT")],
        )
        for intercept in (-100, -50)
    ]
    data = film(pixels, NumberOfFrames=2, PerFrameFunctionalGroupsSequence=Sequence(groups))
    assert [int(shown(data, frame).max()) for frame in (1, 2)] == [128, 255]


def test_tables_of_modality_and_voi_are_applied() -> None:
    table = item(LUTDescriptor=[4, 0, 8], LUTData=bytes([0, 50, 100, 255]))
    pixels = np.array([[0, 1, 2, 3, 9]], np.uint16)
    assert shown(film(pixels, VOILUTSequence=[table])).tolist() == [[0, 50, 100, 255, 255]]
    data = film(pixels, ModalityLUTSequence=[table], WindowCenter=127.5, WindowWidth=255, VOILUTFunction="LINEAR_EXACT")
    assert shown(data).tolist() == [[0, 50, 100, 255, 255]]
    signed = item(LUTDescriptor=[4, -2, 16], LUTData=np.array([0, 0x4000, 0x8000, 0xFFFF], "<u2").tobytes())
    assert shown(film(np.array([[-9, -2, -1, 0, 1]], np.int16), VOILUTSequence=[signed])).tolist() == [
        [0, 0, 64, 128, 255]
    ]
    assert refused(film(pixels, VOILUTSequence=[item(LUTDescriptor=[9, 0, 8], LUTData=b"12")])) == "lut"


def palette(*, wide: bool) -> dict[str, Any]:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint16)
    words: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        entries = (colours[:, number] << 8).astype("<u2") if wide else colours[:, number].astype("u1")
        words[f"{colour}PaletteColorLookupTableDescriptor"] = [3, 0, 16 if wide else 8]
        words[f"{colour}PaletteColorLookupTableData"] = entries.tobytes() + (b"" if wide else b"\0")
    return words


@pytest.mark.parametrize("wide", [False, True])
def test_palettes_become_colours(wide: bool) -> None:
    got = shown(film(np.array([[0, 1, 2, 200]], np.uint8), **palette(wide=wide)))
    assert got.tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 255]]]


def test_broken_palettes_are_refused() -> None:
    pixels = np.array([[0, 1]], np.uint8)
    for change in ({"RedPaletteColorLookupTableData": b"12"}, {"BluePaletteColorLookupTableDescriptor": [2, 0, 8]}):
        assert refused(film(pixels, **palette(wide=False) | change)) in ("lut", "palette")
    assert refused(film(pixels, PhotometricInterpretation="PALETTE COLOR")) == "palette"


@pytest.mark.parametrize(
    ("words", "table"),
    [
        ([0, 3, 7, 8, 9], [7, 8, 9]),
        ([0, 1, 0, 1, 4, 8], [0, 2, 4, 6, 8]),
        ([0, 2, 5, 6, 2, 1, 0, 0], [5, 6, 5, 6]),
        ([], []),
    ],
)
def test_segmented_tables_are_expanded(words: list[int], table: list[int]) -> None:
    assert expand_segments(words, wide=True) == table


@pytest.mark.parametrize(
    "words",
    [[1, 4, 8], [0, 0], [3, 1, 1], [0, 1, 0, 2, 9, 3, 0], [0, 1, 0, *[1, 60_000, 5] * 9], [0, 1, 5, 2, 60_000, 0, 0]],
)
def test_segmented_tables_that_lead_nowhere_are_refused(words: list[int]) -> None:
    with pytest.raises(NotRenderable):
        expand_segments(words, wide=True)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_in_both_planar_configurations(planar: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    made = dataset(pixels, PlanarConfiguration=planar)
    if planar:
        made.PixelData = pixels.transpose(2, 0, 1).tobytes()
    assert shown(written(made)).tolist() == pixels.tolist()


def test_ybr_full_becomes_rgb() -> None:
    made = dataset(np.full((2, 2, 3), [76, 85, 255], np.uint8), PhotometricInterpretation="YBR_FULL")
    assert np.abs(shown(written(made)).astype(int) - [254, 0, 0]).max() <= 2


def test_big_endian_films_are_shown() -> None:
    made = dataset(RAMP)
    made.PixelData = RAMP.astype(">u2").tobytes()
    made._read_little = False
    little = shown(film(RAMP))
    out = io.BytesIO()
    made.file_meta = __import__("pydicom").dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    made.save_as(out, implicit_vr=False, little_endian=False, enforce_file_format=True)
    assert shown(out.getvalue()).tolist() == little.tolist()


NOISE = np.random.default_rng(3).integers(0, 4000, (48, 64)).astype(np.uint16)
LOSSLESS = {
    "jpeg-ls": (JPEGLSLossless, lambda a: imagecodecs.jpegls_encode(a)),
    "jpeg 2000": (
        JPEG2000Lossless,
        lambda a: imagecodecs.jpeg2k_encode(a, codecformat="J2K", level=0, reversible=True),
    ),
    "htj2k": (HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a)),
}


def packed(pixels: np.ndarray, syntax: str, stream: bytes, **attributes: Any) -> bytes:
    made = dataset(pixels, **attributes)
    made.PixelData = encapsulate([bytes(stream)])
    return written(made, syntax)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("kind", ["grey", "signed", "colour"])
def test_lossless_compression_shows_the_same_picture(name: str, kind: str) -> None:
    pixels = {
        "grey": NOISE,
        "signed": NOISE.astype(np.int16) - 2000,
        "colour": np.dstack([NOISE.astype(np.uint8)] * 3),
    }[kind]
    if kind == "signed" and name == "jpeg-ls":
        stream = imagecodecs.jpegls_encode(pixels.view(np.uint16))  # has no sign: two's complement is stored as it is
    else:
        stream = LOSSLESS[name][1](pixels)
    attributes = {"PhotometricInterpretation": "YBR_RCT"} if kind == "colour" and name != "jpeg-ls" else {}
    assert shown(packed(pixels, LOSSLESS[name][0], stream, **attributes)).tolist() == shown(film(pixels)).tolist()


def test_12_bit_jpeg_is_shown() -> None:
    smooth = (np.outer(np.arange(48), np.arange(64)) % 4096).astype(np.uint16)
    smooth = np.sort(smooth, axis=1)
    stream = imagecodecs.jpeg8_encode(smooth, level=100, bitspersample=12)
    got = shown(packed(smooth, JPEGExtended12Bit, stream, BitsStored=12, HighBit=11)).astype(int)
    assert np.abs(got - shown(film(smooth, BitsStored=12, HighBit=11)).astype(int)).max() <= 2


@pytest.mark.parametrize("kind", PictureKind)
def test_every_kind_of_picture_opens(kind: PictureKind) -> None:
    body, width, height = work.picture(film(RAMP), 1, Look(kind=kind))
    with Image.open(io.BytesIO(body)) as image:
        assert (image.get_format_mimetype(), image.size) == (kind.value, (width, height))


# ---------------------------------------------------------------- films that lie


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"Rows": 60000, "Columns": 60000}, "too_large"),
        ({"NumberOfFrames": 2_000_000_000, "Rows": 48, "Columns": 64}, "too_large"),
        ({"Rows": 0}, "no_pixels"),
        ({"Rows": 49}, "broken_frame"),
        ({"BitsAllocated": 64}, "broken_frame"),
        ({"SamplesPerPixel": 4}, "too_large"),
        ({"PhotometricInterpretation": "HSV"}, "photometric"),
        ({"PhotometricInterpretation": "YBR_PARTIAL_420"}, "photometric"),
        ({"PhotometricInterpretation": "RGB"}, "size_differs"),
        ({"PixelData": None}, "no_pixels"),
        ({"VOILUTFunction": "CURVED", "WindowCenter": 1, "WindowWidth": 2}, "voi_function"),
        ({"PixelPresentation": "COLOR"}, "colour_space"),
    ],
)
def test_headers_that_lie_are_refused(attributes: dict[str, Any], code: str) -> None:
    assert refused(film(RAMP, **attributes)) == code


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_codestream_of_another_size_is_not_decoded(name: str) -> None:
    syntax, encode = LOSSLESS[name]
    assert refused(packed(NOISE, syntax, encode(np.zeros((3000, 3000), np.uint16)))) == "size_differs"
    # The same number of pixels in another shape would pass for right, and be wrong.
    assert refused(packed(NOISE, syntax, encode(NOISE.reshape(64, 48)))) == "size_differs"


def test_a_jpeg_of_another_kind_than_said_is_refused() -> None:
    stream = imagecodecs.jpeg8_encode(np.zeros((48, 64, 3), np.uint8))
    assert refused(packed(NOISE, JPEGBaseline8Bit, stream)) == "size_differs"


@pytest.mark.parametrize("name", LOSSLESS)
def test_damaged_codestreams_never_raise_anything_else(name: str) -> None:
    syntax, encode = LOSSLESS[name]
    stream = bytes(encode(NOISE))
    random = np.random.default_rng(5)
    for _ in range(25):
        changed = bytearray(stream)
        for place in random.integers(0, len(stream), 4):
            changed[place] = int(random.integers(256))
        try:
            work.picture(packed(NOISE, syntax, bytes(changed)), 1, PNG)
        except NotRenderable:
            continue


@pytest.mark.parametrize("data", [b"", b"hello", bytes(132) + b"DICM", b"\x02\0" * 500, b"{}" * 300])
def test_what_is_no_film_is_refused(data: bytes) -> None:
    assert refused(data) in ("unreadable", "no_pixels", "header")


def test_a_film_without_a_decoder_is_refused() -> None:
    assert refused(packed(NOISE, "1.2.840.10008.1.2.4.53", b"\xff\xd8")) in ("no_decoder", "broken_frame")
    private = film(NOISE).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0")
    assert refused(private) == "no_decoder"
