import io
from datetime import UTC, datetime
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame

from dicom_store.description import describe
from dicom_store.errors import FilmRefused
from dicom_store.render import work
from dicom_store.render.look import Look, PictureKind
from dicom_store.wrap import strip_jpeg, wrap_pdf, wrap_photo, wrap_video
from dicom_store.wrapheader import WrapHeader, header_from

AT = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
HEADER = WrapHeader(patient_name="王芳", patient_id="P7", birth_date="19600102", sex="F", title="wound.jpg")


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Smooth, so that lossy coding stays close; each corner another colour, so that turning it shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.dstack([x, y, (1 - x) * (1 - y)]) * 255).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shown(film: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(work.picture(film, 1, Look(kind=PictureKind.PNG))[0])))


def read(film: bytes) -> Dataset:
    description = describe(film)  # the archive's door takes it
    parsed = dcmread(io.BytesIO(film))
    assert parsed.SOPInstanceUID == description.instance
    return parsed


def test_a_phone_photo_keeps_its_compressed_bytes_and_loses_its_place() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Phone"
    exif.get_ifd(0x8825)[2] = (30.0, 40.0, 0.0)
    jpeg = saved(scene(), "JPEG", exif=exif, quality=90)
    film = read(wrap_photo(jpeg, HEADER, "seed", AT))
    frame = get_frame(film.PixelData, 0, number_of_frames=1)
    assert b"Exif" in jpeg
    assert b"Exif" not in frame
    assert jpeg[jpeg.index(b"\xff\xda") :] == frame[frame.index(b"\xff\xda") :].rstrip(b"\0")
    assert (film.Modality, film.SOPClassUID.name) == ("XC", "VL Photographic Image Storage")
    assert (str(film.PatientName), film.PatientID, film.PatientSex) == ("王芳=王芳", "P7", "F")
    assert film.PatientName.ideographic == "王芳"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_shown_the_right_way_up(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = saved(scene(), "JPEG", exif=exif, quality=95, subsampling=0)
    with Image.open(io.BytesIO(jpeg)) as image:
        from PIL import ImageOps

        upright = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    got = shown(wrap_photo(jpeg, HEADER, "seed", AT)).astype(int)
    assert got.shape == upright.shape
    assert np.abs(got - upright).max() <= 12


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2}, {"quality": 30}])
def test_every_jpeg_is_shown_as_it_was(options: dict[str, object]) -> None:
    jpeg = saved(scene(), "JPEG", **options)
    got = shown(wrap_photo(jpeg, HEADER, "seed", AT)).astype(int)
    assert np.abs(got - np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)).max() <= 16


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA"])
def test_a_png_is_kept_without_loss(mode: str) -> None:
    image = scene().convert(mode)
    got = shown(wrap_photo(saved(image, "PNG"), HEADER, "seed", AT))
    wanted = np.asarray(image.convert("L") if mode in ("L", "1") else image.convert("RGB"))
    assert np.array_equal(got, wanted)


def test_a_png_of_16_bits_keeps_its_upper_8() -> None:
    values = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    got = shown(wrap_photo(saved(Image.fromarray(values), "PNG"), HEADER, "seed", AT))
    assert np.abs((got if got.ndim == 2 else got[:, :, 0]).astype(int) - (values >> 8)).max() <= 1


def test_a_cmyk_jpeg_is_shown_in_its_colours() -> None:
    jpeg = saved(scene().convert("CMYK"), "JPEG", quality=95)
    got = shown(wrap_photo(jpeg, HEADER, "seed", AT)).astype(int)
    assert np.abs(got - np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)).max() <= 12


def test_wrapping_twice_gives_the_same_bytes() -> None:
    jpeg = saved(scene(), "JPEG")
    assert wrap_photo(jpeg, HEADER, "seed", AT) == wrap_photo(jpeg, HEADER, "seed", AT)
    assert wrap_photo(jpeg, HEADER, "seed", AT) != wrap_photo(jpeg, HEADER, "other", AT)


@pytest.mark.parametrize("content", [b"%PDF-1.7\n1 0 obj\n%%EOF\n", b"%PDF-1.7\n1 0 obj\n%%EOF"])
def test_a_pdf_comes_out_as_it_went_in(content: bytes) -> None:
    film = read(wrap_pdf(content, HEADER, "seed", AT))
    assert film.EncapsulatedDocument[: film.EncapsulatedDocumentLength] == content
    assert film.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert film.Modality == "DOC"


def mp4(codec: str = "libx264", frames: int = 20, size: tuple[int, int] = (96, 64)) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for n in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), n * 10 % 256, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def test_a_video_keeps_its_bytes() -> None:
    content = mp4()
    film = read(wrap_video(content, HEADER, "seed", AT))
    kept = get_frame(film.PixelData, 0, number_of_frames=1)
    assert kept.rstrip(b"\0") == content.rstrip(b"\0")
    assert (film.NumberOfFrames, film.Rows, film.Columns, float(film.FrameTime)) == (20, 64, 96, 100.0)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8\xff\xe0 no", saved(scene(), "JPEG")[:300], saved(scene(), "PNG")[:100], b"GIF89a" + bytes(50)],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(FilmRefused):
        wrap_photo(content, HEADER, "seed", AT)


def test_a_picture_bomb_is_refused() -> None:
    image = Image.new("1", (20_000, 20_000))
    with pytest.raises(FilmRefused):
        wrap_photo(saved(image, "PNG"), HEADER, "seed", AT)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 torn", b"MZ%PDF-"])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(FilmRefused):
        wrap_pdf(content, HEADER, "seed", AT)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x18ftypmp42" + bytes(100), mp4()[:200]])
def test_what_is_no_video_is_refused(content: bytes) -> None:
    with pytest.raises(FilmRefused):
        wrap_video(content, HEADER, "seed", AT)


def test_a_codec_that_viewers_cannot_play_is_refused() -> None:
    with pytest.raises(FilmRefused):
        wrap_video(mp4("mpeg4"), HEADER, "seed", AT)


@pytest.mark.parametrize(
    "words",
    [
        {"patient_name": "x" * 400},
        {"patient_id": "a\nb"},
        {"study_uid": "not a uid"},
        {"sex": "female"},
        {"birth_date": "tomorrow"},
        {"birth_date": "٢٠٢٠٠١٠١"},
    ],
)
def test_a_header_that_does_not_fit_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(FilmRefused):
        header_from(words, "x.jpg")


def test_a_header_joins_a_study() -> None:
    header = header_from({"study_uid": "1.2.3", "birth_date": "1960-01-02", "patient_name": "Wang^Fang"}, "x.jpg")
    film = read(wrap_photo(saved(scene(), "JPEG"), header, "seed", AT))
    assert (film.StudyInstanceUID, film.PatientBirthDate, str(film.PatientName)) == ("1.2.3", "19600102", "Wang^Fang")


def test_a_jpeg_that_ends_in_its_header_is_not_stripped() -> None:
    assert strip_jpeg(saved(scene(), "JPEG")[:40]) is None
