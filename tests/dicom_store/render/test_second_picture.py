"""The whole way to a picture, walked by strangers too: dcmtk's decoders, lookup tables and windows must show the same.

What dcmtk cannot decode (JPEG 2000, HTJ2K, deflated frames) is decoded by a second codec first and then shown by dcmtk.
`test_second_decoder` compares the stored values before any of this.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_store.errors import NotRenderable
from dicom_store.render import colour, header, pixels, work
from dicom_store.render.look import Look, Window
from tests.dicom_store.render.test_second_decoder import FILMS, KNOWN_BAD

pytestmark = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="needs Debian's package dcmtk")

# By how much of 255 a shade may differ from the second decoder's, by transfer syntax. Windows divide, and dcmtk rounds
# the quotient down where we round it to the nearest: one step. Lossy codecs round their transforms besides.
MOST = 1
MOST_BY_SYNTAX = {
    "1.2.840.10008.1.2.4.91": 2,  # irreversible wavelet: OpenJPEG twice, by two callers that round colours differently
}
# Films that dcmtk shows otherwise, and why ours is right.
DIFFERS = {
    "RI6XDosiGap.dcm": "its window ends above 65535, where dcmtk's arithmetic turns over",
    "gdcm-US-ALOKA-16.dcm": "dcmtk takes no palette whose tables are segmented or empty",
    "DIRW0007.dcm": "dcmtk does not read a film of the first DICOM draft",
    "HTJ2K_08_RGB.dcm": "OpenJPH turns lossy values over at black and white; compared with its lossless twin elsewhere",
    "rtdose_expb.dcm": "dcmtk swaps the bytes of 32-bit values by halves; the same film in little endian is compared",
    "rtdose_expb_1frame.dcm": "the same",
    "SC_rgb_jpeg.dcm": "its header says explicit where its elements are implicit: dcmtk reads nothing of it",
    "parametric_map_float.dcm": "dcmtk shows no floats",
}
J2K = {f"1.2.840.10008.1.2.4.{tail}" for tail in ("90", "91")}
HT = {f"1.2.840.10008.1.2.4.{tail}" for tail in ("201", "202", "203")}


def second_picture(path: Path, film: Dataset, syntax: UID, look: Look, folder: Path) -> np.ndarray | None:
    """A film's first frame as dcmtk shows it."""
    source = path
    if syntax in J2K | HT or syntax == "1.2.840.10008.1.2.8.1":
        source = folder / "decoded.dcm"
        source.write_bytes(_decoded(film, syntax))
    tool = "dcml2pnm" if syntax in {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"} else "dcmj2pnm"
    out = folder / "out.pnm"
    command = [tool, *_window(film, look), "+F", "1", "--write-raw-pnm", str(source), str(out)]
    done = subprocess.run(command, capture_output=True, check=False)
    return np.asarray(Image.open(out)) if done.returncode == 0 and out.exists() else None


def _decoded(film: Dataset, syntax: UID) -> bytes:
    """The film's first frame decoded by another codec than ours, as a plain film."""
    data = get_frame(film.PixelData, 0, number_of_frames=header.frame_count(film))
    if syntax == "1.2.840.10008.1.2.8.1":
        film.PixelData = zlib.decompress(data, wbits=-15)
    else:
        decoder = imagecodecs.htj2k_decode if syntax in HT else imagecodecs.jpeg2k_decode
        values = np.asarray(decoder(data))
        if values.dtype.itemsize > 1 and film.PixelRepresentation and values.dtype.kind == "u":
            unused = 16 - film.BitsStored
            values = np.left_shift(values.astype(np.int16), unused) >> unused
        film.PixelData = np.ascontiguousarray(values).tobytes()
        if film.SamplesPerPixel > 1:
            film.PhotometricInterpretation, film.PlanarConfiguration = "RGB", 0
    film.NumberOfFrames = 1
    film["PixelData"].is_undefined_length = False
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    film.save_as(out, implicit_vr=False, little_endian=True)
    return out.getvalue()


def _window(film: Dataset, look: Look) -> list[str]:
    if look.window is not None:
        return ["+Ww", str(look.window.centre), str(look.window.width)]
    if film.SamplesPerPixel > 1:
        return ["-W"]
    if film.get("VOILUTSequence"):
        return ["+Wl", "1"]
    return ["+Wi", "1"] if header._floats(film, "WindowCenter") else ["-W"]


def _same_window(film: Dataset, values: np.ndarray) -> Look:
    """Films without a window of their own are compared in one that is given to both."""
    shade = header.shading(film, 1).voi
    if isinstance(shade, Window) and "SharedFunctionalGroupsSequence" in film:
        return Look(window=shade)  # dcmtk's tool reads no functional groups
    if shade is not None or film.SamplesPerPixel > 1 or film.PhotometricInterpretation == "PALETTE COLOR":
        return Look()
    low, high = float(values.min()), float(values.max())
    return Look(window=Window((low + high) / 2, max(2.0, high - low)))


@pytest.mark.parametrize("path", FILMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_we_show_is_what_dcmtk_shows(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    try:
        film, syntax = work.parse(data)
        decoded = pixels.decode(film, syntax, 1)
    except NotRenderable as refused:
        assert refused.code in {"no_pixels", "no_decoder", KNOWN_BAD.get(path.name)}
        return
    look = _same_window(film, decoded.values)
    ours = pixels.to_display(film, decoded, 1, look).astype(int)
    theirs = second_picture(path, film, syntax, look, tmp_path)
    if path.name in DIFFERS:
        return
    assert theirs is not None, "dcmtk shows it no more: say so in DIFFERS"
    if ours.ndim > theirs.ndim:  # colours above a grey picture: dcmtk shows the grey
        grey = decoded.values < colour.palette(film).first
        ours, theirs = ours[..., 0][grey], theirs[grey]
    assert np.abs(ours - theirs).max() <= MOST_BY_SYNTAX.get(syntax, MOST)
