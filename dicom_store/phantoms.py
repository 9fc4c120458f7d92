"""Made-up films of clinical size: for the sample county, tests and benches. Anatomy is painted in Hounsfield units.

Nobody's body: ellipses, a few vessels, a nodule. Every film says so in its header.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

_CT = "1.2.840.10008.5.1.4.1.1.2"
_DX = "1.2.840.10008.5.1.4.1.1.1.1"
_US_CINE = "1.2.840.10008.5.1.4.1.1.3.1"
_AIR, _LUNG, _FAT, _SOFT, _BONE = -1000.0, -850.0, -100.0, 40.0, 600.0
_NOISE_HU = 18.0

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose films they pretend to be.

    Attributes:
        name: As DICOM writes it, `Gao^Shoutian=高^守田`.
        number: The holding institution's number of the patient.
        sex: M, F or O.
    """

    name: str
    number: str
    sex: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class Taken:
    """When and where.

    Attributes:
        on: Day of the study.
        time: HHMMSS.
        institution: Its name.
        root: Text from which all UIDs follow: the same root gives the same films.
    """

    on: date
    time: str
    institution: str
    root: str

    def uid(self, *parts: object) -> str:
        """A UID that follows from the root and the parts."""
        return str(generate_uid(entropy_srcs=[self.root, *map(str, parts)]))

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self.uid("study")


def chest_ct(subject: Subject, taken: Taken, slices: int = 40, size_px: int = 512) -> Iterator[bytes]:
    """A chest CT with a spiculated nodule in the right upper lobe, a slice at a time, as whole files."""
    series, frame_of_reference = taken.uid("ct"), taken.uid("frame")
    noise = _noise(size_px, 7, _NOISE_HU)
    for number in range(1, slices + 1):
        z = (number - 1) / max(1, slices - 1) * 2 - 1  # -1 apex, 1 base
        plane = _chest(size_px, z) + np.roll(noise, number * 97)
        data = _header(subject, taken, _CT, "CT", series, number)
        data.FrameOfReferenceUID = frame_of_reference
        data.StudyDescription, data.SeriesDescription = "胸部 CT 平扫", "肺窗 5.0"
        data.BodyPartExamined, data.ImageType = "CHEST", ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.ImagePositionPatient = [-180, -180, round(-5.0 * number, 3)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.SliceLocation, data.SliceThickness = round(-5.0 * number, 3), 5
        data.PixelSpacing, data.KVP = [360 / size_px, 360 / size_px], 120
        data.WindowCenter, data.WindowWidth = [-600, 40], [1500, 350]
        data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024, 1, "HU"
        yield _file(data, np.clip(plane + 1024, 0, 4095).astype("<u2"), 12)


def head_ct(subject: Subject, taken: Taken, slices: int = 60, size_px: int = 512) -> Iterator[bytes]:
    """A head CT with a lens-shaped bleeding under the left skull."""
    series, frame_of_reference = taken.uid("head"), taken.uid("frame")
    noise = _noise(size_px, 11, 5.0)
    for number in range(1, slices + 1):
        z = (number - 1) / max(1, slices - 1) * 2 - 1
        plane = _head(size_px, z) + np.roll(noise, number * 97)
        data = _header(subject, taken, _CT, "CT", series, number)
        data.FrameOfReferenceUID = frame_of_reference
        data.StudyDescription, data.SeriesDescription = "头颅 CT 平扫", "脑窗 2.5"
        data.BodyPartExamined, data.ImageType = "HEAD", ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.ImagePositionPatient = [-120, -120, round(2.5 * number, 3)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.SliceLocation, data.SliceThickness = round(2.5 * number, 3), 2.5
        data.PixelSpacing, data.KVP = [240 / size_px, 240 / size_px], 120
        data.WindowCenter, data.WindowWidth = 40, 80
        data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024, 1, "HU"
        yield _file(data, np.clip(plane + 1024, 0, 4095).astype("<u2"), 12)


def chest_dr(subject: Subject, taken: Taken, size_px: int = 2048) -> bytes:
    """A chest X-ray, postero-anterior: what a chest CT would cast as a shadow."""
    y, x = _grid(size_px)
    lungs = _inside(x, y, -0.36, 0.0, 0.26, 0.52) + _inside(x, y, 0.36, 0.0, 0.26, 0.52)
    heart = _inside(x, y, 0.12, 0.28, 0.26, 0.24)
    body = _soft(x, y, 0, 0.2, 0.95, 1.2)
    shadow = 900 * body - 620 * _blurred(lungs) + 520 * _blurred(heart)
    shadow += 260 * _blurred((np.abs(x) < 0.07).astype(np.float32)) * body
    for rib in range(9):
        height = -0.5 + rib * 0.13 + 0.12 * x * x
        shadow += 60 * np.exp(-(((y - height) / 0.018) ** 2)) * (np.abs(x) < 0.8) * body
    shadow += _noise(size_px, 5, 12.0)
    data = _header(subject, taken, _DX, "DX", taken.uid("dr"), 1)
    data.StudyDescription, data.SeriesDescription = "胸部正位片", "PA"
    data.BodyPartExamined, data.ViewPosition = "CHEST", "PA"
    data.PresentationIntentType, data.PixelIntensityRelationship = "FOR PRESENTATION", "LOG"
    data.ImagerPixelSpacing = [430 / size_px, 430 / size_px]
    data.WindowCenter, data.WindowWidth = 800, 1500
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = 0, 1, "US"
    data.PresentationLUTShape = "IDENTITY"
    return _file(data, np.clip(shadow + 200, 0, 4095).astype("<u2"), 12)


def heart_cine(subject: Subject, taken: Taken, frames: int = 45, size_px: int = 512) -> bytes:
    """An echocardiogram, parasternal long axis: two beating chambers in a fan, one multi-frame file of 8 bits."""
    y, x = _grid(size_px)
    depth, angle = np.hypot(x, y + 1) / 2, np.arctan2(x, y + 1)
    fan = (np.abs(angle) < 0.62) & (depth < 0.98)
    speckle = np.random.default_rng(3).random((size_px, size_px), dtype=np.float32)
    gain = np.clip(1.15 - depth, 0, 1)
    pictures = np.zeros((frames, size_px, size_px), np.uint8)
    for number in range(frames):
        beat = 0.5 + 0.5 * float(np.cos(2 * np.pi * number / frames * 3))  # three beats, 1 filled
        wall = np.full((size_px, size_px), 0.34, np.float32)
        left = _inside(x, y, 0.02, 0.05, 0.30 + 0.05 * beat, 0.20 + 0.09 * beat) > 0
        right = _inside(x, y, 0.06, -0.36, 0.26 + 0.02 * beat, 0.07 + 0.02 * beat) > 0
        atrium = _inside(x, y, 0.12, 0.55, 0.22 - 0.04 * beat, 0.16) > 0
        wall[left | right | atrium] = 0.03
        valve = np.abs(y - 0.33 - 0.10 * (1 - beat) * np.sign(x - 0.08) * (x - 0.08) * 4) < 0.012
        wall[valve & (np.abs(x - 0.08) < 0.2)] = 0.9
        shown = wall * (0.55 + 0.9 * np.roll(speckle, number % 3, 0)) * gain * fan
        pictures[number] = np.clip(shown * 255, 0, 255)
    data = _header(subject, taken, _US_CINE, "US", taken.uid("cine"), 1)
    data.StudyDescription, data.SeriesDescription = "超声心动图", "胸骨旁左室长轴"
    data.NumberOfFrames, data.FrameTime, data.CineRate = frames, 33.3, 30
    data.FrameIncrementPointer = 0x00181063
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    return _file(data, pictures, 8)


# ---------------------------------------------------------------- anatomy
def _chest(size: int, z: float) -> Plane:
    y, x = _grid(size)
    plane = np.full((size, size), _AIR, np.float32)
    wide = 0.82 - 0.12 * max(0.0, -z)
    plane[_inside(x, y, 0, 0, wide, 0.62) > 0] = _FAT
    plane[_inside(x, y, 0, 0, wide - 0.06, 0.56) > 0] = _SOFT
    _ribs(plane, x, y, wide, z)
    tall = 0.44 * float(np.sqrt(max(0.05, 1 - (z * 0.75) ** 2)))
    for side in (-1, 1):
        lung = _inside(x, y, side * 0.36, -0.02, 0.27, tall) > 0
        plane[lung] = _LUNG + 60 * y[lung]
        _vessels(plane, x, y, lung, side, z)
    plane[_inside(x, y, 0.06, -0.04, 0.20 + 0.08 * max(0.0, z), 0.24) > 0] = _SOFT + 5  # mediastinum, heart
    plane[_inside(x, y, 0.14, 0.24, 0.055, 0.055) > 0] = _SOFT + 4  # aorta
    for side in (-1, 1):  # main bronchi
        plane[_inside(x, y, side * (0.05 + 0.05 * max(0.0, z)), 0.08, 0.035, 0.03) > 0] = _AIR
    plane[_inside(x, y, 0, 0.4, 0.12, 0.09) > 0] = _BONE * 0.6  # spine
    plane[_inside(x, y, 0, 0.44, 0.05, 0.03) > 0] = _SOFT - 20
    _nodule(plane, x, y, z)
    return plane


def _ribs(plane: Plane, x: Plane, y: Plane, wide: float, z: float) -> None:
    angle = np.arctan2(y / 0.53, x / (wide - 0.08))
    ring = np.hypot(x / (wide - 0.08), y / 0.53)
    on = (np.abs(ring - 1) < 0.035) & (np.sin(angle * 11 + z * 14) > 0.35) & (np.abs(x) > 0.12)
    plane[on] = _BONE


def _vessels(plane: Plane, x: Plane, y: Plane, lung: NDArray[np.bool_], side: int, z: float) -> None:
    inside, x, y = plane[lung], x[lung] - side * 0.2, y[lung]
    for branch in range(9):
        angle = branch * 0.7 + z * 1.3
        along = x * np.cos(angle) + y * np.sin(angle)
        across = np.abs(-x * np.sin(angle) + y * np.cos(angle) - 0.03 * np.sin(along * 9 + branch))
        thin = 0.012 * np.clip(1 - along * 1.8, 0.15, 1)
        inside[(along > 0.03) & (across < thin)] = -60
    plane[lung] = inside


def _nodule(plane: Plane, x: Plane, y: Plane, z: float) -> None:
    depth = (z + 0.45) / 0.12
    if abs(depth) >= 1:
        return
    radius = 0.055 * float(np.sqrt(1 - depth * depth))
    dx, dy = x + 0.42, y + 0.1
    edge = radius * (1 + 0.18 * np.sin(np.arctan2(dy, dx) * 7))
    plane[np.hypot(dx, dy) < edge] = 38


def _head(size: int, z: float) -> Plane:
    y, x = _grid(size)
    grow = float(np.sqrt(max(0.08, 1 - (0.8 * z) ** 2)))
    plane = np.full((size, size), _AIR, np.float32)
    plane[_inside(x, y, 0, 0, 0.72 * grow, 0.88 * grow) > 0] = _FAT + 110
    plane[_inside(x, y, 0, 0, 0.68 * grow, 0.84 * grow) > 0] = 900
    brain = _inside(x, y, 0, 0, 0.62 * grow, 0.78 * grow) > 0
    plane[brain] = 32 + 4 * np.sin(x[brain] * 30) * np.sin(y[brain] * 26)
    white = _inside(x, y, 0, 0, 0.44 * grow, 0.6 * grow) > 0
    plane[white] = 27
    if abs(z) < 0.5:
        for side in (-1, 1):
            plane[_inside(x, y, side * 0.09, -0.12, 0.05, 0.2 * (1 - abs(z))) > 0] = 6
    lens = brain & (np.hypot((x - 0.62 * grow) / 0.22, (y + 0.1) / 0.42) < 1) & (abs(z - 0.1) < 0.4)
    plane[lens] = 68
    return plane


@cache
def _grid(size: int) -> tuple[Plane, Plane]:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return np.meshgrid(axis, axis, indexing="ij")


def _noise(size: int, seed: int, deviation: float) -> Plane:
    return np.random.default_rng(seed).standard_normal((size, size), dtype=np.float32) * np.float32(deviation)


def _inside(x: Plane, y: Plane, cx: float, cy: float, rx: float, ry: float) -> Plane:
    return (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1).astype(np.float32)


def _soft(x: Plane, y: Plane, cx: float, cy: float, rx: float, ry: float) -> Plane:
    return np.clip(1.6 - 1.6 * (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2), 0, 1)


def _blurred(plane: Plane, steps: int = 24) -> Plane:
    for axis in (0, 1):
        total = np.cumsum(plane, axis=axis)
        plane = ((np.roll(total, -steps, axis) - np.roll(total, steps, axis)) / (2 * steps)).astype(np.float32)
    return np.clip(plane, 0, 1)


# ---------------------------------------------------------------- files
def _header(subject: Subject, taken: Taken, sop_class: str, modality: str, series: str, number: int) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = UID(taken.uid(series, number))
    data.StudyInstanceUID, data.SeriesInstanceUID = taken.study_uid, series
    data.StudyDate = data.SeriesDate = data.ContentDate = f"{taken.on:%Y%m%d}"
    data.StudyTime = data.SeriesTime = data.ContentTime = taken.time
    data.AccessionNumber, data.StudyID = "", "1"
    data.Modality, data.Manufacturer, data.InstitutionName = modality, "Phantom", taken.institution
    data.ReferringPhysicianName = ""
    data.PatientName, data.PatientID = subject.name, subject.number
    data.PatientBirthDate, data.PatientSex = f"{subject.birth_date:%Y%m%d}", subject.sex
    data.PatientComments = "Synthetic phantom, not a patient"
    data.SeriesNumber, data.InstanceNumber = 1, number
    return data


def _file(data: Dataset, pixels: NDArray[np.uint16] | NDArray[np.uint8], bits: int) -> bytes:
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.BitsAllocated, data.PixelRepresentation = pixels.itemsize * 8, 0
    data.BitsStored, data.HighBit = bits, bits - 1
    data.add_new(0x7FE00010, "OB" if pixels.itemsize == 1 else "OW", pixels.tobytes())
    buffer = BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
