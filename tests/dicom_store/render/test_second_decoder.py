"""Every film there is, decoded twice by strangers: what we show must be what another decoder says.

The films of shared/testdata where they are, pydicom's bundled ones otherwise.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_files
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID

from dicom_store.errors import NotRenderable
from dicom_store.render import codestream, header, pixels, work

FOLDER = Path(__file__).parents[4] / "shared" / "testdata" / "dicom"
FILMS = sorted(FOLDER.rglob("*.dcm")) or [
    Path(name) for name in get_testdata_files("*.dcm") if Path(name).stat().st_size < 1 << 20
]

Decoder = Callable[[bytes], Any]
SECOND: dict[str, tuple[Decoder, int]] = {
    # Syntax: another decoder than ours, and by how much a stored value may differ. Lossless means not at all; two
    # JPEGs may round their cosines differently, and colours then differ by a little more.
    "1.2.840.10008.1.2.4.50": (imagecodecs.jpeg8_decode, 3),
    "1.2.840.10008.1.2.4.57": (imagecodecs.ljpeg_decode, 0),
    "1.2.840.10008.1.2.4.70": (imagecodecs.ljpeg_decode, 0),
    "1.2.840.10008.1.2.4.80": (imagecodecs.jpegls_decode, 0),
    "1.2.840.10008.1.2.4.81": (imagecodecs.jpegls_decode, 0),
    "1.2.840.10008.1.2.4.90": (imagecodecs.jpeg2k_decode, 0),
    "1.2.840.10008.1.2.4.91": (imagecodecs.jpeg2k_decode, 1),
    "1.2.840.10008.1.2.4.201": (imagecodecs.htj2k_decode, 0),  # OpenJPH, where ours is OpenJPEG
}
# Films that are wrong in themselves, and why they are refused.
KNOWN_BAD = {
    "multiframe.dcm": "size_differs",  # the tiles at its edges are smaller than its header says
    "JPEG2000-embedded-sequence-delimiter.dcm": "size_differs",  # its codestream is cut by a delimiter in its midst
    "MR_truncated.dcm": "broken_frame",
    "badVR.dcm": "header",
    "SC_rgb_rle_32bit.dcm": "colour_space",  # no display shows 32 bits of red
    "SC_rgb_rle_32bit_2frame.dcm": "colour_space",
}
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}


def second(film: Dataset, syntax: UID, frame: int) -> tuple[np.ndarray, int] | None:
    """A frame by another decoder, or by bare numpy, and how close ours must be."""
    rows, columns, samples = film.Rows, film.Columns, film.SamplesPerPixel
    if syntax in NATIVE and film.BitsAllocated in (8, 16) and film.PhotometricInterpretation != "YBR_FULL_422":
        little = syntax != "1.2.840.10008.1.2.2"
        kind = np.dtype(f"{'<' if little else '>'}{'i' if film.PixelRepresentation else 'u'}{film.BitsAllocated // 8}")
        count = rows * columns * samples
        stored = film.PixelData
        if not little and kind.itemsize == 1 and film["PixelData"].VR == "OW":  # 8-bit samples in 16-bit words
            stored = np.frombuffer(stored, ">u2").astype("<u2").tobytes()
        raw = np.frombuffer(stored, kind, count, (frame - 1) * count * kind.itemsize)
        if film.get("PlanarConfiguration", 0) == 1:
            return raw.reshape(samples, rows, columns).transpose(1, 2, 0), 0
        return raw.reshape((rows, columns, samples) if samples > 1 else (rows, columns)), 0
    if syntax not in SECOND:
        return None
    decoder, near = SECOND[syntax]
    stream = get_frame(film.PixelData, frame - 1, number_of_frames=header.frame_count(film))
    if decoder is imagecodecs.ljpeg_decode and (said := codestream.claim(stream)) is not None and said.bits <= 8:
        decoder = imagecodecs.jpeg8_decode  # ljpeg has no 8 bits
    if syntax == "1.2.840.10008.1.2.4.50" and film.PhotometricInterpretation == "RGB":
        return imagecodecs.jpeg8_decode(stream, colorspace="RGB", outcolorspace="RGB"), near  # it says so: no YCbCr
    return np.asarray(decoder(stream)), near


def same_meaning(values: np.ndarray, film: Dataset) -> np.ndarray:
    """Bits beyond the stored ones say nothing; signs stand where the header says; YBR becomes RGB."""
    if film.PhotometricInterpretation == "YBR_FULL" and not str(film.file_meta.TransferSyntaxUID).startswith(
        "1.2.840.10008.1.2.4.5"
    ):
        return convert_color_space(values, "YBR_FULL", "RGB").astype(np.int64)
    if film.SamplesPerPixel > 1:
        return values.astype(np.int64)
    bits = film.BitsStored
    low = values.astype(np.int64) & ((1 << bits) - 1)
    return np.where(low >= 1 << (bits - 1), low - (1 << bits), low) if film.PixelRepresentation else low


def decoded(path: Path, frame: int) -> pixels.Decoded | NotRenderable:
    try:
        film = dcmread(io.BytesIO(path.read_bytes()), force=True)
        return pixels.decode(film, work._syntax(film, ""), frame)
    except NotRenderable as refused:
        return refused


@pytest.mark.parametrize("path", FILMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_we_show_is_what_another_decoder_says(path: Path) -> None:
    film = dcmread(path, force=True)
    syntax = UID(str(film.file_meta.get("TransferSyntaxUID", "")))
    try:
        frames = {1, header.frame_count(film)}
    except NotRenderable as refused:
        assert refused.code == KNOWN_BAD.get(path.name)
        return
    compared = 0
    for frame in sorted(frames):
        ours = decoded(path, frame)
        if isinstance(ours, NotRenderable):
            assert ours.code in ("no_pixels", "no_decoder", KNOWN_BAD.get(path.name))
            return
        theirs = second(film, syntax, frame)
        if theirs is None:
            continue
        wanted, near = theirs
        got, wanted = same_meaning(ours.values, _as_decoded(film, ours.photometric)), same_meaning(wanted, film)
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= near
        compared += 1
    assert compared or syntax not in SECOND


def _as_decoded(film: Dataset, photometric: str) -> Dataset:
    """The film's facts after our decoder: its colours are RGB already."""
    facts = Dataset()
    facts.file_meta = film.file_meta
    for name in ("SamplesPerPixel", "BitsStored", "PixelRepresentation"):
        setattr(facts, name, film.get(name, 1))
    facts.PhotometricInterpretation = photometric
    return facts


@pytest.mark.skipif(not FOLDER.exists(), reason="needs the films of shared/testdata")
def test_lossy_htj2k_is_close_to_the_lossless_picture() -> None:
    shown = []
    for name in ("HTJ2K_08_RGB.dcm", "HTJ2KLossless_08_RGB.dcm"):
        film = dcmread(FOLDER / "pydicom-data" / name)
        shown.append(pixels.decode(film, film.file_meta.TransferSyntaxUID, 1).values.astype(int))
    assert np.abs(shown[0] - shown[1]).max() <= 4
