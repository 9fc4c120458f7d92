import io
from datetime import UTC, datetime
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate

from dicom_store.errors import NotRenderable
from dicom_store.render import work
from dicom_store.render.look import Look, PictureKind
from dicom_store.wrap import wrap_video
from dicom_store.wrapheader import WrapHeader
from tests.builders.pictures import written

PNG = Look(kind=PictureKind.PNG)


def clip() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for n in range(20):
            pixels = np.full((64, 96, 3), 10 + n * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return wrap_video(out.getvalue(), WrapHeader(), "seed", datetime(2026, 3, 10, tzinfo=UTC))


def test_each_frame_of_a_video_is_shown() -> None:
    film = clip()
    for frame in (1, 7, 20):
        body, width, height = work.picture(film, frame, PNG)
        assert (width, height) == (96, 64)
        assert abs(int(np.asarray(Image.open(io.BytesIO(body))).mean()) - frame * 10) <= 4


def test_frames_that_are_not_there_are_refused() -> None:
    for frame in (0, 21):
        with pytest.raises(NotRenderable):
            work.picture(clip(), frame, PNG)


@pytest.mark.parametrize(
    "stream",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\0\0\0\x18ftypmp42" + bytes(200),
        b"\x47" + bytes(400),
        b"\0\0\1\xb3" + bytes(200),
        b"xx",
    ],
)
def test_what_is_no_video_is_refused_and_playlists_open_nothing(stream: bytes) -> None:
    film = dcmread(io.BytesIO(clip()))
    film.PixelData = encapsulate([stream], has_bot=False)
    with pytest.raises(NotRenderable):
        work.picture(written(film, film.file_meta.TransferSyntaxUID), 1, PNG)
