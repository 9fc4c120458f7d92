"""Films with known pixels, in one line each."""

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def film(pixels: np.ndarray | None = None, **attributes: Any) -> bytes:
    """A film as a file.

    Args:
        pixels: Shape (rows, columns), (rows, columns, 3) for RGB; with `NumberOfFrames` one dimension more in front.
        attributes: Set over the usual ones; None leaves one out.
    """
    return written(dataset(pixels, **attributes))


def dataset(pixels: np.ndarray | None = None, **attributes: Any) -> Dataset:
    """A CT slice, or what the attributes make of it."""
    stored = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48) if pixels is None else pixels
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    made.PatientName, made.PatientID, made.Modality = "Test^Film", "T1", "CT"
    made.StudyDate, made.InstanceNumber = "20260310", 1
    shape = stored.shape[1:] if stored.ndim > 2 and "NumberOfFrames" in attributes else stored.shape
    made.Rows, made.Columns = shape[:2]
    made.SamplesPerPixel = shape[2] if len(shape) == 3 else 1
    made.PhotometricInterpretation = "RGB" if made.SamplesPerPixel == 3 else "MONOCHROME2"
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = stored.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    data = stored.tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OW" if stored.dtype.itemsize == 2 else "OB"
    for name, value in attributes.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    return made


def written(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set as a file."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()
