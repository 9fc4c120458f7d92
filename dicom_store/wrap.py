"""Photos, PDF and short videos as DICOM, with the patient's header: so that they are kept, found and shown like films.

Pure bytes in, bytes out, but slow and fed with strangers' files: run it in a worker. The same content, header, seed and
time give the same bytes, so that a second run after a crash is a duplicate and not a second film.
"""

import hashlib
import io
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    VideoPhotographicImageStorage,
    VLPhotographicImageStorage,
)

from dicom_store.errors import FilmRefused
from dicom_store.wrapdataset import IMPLEMENTATION
from dicom_store.wrapheader import WrapHeader

if TYPE_CHECKING:
    from PIL import Image

MAX_PHOTO_PIXELS = 100_000_000
MAX_VIDEO_SECONDS = 600
_VIDEO_SYNTAXES = {
    ("h264", False): UID("1.2.840.10008.1.2.4.102"),  # High Profile, level up to 4.1
    ("h264", True): UID("1.2.840.10008.1.2.4.104"),  # level 4.2, for what is larger or faster than HD
    ("hevc", False): UID("1.2.840.10008.1.2.4.107"),
    ("hevc", True): UID("1.2.840.10008.1.2.4.107"),
}


def wrap_photo(content: bytes, header: WrapHeader, seed: str, at: datetime) -> bytes:
    """A JPEG or PNG as VL Photographic Image (from a camera) or Secondary Capture (everything else).

    A baseline JPEG that lies the right way up keeps its compressed bytes; where it was taken (EXIF) is left out.

    Raises:
        FilmRefused: Not a picture, or too large.

    Source: DICOM PS3.3 A.8.1, A.32.4.
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PHOTO_PIXELS
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > MAX_PHOTO_PIXELS or max(image.size) > 0xFFFF:
                raise FilmRefused("This picture is too large.", failure_reason=0xA700, code="too_large")
            image.load()
            camera = image.format == "JPEG" and bool(image.getexif().get(0x010F))
            film = _film(
                VLPhotographicImageStorage if camera else SecondaryCaptureImageStorage,
                "XC" if camera else "OT", header, seed, at,
            )  # fmt: skip
            syntax = _put_picture(film, image, content)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable() from error
    return _written(film, syntax)


def _put_picture(film: Dataset, image: "Image.Image", content: bytes) -> UID:
    film.ConversionType = "DI"
    film.BurnedInAnnotation = "NO" if film.Modality == "XC" else "YES"
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit = 7
    film.PixelRepresentation = 0
    if image.format == "JPEG":
        _put_jpeg(film, image, content)
        return JPEGBaseline8Bit
    _put_lossless(film, image)
    return JPEG2000Lossless


def _put_jpeg(film: Dataset, image: "Image.Image", content: bytes) -> None:
    from PIL import ImageOps

    stripped = strip_jpeg(content) if image.mode in ("L", "RGB") and image.getexif().get(0x0112, 1) == 1 else None
    if stripped is None:
        turned = ImageOps.exif_transpose(image)
        turned = turned if turned.mode == "L" else turned.convert("RGB")
        out = io.BytesIO()
        turned.save(out, "JPEG", quality=95, subsampling=0, icc_profile=image.info.get("icc_profile"))
        stripped, image = out.getvalue(), turned
    _put_shape(film, image)
    if film.SamplesPerPixel == 3:
        film.PhotometricInterpretation = "YBR_FULL_422"
    film.LossyImageCompression = "01"
    ratio = image.width * image.height * film.SamplesPerPixel / len(stripped)
    film.LossyImageCompressionRatio = f"{ratio:.2f}"
    film.LossyImageCompressionMethod = "ISO_10918_1"
    film.PixelData = encapsulate([stripped])


def _put_lossless(film: Dataset, image: "Image.Image") -> None:
    import imagecodecs
    import numpy as np
    from PIL import Image

    if image.mode in ("1", "L"):
        plain = image.convert("L")
    else:
        on_white = Image.new("RGBA", image.size, "white")
        on_white.alpha_composite(_to_8_bits(image).convert("RGBA"))
        plain = on_white.convert("RGB")
    _put_shape(film, plain)
    if film.SamplesPerPixel == 3:
        film.PhotometricInterpretation = "YBR_RCT"
    packed = imagecodecs.jpeg2k_encode(np.asarray(plain), level=0, codecformat="J2K", reversible=True, mct=True)
    film.PixelData = encapsulate([bytes(packed)])


def _to_8_bits(image: "Image.Image") -> "Image.Image":
    return image.point(lambda value: value / 256).convert("L") if image.mode.startswith("I") else image


def _put_shape(film: Dataset, image: "Image.Image") -> None:
    film.Rows, film.Columns = image.height, image.width
    film.SamplesPerPixel = 1 if image.mode == "L" else 3
    film.PhotometricInterpretation = "MONOCHROME2" if image.mode == "L" else "RGB"
    if film.SamplesPerPixel == 3:
        film.PlanarConfiguration = 0
    else:
        film.WindowCenter, film.WindowWidth = 128, 256  # as it is: not stretched to its darkest and brightest


def strip_jpeg(content: bytes) -> bytes | None:
    """Leave out what a JPEG tells beside the picture: EXIF with its place and time, comments, thumbnails.

    Returns:
        The JPEG with its compressed data unchanged, or None where it is not baseline, or is broken.
    """
    out, at = bytearray(b"\xff\xd8"), 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return bytes(out) + content[at:]
        if 0xC1 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return None  # progressive and others: not this transfer syntax
        if marker == 0xEE and content[at + 4 : at + 9] == b"Adobe" and content[at + 15 : at + 16] != b"\x01":
            return None  # RGB or CMYK inside
        if not (0xE1 <= marker <= 0xEF or marker == 0xFE) or marker in (0xE2, 0xEE):  # E2 is the colour profile
            out += content[at:end]
        at = end
    return None


def wrap_pdf(content: bytes, header: WrapHeader, seed: str, at: datetime) -> bytes:
    """A PDF as Encapsulated PDF.

    Raises:
        FilmRefused: Not a PDF.

    Source: DICOM PS3.3 A.45.1.
    """
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-4096:]:
        raise _unreadable()
    film = _film(EncapsulatedPDFStorage, "DOC", header, seed, at)
    film.ConversionType = "WSD"
    film.BurnedInAnnotation = "YES"
    film.ConceptNameCodeSequence = []
    film.MIMETypeOfEncapsulatedDocument = "application/pdf"
    film.EncapsulatedDocumentLength = len(content)
    film.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return _written(film, ExplicitVRLittleEndian)


def wrap_video(content: bytes, header: WrapHeader, seed: str, at: datetime) -> bytes:
    """A short MP4 (H.264 or HEVC) as Video Photographic Image; its bytes stay as they are.

    Raises:
        FilmRefused: Not such a video, or too long.

    Source: DICOM PS3.3 A.32.7; PS3.5 8.2.7, 8.2.8, 8.2.10.
    """
    import av

    try:
        with av.open(io.BytesIO(content), format="mp4") as container:
            stream = container.streams.video[0]
            codec, rows, columns = stream.codec_context.name, stream.height, stream.width
            rate = Fraction(stream.average_rate or 0)
            seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
            frames = stream.frames or round(seconds * rate)
    except (av.FFmpegError, IndexError, ValueError, OSError, ZeroDivisionError) as error:
        raise _unreadable() from error
    syntax = _VIDEO_SYNTAXES.get((codec, rows * columns * rate > 1920 * 1088 * 30))
    if syntax is None or not 0 < rows <= 4320 or not 0 < columns <= 7680 or rate <= 0 or frames < 1:
        raise FilmRefused("Only MP4 videos with H.264 or HEVC are taken.", failure_reason=0xC000, code="video")
    if frames / rate > MAX_VIDEO_SECONDS:
        raise FilmRefused(
            "This video is too long: at most {most} seconds are taken.",
            failure_reason=0xA700,
            code="too_long",
            most=MAX_VIDEO_SECONDS,
        )
    film = _film(VideoPhotographicImageStorage, "XC", header, seed, at)
    film.BurnedInAnnotation = "NO"
    film.Rows, film.Columns, film.SamplesPerPixel, film.PlanarConfiguration = rows, columns, 3, 0
    film.PhotometricInterpretation = "YBR_PARTIAL_420"
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.PixelRepresentation = 7, 0
    film.NumberOfFrames = frames
    film.FrameTime = f"{float(1000 / rate):.6g}"
    film.CineRate = film.RecommendedDisplayFrameRate = round(rate)
    film.FrameIncrementPointer = 0x00181063
    film.LossyImageCompression = "01"
    film.LossyImageCompressionMethod = "ISO_14496_10" if codec == "h264" else "ISO_23008_2"
    film.LossyImageCompressionRatio = f"{rows * columns * 3 * frames / len(content):.2f}"
    film.PixelData = encapsulate([content], has_bot=False)
    return _written(film, syntax)


def _film(sop_class: UID, modality: str, header: WrapHeader, seed: str, at: datetime) -> Dataset:
    film = Dataset()
    film.SpecificCharacterSet = "ISO_IR 192"
    film.ImageType = ["ORIGINAL", "PRIMARY"]
    film.SOPClassUID, film.SOPInstanceUID = sop_class, _uid(seed, "instance")
    film.StudyInstanceUID = UID(header.study) if header.study else _uid(seed, "study")
    film.SeriesInstanceUID = _uid(seed, "series")
    film.StudyDate = film.SeriesDate = film.ContentDate = at.strftime("%Y%m%d")
    film.StudyTime = film.SeriesTime = film.ContentTime = at.strftime("%H%M%S")
    film.TimezoneOffsetFromUTC = "+0000"
    film.AccessionNumber, film.Modality = header.accession, modality
    film.Manufacturer = "Teleconsult"
    film.StudyDescription = header.description or header.title
    film.SeriesDescription = film.DocumentTitle = header.title
    if sop_class != EncapsulatedPDFStorage:
        del film.DocumentTitle
    film.PatientName, film.PatientID = _person(header.patient_name), header.patient_id
    film.PatientBirthDate, film.PatientSex = header.birth_date, header.sex
    film.ReferringPhysicianName = film.StudyID = ""
    film.SeriesNumber = film.InstanceNumber = 1
    return film


def _person(name: str) -> str:
    """A name as PN: written with its ideographs in the second group, as viewers look for them there (PS3.5 6.2.1)."""
    plain = name.replace("\\", " ")
    return plain if "^" in plain or "=" in plain or plain.isascii() else f"{plain}={plain}"


def _uid(seed: str, purpose: str) -> UID:
    """A UID that is the same for the same seed: PS3.5 B.2."""
    return UID(f"2.25.{int.from_bytes(hashlib.sha256(f'{purpose} {seed}'.encode()).digest()[:16], 'big')}")


def _written(film: Dataset, syntax: UID) -> bytes:
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = syntax
    film.file_meta.MediaStorageSOPClassUID = film.SOPClassUID
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    film.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
    out = io.BytesIO()
    film.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _unreadable() -> FilmRefused:
    return FilmRefused("This file could not be read.", failure_reason=0xC000, code="unreadable")
