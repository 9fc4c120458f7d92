"""dicomweb-client, unchanged, stores, finds and fetches."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient

from tests.builders import films


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_dicomweb_client_works_unchanged(client: Any) -> None:
    session = requests.Session()
    session.headers["Authorization"] = "Bearer east"
    web = DICOMwebClient(str(client.make_url("/dicomweb")), session=session)
    await asyncio.to_thread(_walk_through, web)
    session.close()


def _walk_through(web: DICOMwebClient) -> None:
    series = [pydicom.dcmread(io.BytesIO(film)) for film in films.ct_series(4)]
    study, series_uid = series[0].StudyInstanceUID, series[0].SeriesInstanceUID
    answer = web.store_instances(series)
    assert len(answer.ReferencedSOPSequence) == 4
    assert [item["0020000D"]["Value"] for item in web.search_for_studies()] == [[study]]
    assert web.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert len(web.search_for_studies(search_filters={"PatientName": "fang"}, fuzzymatching=True, limit=5)) == 1
    assert web.search_for_series(study, search_filters={"Modality": "CT"}, fields=["BodyPartExamined"])
    assert len(web.search_for_instances(study, series_uid, limit=2, offset=1)) == 2
    assert len(web.retrieve_study(study)) == len(web.retrieve_series(study, series_uid)) == 4
    one = web.retrieve_instance(study, series_uid, series[2].SOPInstanceUID)
    assert one.PixelData == series[2].PixelData
    metadata = web.retrieve_series_metadata(study, series_uid)
    assert len(web.retrieve_study_metadata(study)) == len(metadata) == 4
    found = pydicom.Dataset.from_json(metadata[0], bulk_data_uri_handler=lambda _uri: b"")
    assert found.PatientName.ideographic == "王^芳"
    bulk = web.retrieve_bulkdata(metadata[0]["7FE00010"]["BulkDataURI"])
    assert bulk == [series[0].PixelData]
    frames = web.retrieve_instance_frames(study, series_uid, series[1].SOPInstanceUID, frame_numbers=[1])
    assert frames == [series[1].PixelData]
    there = (study, series_uid, series[1].SOPInstanceUID)
    little = (("application/octet-stream", "1.2.840.10008.1.2.1"),)
    assert web.retrieve_instance_frames(*there, frame_numbers=[1], media_types=little) == frames
    changed = web.retrieve_instance(*there, media_types=(("application/dicom", "1.2.840.10008.1.2.1"),))
    assert changed.PixelData == series[1].PixelData
    picture = web.retrieve_instance_rendered(*there, media_types=("image/png",), params={"quality": 95})
    assert picture.startswith(b"\x89PNG")
    assert web.retrieve_instance_frames_rendered(*there, [1], media_types=("image/jpeg",)).startswith(b"\xff\xd8")
    assert web.retrieve_series_rendered(study, series_uid, media_types=("image/jpeg",)).startswith(b"\xff\xd8")
    web.delete_instance(study, series_uid, series[0].SOPInstanceUID)
    web.delete_series(study, series_uid)
    assert web.search_for_studies() == []
