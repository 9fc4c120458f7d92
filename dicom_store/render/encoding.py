"""From shades of grey or colours to the bytes of a picture."""

import io

import imagecodecs
import numpy as np
from PIL import Image

from dicom_store.errors import NotRenderable
from dicom_store.render.grey import Bytes
from dicom_store.render.look import Look, PictureKind, fit

Encoded = tuple[bytes, int, int]
"""A picture's bytes, its width and height."""

_FORMATS = {PictureKind.PNG: "PNG", PictureKind.WEBP: "WEBP"}


def encode(shown: Bytes, pixel_height: float, look: Look) -> Encoded:
    """Cut out what is asked for, make pixels square, scale, and encode.

    Args:
        shown: Shape (rows, columns) or (rows, columns, 3), 8 bits.
        pixel_height: Height of a pixel in units of its width.
        look: Region, size, kind and quality.

    Returns:
        The encoded picture, its width and height.

    Raises:
        NotRenderable: The region lies outside of the picture.
    """
    image = Image.fromarray(np.ascontiguousarray(_cut(shown, look)))
    size = fit(image.size, pixel_height, look.box)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if look.kind is PictureKind.JPEG:
        return _jpeg(np.asarray(image), look.quality), *image.size
    out = io.BytesIO()
    options = {"compress_level": 4} if look.kind is PictureKind.PNG else {"quality": look.quality, "method": 3}
    image.save(out, _FORMATS[look.kind], **options)
    return out.getvalue(), *image.size


def _jpeg(shown: Bytes, quality: int) -> bytes:
    """The same library as Pillow's, but others may run meanwhile: Pillow keeps all of Python waiting."""
    subsampling = "444" if quality >= 90 else "420"
    return bytes(imagecodecs.jpeg8_encode(shown, level=quality, subsampling=subsampling))


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
