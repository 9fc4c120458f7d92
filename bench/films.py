"""Films for benches: a CT of 512 x 512 pixels made once, and copies with new identifiers that cost nothing."""

import io
import uuid
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

_UID = 44
_MARKS = {"instance": "1" * _UID, "study": "2" * _UID, "series": "3" * _UID, "number": "99999999"}
_TEXTS = {"patient": "P" * 16, "name": "N" * 16, "date": "20990101", "accession": "A" * 12}
_NAMES = ("LI", "WANG", "ZHANG", "SMITH", "GARCIA", "IVANOV", "OKAFOR")


def new_uid() -> str:
    """A fresh UID of the one length that the copies use."""
    return f"2.25.{str(uuid.uuid4().int).zfill(39).replace('0', '1', 1)[:39]}"[:_UID].ljust(_UID, "1")


class Mould:
    """One film that copies are made from.

    Args:
        size_px: Rows and columns.
    """

    def __init__(self, size_px: int) -> None:
        random = np.random.default_rng(1)
        y, x = np.mgrid[0:size_px, 0:size_px] - size_px / 2
        body = np.where(x**2 + y**2 < (size_px * 0.4) ** 2, 1040, 24)
        stored = (body + random.normal(0, 12, body.shape)).clip(0, 4095).astype("<u2")
        self.pixels = stored.tobytes()
        kept = io.BytesIO()
        _data_set(stored).save_as(kept, enforce_file_format=True)
        whole = kept.getvalue()
        self._head, self._tail = whole[:4096], whole[4096:]

    def film(self, number: int, **values: str) -> bytes:
        """A copy with its own identifiers; texts are filled up with spaces."""
        head = self._head
        for name, mark in {**_MARKS, **_TEXTS}.items():
            text = str(number).rjust(len(mark)) if name == "number" else values[name].ljust(len(mark))
            head = head.replace(mark.encode(), text.encode()[: len(mark)])
        return head + self._tail


def _data_set(stored: "np.ndarray") -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = _MARKS["instance"]
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, _MARKS["instance"]
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = _TEXTS["date"]
    data.StudyTime, data.AccessionNumber, data.Modality = "101112", _TEXTS["accession"], "CT"
    data.Manufacturer, data.ReferringPhysicianName = "BENCH", "REF^DOC"
    data.StudyDescription, data.SeriesDescription = "CHEST ROUTINE", "AXIAL 5MM"
    data.PatientName, data.PatientID = _TEXTS["name"], _TEXTS["patient"]
    data.PatientBirthDate, data.PatientSex = "19700101", "O"
    data.BodyPartExamined, data.SliceThickness, data.KVP = "CHEST", "5", "120"
    data.StudyInstanceUID, data.SeriesInstanceUID = _MARKS["study"], _MARKS["series"]
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "1", 1, _MARKS["number"]
    data.ImagePositionPatient, data.ImageOrientationPatient = ["-200", "-200", "0"], ["1", "0", "0", "0", "1", "0"]
    data.FrameOfReferenceUID = "2.25.1234567890123456789012345678901234567890"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = stored.shape
    data.PixelSpacing = ["0.8", "0.8"]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.WindowCenter, data.WindowWidth = "40", "400"
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = "-1024", "1", "HU"
    data.PixelData = stored.tobytes()
    return data


@dataclass(frozen=True)
class Series:
    """Films of one series."""

    study: str
    series: str
    instances: list[str]
    films: list[bytes]


def series_of(mould: Mould, count: int) -> Series:
    """A new study with one series."""
    study, series, patient = new_uid(), new_uid(), uuid.uuid4().hex[:16].upper()
    instances = [new_uid() for _ in range(count)]
    films = [
        mould.film(
            number, instance=instance, study=study, series=series, patient=patient, name=f"BENCH^{patient[:10]}",
            date="20240102", accession=patient[:12],
        )
        for number, instance in enumerate(instances, 1)
    ]  # fmt: skip
    return Series(study, series, instances, films)


@dataclass(frozen=True)
class SmallStudy:
    """What is searched for of a study of twenty tiny films in two series."""

    study: str
    series: tuple[str, str]
    patient: str
    name: str
    date: str
    instance: str


def small_study(mould: Mould, place: int) -> tuple[SmallStudy, list[bytes]]:
    """One of a large set for searches."""
    study, series = new_uid(), (new_uid(), new_uid())
    patient, name = "Q" + uuid.uuid4().hex[:15].upper(), f"{_NAMES[place % len(_NAMES)]}^{place:04d}"
    date = f"2023{1 + place % 12:02d}{1 + place % 28:02d}"
    instances = [new_uid() for _ in range(20)]
    films = [
        mould.film(
            number, instance=instance, study=study, series=series[number % 2], patient=patient, name=name, date=date,
            accession=f"A{place:010d}",
        )
        for number, instance in enumerate(instances)
    ]  # fmt: skip
    return SmallStudy(study, series, patient, name, date, instances[-1]), films


def multipart(films: list[bytes]) -> tuple[bytes, str]:
    """A STOW-RS body and its Content-Type."""
    boundary = uuid.uuid4().hex.encode()
    parts = [b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n" for film in films]
    kind = f'multipart/related; type="application/dicom"; boundary={boundary.decode()}'
    return b"".join([*parts, b"--" + boundary + b"--\r\n"]), kind
