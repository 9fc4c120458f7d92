"""A teaching copy says nothing of the patient and stays a film: by the profile, its options, and what slips through."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_store.deidentify.film import deidentified
from dicom_store.deidentify.profile import Act, Dates, Options, act_on
from dicom_store.deidentify.values import Names, shifted
from dicom_store.errors import FilmRefused
from tests.builders import films

NAMES = Names(b"s" * 32)


def copied(data: Dataset, **options: Any) -> Dataset:
    looked_at = options.pop("looked_at", False)
    made = deidentified(films.encode(data), NAMES, Options(**options), looked_at=looked_at)
    return pydicom.dcmread(BytesIO(made.data))


def full() -> Dataset:
    data = films.dataset(
        InstitutionName="Village Clinic",
        StationName="CT1",
        DeviceSerialNumber="4711",
        PatientAge="056Y",
        ProtocolName="Head for WANG",
        SeriesDate="20260228",
        ImageComments="calls herself Fang",
        OperatorsName="Zhou^Min",
    )
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = data.SOPClassUID, "1.2.3.4"
    data.SourceImageSequence = [item]
    inner = Dataset()
    inner.PatientName = "Wang^Fang"
    inner.CodeMeaning = "kept"
    data.AnatomicRegionSequence = [inner]
    data.add_new(0x00091001, "LO", "private Wang")
    data.add_new(0x60000010, "US", 4)
    data.add_new(0x60003000, "OW", b"\1\0")
    return data


def test_nothing_of_the_patient_is_left_and_the_picture_stays() -> None:
    data = full()
    whole = deidentified(films.encode(data), NAMES, Options()).data
    for word in (b"Wang", b"Fang", "王".encode(), b"Village", b"4711", b"Zhou", b"19700101", b"20260301", b"P1 "):
        assert word not in whole
    copy = pydicom.dcmread(BytesIO(whole))
    assert copy.PixelData == data.PixelData
    assert copy.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in copy.DeidentificationMethodCodeSequence] == ["113100"]
    assert not [element for element in copy.iterall() if element.tag.is_private]
    assert 0x60003000 not in copy
    assert copy.file_meta.MediaStorageSOPInstanceUID == copy.SOPInstanceUID != data.SOPInstanceUID


def test_what_the_profile_keeps_but_names_the_patient_is_emptied() -> None:
    data = films.dataset(SequenceName="Wang head", ScanningSequence="SE")
    made = deidentified(films.encode(data), NAMES, Options())
    copy = pydicom.dcmread(BytesIO(made.data))
    assert made.slipped == 1
    assert not copy.SequenceName
    assert copy.ScanningSequence == "SE"


def test_new_names_are_the_same_everywhere_and_differ_by_secret() -> None:
    data = full()
    first, again = copied(data), copied(data)
    assert first.StudyInstanceUID == again.StudyInstanceUID
    assert first.PatientID == first.PatientName == again.PatientID
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == NAMES.uid("1.2.3.4")
    assert first.SourceImageSequence[0].ReferencedSOPClassUID == data.SOPClassUID
    other = deidentified(films.encode(data), Names(b"t" * 32), Options())
    assert other.study != first.StudyInstanceUID


def test_options_keep_what_they_say() -> None:
    data = full()
    kept = copied(data, uids=True, device=True, institution=True, characteristics=True, dates=Dates.KEEP)
    assert kept.SOPInstanceUID == data.SOPInstanceUID
    assert (kept.DeviceSerialNumber, kept.InstitutionName, kept.PatientAge) == ("4711", "Village Clinic", "056Y")
    assert (kept.StudyDate, kept.LongitudinalTemporalInformationModified) == ("20260301", "UNMODIFIED")
    assert not kept.PatientBirthDate
    codes = {item.CodeValue for item in kept.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113106", "113108", "113109", "113110", "113112"}


def test_shifted_dates_keep_their_distance() -> None:
    copy = copied(full(), dates=Dates.SHIFT)
    assert copy.StudyDate not in {"", "20260301"}
    assert int(copy.StudyDate) < 20260301
    assert shifted("DA", "20260228", NAMES.days("P1")) == copy.SeriesDate
    assert shifted("DA", "20260301", NAMES.days("P1")) == copy.StudyDate
    assert copy.StudyTime == "101530"
    assert copy.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(("text", "expected"), [("19700101", "19691231"), ("x", ""), ("00010101", ""), ("", "")])
def test_dates_that_are_none_are_emptied(text: str, expected: str) -> None:
    assert shifted("DA", text, 1) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"BurnedInAnnotation": "YES"},
        {"RecognizableVisualFeatures": "YES"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"},
        {"ConversionType": "WSD"},
    ],
)
def test_pictures_that_may_show_a_name_need_a_person_who_looked(changes: dict[str, str]) -> None:
    data = films.dataset(**changes)
    with pytest.raises(FilmRefused):
        copied(data)
    assert copied(data, looked_at=True).PatientIdentityRemoved == "YES"


def test_an_ultrasound_that_denies_burned_in_text_is_copied() -> None:
    assert copied(films.dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", BurnedInAnnotation="NO")).Rows == 16


def test_documents_are_never_copied() -> None:
    with pytest.raises(FilmRefused):
        copied(films.dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1"), looked_at=True)


def test_what_is_no_film_is_refused() -> None:
    with pytest.raises(FilmRefused):
        deidentified(b"no film", NAMES, Options())


def test_the_table_is_the_standards() -> None:
    assert act_on(0x00100010, Options()) is Act.EMPTY
    assert act_on(0x00081010, Options()) is Act.DUMMY
    assert act_on(0x00081010, Options(device=True)) is Act.KEEP
    assert act_on(0x60023000, Options()) is Act.REMOVE
    assert act_on(0x50000010, Options()) is Act.REMOVE
    assert act_on(0x00280010, Options()) is Act.KEEP


@pytest.mark.parametrize("path", films.real_films(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_films_are_copied_without_their_patient_or_refused(path: Path) -> None:
    film = path.read_bytes()
    try:
        made = deidentified(film, NAMES, Options(), looked_at=True)
    except FilmRefused:
        return
    before, copy = pydicom.dcmread(BytesIO(film), force=True), pydicom.dcmread(BytesIO(made.data))
    # An odd number of bytes gets the byte that the standard asks for.
    assert copy.get("PixelData", b"").rstrip(b"\0") == before.get("PixelData", b"").rstrip(b"\0")
    assert copy.file_meta.TransferSyntaxUID.is_transfer_syntax
    gone = {str(before.get(word, "")) for word in ("PatientName", "PatientID", "AccessionNumber", "PatientBirthDate")}
    for element in copy.iterall():
        if element.VR in {"PN", "LO", "SH", "DA"} and str(element.value or ""):
            assert str(element.value) not in gone - {"REMOVED", "19000101"}
