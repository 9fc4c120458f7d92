"""How a picture should look: the caller's wishes as one value, with their limits.

Pure, and light: the archive's own process imports this and leaves numpy and the codecs to its workers.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from dicom_store.errors import NotRenderable

MAX_EDGE_PX = 8192
"""Longest edge of a picture, above every display there is."""


class PictureKind(StrEnum):
    """Media types of pictures."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


class WindowFunction(StrEnum):
    """Shape of a window; the text is that of PS3.18 8.3.5.1.4."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True)
class Window:
    """Which values are shown from black to white, in units after the modality LUT."""

    centre: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR

    def usable(self) -> bool:
        """Whether the standard allows its width (PS3.3 C.11.2.1.2) and its numbers are numbers."""
        least = 1.0 if self.function is WindowFunction.LINEAR else 1e-12
        return math.isfinite(self.centre) and math.isfinite(self.width) and self.width >= least


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the frame in pixels of the film; it can be shown mirrored (PS3.18 8.3.5.1.3).

    Attributes:
        width: 0 goes on to the right edge.
        height: 0 goes on to the lower edge.
    """

    left: int
    top: int
    width: int
    height: int
    mirror_x: bool = False
    mirror_y: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A caller's wishes.

    Attributes:
        kind: Media type of the picture.
        window: Shades of grey; None takes what the film says, or its full range.
        box: Width and height in pixels that the picture is scaled to fit into; None keeps the film's size.
        region: Part of the frame to show; None shows all of it.
        quality: 1 to 100 for JPEG and WebP.

    Raises:
        NotRenderable: Out of limits.
    """

    kind: PictureKind = PictureKind.JPEG
    window: Window | None = None
    box: tuple[int, int] | None = None
    region: Region | None = None
    quality: int = 90

    def __post_init__(self) -> None:
        if self.box is not None and not all(1 <= edge <= MAX_EDGE_PX for edge in self.box):
            raise NotRenderable(
                "The picture's size must be between 1 and {most} pixels.", code="size", most=MAX_EDGE_PX
            )
        if not 1 <= self.quality <= 100:
            raise NotRenderable("The picture's quality must be between 1 and 100.", code="quality")


def fit(size: tuple[int, int], pixel_height: float, box: tuple[int, int] | None) -> tuple[int, int]:
    """The size of a picture whose pixels are square.

    Args:
        size: Columns and rows of the film.
        pixel_height: Height of a film's pixel in units of its width.
        box: The picture is scaled, keeping its shape, to touch this box from inside; None never loses a pixel.

    Returns:
        Width and height in pixels, at least 1 each.

    Raises:
        NotRenderable: Larger than `MAX_EDGE_PX` on an edge.
    """
    width, height = float(size[0]), float(size[1])
    if pixel_height >= 1:
        height *= pixel_height
    else:
        width /= pixel_height
    if box is not None:
        scale = min(box[0] / width, box[1] / height)
        width, height = min(box[0], width * scale), min(box[1], height * scale)
    fitted = max(1, round(width)), max(1, round(height))
    if max(fitted) > MAX_EDGE_PX and (box is not None or fitted != size):
        raise NotRenderable("The picture's size must be between 1 and {most} pixels.", code="size", most=MAX_EDGE_PX)
    return fitted
