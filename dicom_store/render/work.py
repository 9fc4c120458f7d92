"""What a render worker does: film in, picture out. Module-level functions with plain arguments, for `workers`."""

import io
import warnings

from PIL import Image
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MPEGTransferSyntaxes,
)

from dicom_store.errors import NotRenderable
from dicom_store.render import extra, header, plain, video
from dicom_store.render import pixels as decoding
from dicom_store.render.encoding import Encoded, encode
from dicom_store.render.limits import MAX_PIXELS
from dicom_store.render.look import Look, PictureKind, Window

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def picture(film: bytes, frame: int, look: Look, syntax: str = "", pixels: bytes | None = None) -> Encoded:
    """Render one frame.

    Args:
        film: The whole film; or what comes before its pixel data, when `pixels` is given.
        frame: From 1.
        look: The caller's wishes.
        syntax: Transfer syntax, for a film without file meta; "" guesses.
        pixels: That one frame, as it is stored.

    Returns:
        The encoded picture, its width and height.

    Raises:
        NotRenderable: It cannot be shown for certain.
    """
    if pixels is None and frame == 1 and (quick := plain.show(film, look.window)) is not None:
        return encode(quick[0], quick[1], look)
    parsed, found = parse(film, syntax, header_only=pixels is not None)
    header.check_limits(parsed, frame, has_pixels=pixels is not None)
    if found in MPEGTransferSyntaxes:
        return encode(video.decode(parsed, frame), 1.0, look)
    index = put_frame(parsed, found, pixels) if pixels is not None else frame
    decoded = decoding.decode(parsed, found, index)
    shown = decoding.to_display(parsed, decoded, frame, look)
    return encode(shown, header.pixel_height(parsed, frame), look)


def parse(film: bytes, syntax: str = "", *, header_only: bool = False) -> tuple[Dataset, UID]:
    """Read a film and its transfer syntax.

    Args:
        film: Its bytes.
        syntax: Transfer syntax, for a film without file meta; "" guesses.
        header_only: Leave the pixel data.

    Raises:
        NotRenderable: Not a film, or of an unknown transfer syntax.
    """
    try:
        parsed = dcmread(io.BytesIO(film), force=True, stop_before_pixels=header_only)
    except (InvalidDicomError, ValueError, EOFError, OSError, KeyError, AttributeError, NotImplementedError) as error:
        raise NotRenderable("This film could not be read.", code="unreadable") from error
    return parsed, _syntax(parsed, syntax)


def put_frame(film: Dataset, syntax: UID, pixels: bytes) -> int:
    """Put one stored frame into a data set that was read without its pixels; returns its number there."""
    for table in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        film.pop(table, None)
    packed = syntax == extra.DEFLATED_FRAMES or syntax.is_encapsulated
    film.PixelData, film.NumberOfFrames = encapsulate([pixels]) if packed else pixels, 1
    return 1


def _syntax(film: Dataset, known: str) -> UID:
    meta = getattr(film, "file_meta", None)
    said = UID(str(meta.get("TransferSyntaxUID", "") if meta is not None else "") or known)
    if not said:
        return ImplicitVRLittleEndian if film.original_encoding[0] else ExplicitVRLittleEndian
    if said not in AllTransferSyntaxes and said not in extra.BEYOND_PYDICOM:
        raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
    return said


def warm() -> None:
    """Run every step once in the template, so that no worker's first film pays for imports and tables."""
    config.settings.reading_validation_mode = config.IGNORE
    warnings.simplefilter("ignore")
    film = Dataset()
    film.Rows = film.Columns = 16
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 16
    film.HighBit = 15
    film.PixelRepresentation = 0
    film.PixelData = bytes(512)
    decoded = decoding.decode(film, ExplicitVRLittleEndian, 1)
    for kind in PictureKind:
        look = Look(kind=kind, window=Window(40, 400), box=(8, 8))
        encode(decoding.to_display(film, decoded, 1, look), 1.0, look)
    for syntax in AllTransferSyntaxes:
        try:
            _ = get_decoder(syntax).is_available  # imports its plug-ins
        except NotImplementedError:
            continue
