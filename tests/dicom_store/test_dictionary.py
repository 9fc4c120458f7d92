"""The data dictionary says what pydicom's says."""

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_store import dictionary
from tools import dicom_dictionary


def test_the_kept_text_is_up_to_date() -> None:
    assert dicom_dictionary.TARGET.read_text() == dicom_dictionary.text()


def test_every_tag_and_keyword_is_found() -> None:
    for tag, entry in DicomDictionary.items():
        assert dictionary.vr_of(tag) == dictionary_VR(tag)
        assert dictionary.keyword_of(tag) == entry[4]
        if entry[4]:
            assert dictionary.tag_of(entry[4]) == tag_for_keyword(entry[4])


def test_repeated_groups_are_known_by_their_mask() -> None:
    for tag in (0x60003000, 0x60FE0010, 0x50020005, 0x00203104):
        assert dictionary.vr_of(tag) == dictionary_VR(tag)


def test_what_nobody_knows_is_none() -> None:
    assert dictionary.vr_of(0x00091234) is None
    assert [dictionary.tag_of(word) for word in ("Nothing", "", "PatientName\n", "患者", "x" * 500)] == [None] * 5
