"""From shades of grey or colours to the bytes of a picture."""

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
from PIL import Image

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import Bytes
from dicom_store.render.look import Look, PictureKind, fit

Encoded = tuple[bytes, int, int]
"""A picture's bytes, its width and height."""

_MOST_PX = {PictureKind.JPEG: 65_500, PictureKind.PNG: 1 << 20, PictureKind.WEBP: 16_383}
"""What each form can hold along an edge."""


def encode(shown: Bytes, pixel_height: float, look: Look) -> Encoded:
    """Cut out what is asked for, make pixels square, scale, and encode.

    Args:
        shown: Shape (rows, columns) or (rows, columns, 3), 8 bits.
        pixel_height: Height of a pixel in units of its width.
        look: Region, size, kind and quality.

    Returns:
        The encoded picture, its width and height.

    Raises:
        NotRenderable: The region lies outside of the picture, or it is too large for its kind.
    """
    part = np.ascontiguousarray(_cut(shown, look))
    rows, columns = part.shape[:2]
    size = fit((columns, rows), pixel_height, look.box)
    if max(size) > _MOST_PX[look.kind]:
        raise NotRenderable("This picture is too wide or too high for the form that was asked for.", code="form_size")
    if size != (columns, rows):
        part = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    return _FORMATS[look.kind](part, look.quality), *size


def _png(shown: Bytes, _quality: int) -> bytes:
    return _by_pillow(shown, "PNG", compress_level=4)


def _webp(shown: Bytes, quality: int) -> bytes:
    return _by_pillow(shown, "WEBP", quality=quality, method=3)


def _by_pillow(shown: Bytes, name: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(shown).save(out, name, **options)
    return out.getvalue()


def _jpeg(shown: Bytes, quality: int) -> bytes:
    """The same library as Pillow's, but others may run meanwhile: Pillow keeps all of Python waiting."""
    subsampling = "444" if quality >= 90 else "420"
    return bytes(imagecodecs.jpeg8_encode(shown, level=quality, subsampling=subsampling))


_FORMATS: dict[PictureKind, Callable[[Bytes, int], bytes]] = {
    PictureKind.JPEG: _jpeg,
    PictureKind.PNG: _png,
    PictureKind.WEBP: _webp,
}


def _cut(shown: Bytes, look: Look) -> Bytes:
    part = look.region
    if part is None:
        return shown
    rows, columns = shown.shape[:2]
    width, height = part.width or columns - part.left, part.height or rows - part.top
    if not (0 <= part.left < columns and 0 <= part.top < rows):
        raise NotRenderable("The part asked for lies outside of the picture.", code="region")
    if width > columns - part.left or height > rows - part.top:
        raise NotRenderable("The part asked for lies outside of the picture.", code="region")
    cut = shown[part.top : part.top + height, part.left : part.left + width]
    return cut[:: -1 if part.mirror_y else 1, :: -1 if part.mirror_x else 1]
