"""Films for tests, one line each: `film()` is the bytes of a CT slice, `ct_series(20)` those of twenty."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHARED = Path(__file__).resolve().parents[3] / "shared" / "testdata" / "dicom"
BUNDLED = Path(pydicom.data.__file__).parent / "test_files"


def dataset(size: int = 16, **attributes: Any) -> Dataset:
    """A small CT slice; keyword arguments set or (None) remove attributes."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = generate_uid()
    data.StudyDate = "20260301"
    data.StudyTime = "101530"
    data.Modality = "CT"
    data.AccessionNumber = "A1"
    data.ReferringPhysicianName = "Wu^Li"
    data.StudyDescription = "Chest"
    data.SeriesDescription = "Lung"
    data.PatientName = "Wang^Fang=王^芳"
    data.PatientID = "P1"
    data.PatientBirthDate = "19700101"
    data.PatientSex = "F"
    data.StudyInstanceUID = generate_uid()
    data.SeriesInstanceUID = generate_uid()
    data.StudyID = "S1"
    data.SeriesNumber = 1
    data.InstanceNumber = 1
    data.ImagePositionPatient = [0, 0, 0]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows = data.Columns = size
    data.PixelSpacing = [1, 1]
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = 1
    data.RescaleIntercept = -1024
    data.RescaleSlope = 1
    data.WindowCenter = 40
    data.WindowWidth = 400
    data.PixelData = np.arange(size * size, dtype="<i2").tobytes()
    for name, value in attributes.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def encode(data: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"\0" * 128) -> bytes:
    """A data set as the bytes of a DICOM file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    data.file_meta = meta
    data.preamble = preamble
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def film(size: int = 16, **attributes: Any) -> bytes:
    """The bytes of one CT slice."""
    return encode(dataset(size, **attributes))


def ct_series(count: int, size: int = 16, **attributes: Any) -> list[bytes]:
    """The slices of one CT series, from the feet up."""
    shared = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), **attributes}
    return [
        film(size, InstanceNumber=number, ImagePositionPatient=[0, 0, number], **shared)
        for number in range(1, count + 1)
    ]


def uids(data: bytes) -> tuple[str, str, str]:
    """Study, series and SOP instance UID of a film."""
    found = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
    return found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID


def real_films() -> list[Path]:
    """All real films there are: those that come with pydicom, and the shared ones where they are present."""
    bundled = [path for path in BUNDLED.rglob("*.dcm") if path.is_file()]
    shared = list(SHARED.rglob("*.dcm")) if SHARED.is_dir() else []
    return sorted([*bundled, *shared], key=os.fspath)
