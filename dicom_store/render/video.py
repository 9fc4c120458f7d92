"""One frame of a film that is a video (MPEG-2, H.264, HEVC). Runs in a worker.

The frame is found by decoding from the beginning: films of this kind are short, and seeking guesses.
"""

import io
from itertools import islice

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from dicom_store.errors import NotRenderable
from dicom_store.render import header
from dicom_store.render.grey import Bytes

MAX_FRAME = 3000
"""Further in, the wait would be longer than a picture is worth: the player shows it."""


def decode(film: Dataset, frame: int) -> Bytes:
    """Decode one frame.

    Args:
        film: The data set, with the video as its pixel data.
        frame: From 1; its existence has been checked against the header.

    Returns:
        Shape (rows, columns, 3).

    Raises:
        NotRenderable: Broken, another size than the header says, or too far in.
    """
    import av

    if frame > MAX_FRAME:
        raise NotRenderable("This film is too large to be shown as a picture.", code="too_large")
    header.check_limits(film, frame)
    stream = b"".join(islice(generate_fragments(film.PixelData), 1, None))  # the first item is the offset table
    try:
        with av.open(io.BytesIO(stream), "r", format=_container(stream)) as container:
            picture = next(islice(container.decode(video=0), frame - 1, None), None)
            if picture is None:
                raise NotRenderable("This film has no such frame.", code="no_such_frame")
            if (picture.height, picture.width) != (int(film.Rows), int(film.Columns)):
                raise NotRenderable("The picture's size differs from what the film says.", code="size_differs")
            return np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise NotRenderable("The picture's compressed data is broken.", code="broken_frame") from error


def _container(stream: bytes) -> str:
    """The container, told by us: FFmpeg's own guess includes playlists, which open whatever they name."""
    if stream[4:8] == b"ftyp":
        return "mp4"
    if stream[:1] == b"\x47":
        return "mpegts"
    if stream[:3] == b"\0\0\1":
        return "mpeg" if stream[3:4] == b"\xba" else "mpegvideo"
    raise NotRenderable("This kind of compression cannot be shown.", code="no_decoder")
