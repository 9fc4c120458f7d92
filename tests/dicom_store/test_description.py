"""What the index keeps of a film."""

from typing import Any

import pytest

from dicom_store.description import STUDY_EXTRA, describe
from dicom_store.errors import FilmRefused
from dicom_store.model import Flag
from tests.builders import films


def test_missing_study_and_series_are_made_and_flagged_always_the_same() -> None:
    film = films.film(StudyInstanceUID=None, SeriesInstanceUID=None)
    first, second = describe(film), describe(film)
    assert first.study == second.study != first.series
    assert Flag.UIDS_MADE in first.flags


def test_what_films_share_is_worked_out_once() -> None:
    shared: dict[str, dict[str, Any]] = {}
    one, two = (describe(film, shared) for film in films.ct_series(2))
    assert one.study_columns is two.study_columns
    assert one.series_columns is two.series_columns


def test_a_directory_of_a_disc_is_no_film() -> None:
    data = films.dataset(SOPClassUID="1.2.840.10008.1.3.10")
    with pytest.raises(FilmRefused) as refused:
        describe(films.encode(data))
    assert refused.value.code == "dicomdir"


def test_other_numbers_of_a_study_are_kept_for_searches_and_what_is_of_pictures_is_not() -> None:
    extra = describe(films.film(OtherStudyNumbers="7", Occupation="farmer", AcquisitionNumber=3)).study_columns["extra"]
    assert b'"00201070":{"vr":"IS","Value":[7]}' in extra
    assert b'"00102180"' in extra
    assert b'"00200012"' not in extra
    assert all(tag >> 16 != 0x0020 or tag == 0x00201070 for tag in STUDY_EXTRA)
